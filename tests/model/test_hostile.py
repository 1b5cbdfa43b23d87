"""Malformed and malicious files: one clear ModelError each, and bounded work."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from harness.errors import ModelError
from harness.identifiers import is_identifier
from harness.model.export import to_onnx
from harness.model.onnx_reader import read_onnx
from tests.model.onnx_models import Array, check, model, node, save, weights


def small() -> onnx.ModelProto:
    """A valid network that the cases below damage."""
    return model(
        [
            node("Conv", ["x", "w", "b"], "c", pads=[1, 1, 1, 1]),
            node("Relu", ["c"], "r"),
            node("Flatten", ["r"], "f"),
            node("Gemm", ["f", "v"]),
        ],
        ["N", 2, 4, 4],
        {"w": weights(3, 2, 3, 3), "b": weights(3), "v": weights(48, 5)},
    )


def refuse(proto: onnx.ModelProto, folder: Path, message: str, **options: int) -> str:
    path = save(proto, folder)
    with pytest.raises(ModelError, match=message) as caught:
        read_onnx(path, **options)
    text = str(caught.value)
    assert str(path) in text
    assert all(line.isprintable() for line in text.splitlines())
    return text


def test_the_network_that_is_damaged_below_is_valid(tmp_path: Path) -> None:
    check(small(), tmp_path)


def _input(proto: onnx.ModelProto) -> onnx.TensorShapeProto:
    return proto.graph.input[0].type.tensor_type.shape


def _set_dim(axis: int, value: int) -> Callable[[onnx.ModelProto], None]:
    def change(proto: onnx.ModelProto) -> None:
        _input(proto).dim[axis].dim_value = value

    return change


def _set_weight(values: Array) -> Callable[[onnx.ModelProto], None]:
    def change(proto: onnx.ModelProto) -> None:
        proto.graph.initializer[0].CopyFrom(numpy_helper.from_array(values, "w"))

    return change


def _poisoned(value: float) -> Array:
    values = weights(3, 2, 3, 3)
    values[1, 0, 2, 1] = value
    return values


def _add_cycle(proto: onnx.ModelProto) -> None:
    proto.graph.node[1].input[0] = "s"
    proto.graph.node.append(node("Add", ["c", "r"], "s"))


def _add_second_writer(proto: onnx.ModelProto) -> None:
    proto.graph.node.append(node("Relu", ["x"], "c"))


def _add_writer_of_a_weight(proto: onnx.ModelProto) -> None:
    proto.graph.node.append(node("Relu", ["x"], "w"))


def _add_subgraph(proto: onnx.ModelProto) -> None:
    body = helper.make_graph([node("Relu", ["x"], "q")], "body", [], [])
    proto.graph.node[1].attribute.append(helper.make_attribute("then_branch", body))


def _add_function(proto: onnx.ModelProto) -> None:
    imports = [helper.make_opsetid("", 17)]
    proto.functions.append(
        helper.make_function("", "Relu", ["a"], ["b"], [node("Abs", ["a"], "b")], imports)
    )


CASES: dict[str, tuple[Callable[[onnx.ModelProto], object], str]] = {
    "no graph": (lambda p: p.ClearField("graph"), "holds no network"),
    "no nodes": (lambda p: p.graph.ClearField("node"), "holds no network"),
    "no input": (lambda p: p.graph.ClearField("input"), "has no input"),
    "no output": (lambda p: p.graph.ClearField("output"), "0 outputs"),
    "two inputs": (
        lambda p: p.graph.input.append(
            helper.make_tensor_value_info("z", TensorProto.FLOAT, [1, 2])
        ),
        "2 inputs, not one: x, z",
    ),
    "two outputs": (
        lambda p: p.graph.output.append(
            helper.make_tensor_value_info("r", TensorProto.FLOAT, None)
        ),
        "2 outputs, not one: y, r",
    ),
    "same output twice": (lambda p: p.graph.output.append(p.graph.output[0]), "one name"),
    "output unknown": (lambda p: setattr(p.graph.output[0], "name", "q"), "no node writes"),
    "output is the input": (lambda p: setattr(p.graph.output[0], "name", "x"), "no node writes"),
    "cycle": (_add_cycle, r"cycle, on or before: n_r \(Relu\)"),
    "written twice": (_add_second_writer, "c is written twice"),
    "a weight is written": (_add_writer_of_a_weight, "w is written twice"),
    "missing tensor": (lambda p: p.graph.node[1].input.__setitem__(0, "q"), "reads q, which"),
    "missing weights": (lambda p: p.graph.initializer.pop(0), "reads w, which nothing writes"),
    "weights twice": (lambda p: p.graph.initializer.append(p.graph.initializer[0]), "one name"),
    "weights without a name": (lambda p: setattr(p.graph.initializer[0], "name", ""), "no name"),
    "input without shape": (
        lambda p: p.graph.input[0].type.tensor_type.ClearField("shape"),
        "no tensor with a shape",
    ),
    "input of rank 3": (lambda p: _input(p).dim.pop(), "3 dimensions"),
    "input of bytes": (
        lambda p: setattr(p.graph.input[0].type.tensor_type, "elem_type", TensorProto.UINT8),
        "of type UINT8",
    ),
    "input of an unknown type": (
        lambda p: setattr(p.graph.input[0].type.tensor_type, "elem_type", 99),
        "of type 99",
    ),
    "negative height": (_set_dim(2, -4), "impossible input shape 1x2x-4x4"),
    "height of zero": (_set_dim(2, 0), "impossible input shape"),
    "huge image": (_set_dim(2, 1 << 40), "shape 1x2x1099511627776x4 takes"),
    "channels do not fit": (_set_dim(1, 3), r"n_c \(Conv, reads 1x3x4x4"),
    "no opset": (lambda p: p.ClearField("opset_import"), "no version"),
    "two opsets": (lambda p: p.opset_import.append(helper.make_opsetid("ai.onnx", 9)), "more than"),
    "old opset": (
        lambda p: setattr(p.opset_import[0], "version", 6),
        "defines it otherwise than 7",
    ),
    "future opset": (lambda p: setattr(p.opset_import[0], "version", 1 << 50), "opset from 7"),
    "subgraph": (_add_subgraph, "control flow"),
    "function": (_add_function, "functions of its own"),
    "NaN": (_set_weight(_poisoned(np.nan)), "not finite"),
    "infinity": (_set_weight(_poisoned(-np.inf)), "not finite"),
    "beyond float32": (_set_weight(_poisoned(0.0).astype(np.float64) + 1e300), "not finite|type"),
    "integer weights": (_set_weight(np.ones((3, 2, 3, 3), np.int64)), "type int64"),
    "weights of strings": (
        _set_weight(np.array(["a", "b"], dtype=object)),
        "STRING are not supported",
    ),
    "1-D convolution": (_set_weight(weights(3, 2, 3)), "1-D convolution is not supported"),
    "3-D convolution": (_set_weight(weights(3, 2, 3, 3, 3)), "3-D convolution is not supported"),
    "no weights": (_set_weight(weights(0, 2, 3, 3)), "are empty"),
    "weights too short": (
        lambda p: setattr(p.graph.initializer[0], "raw_data", b"1234"),
        "holds 4 bytes, but its shape 3x2x3x3 needs 216",
    ),
    "weights too large": (
        lambda p: p.graph.initializer[0].dims.__setitem__(0, 1 << 40),
        "dimensions 1099511627776x2x3x3 take more than",
    ),
    "weights of negative size": (
        lambda p: p.graph.initializer[0].dims.__setitem__(0, -3),
        "impossible dimensions -3x2x3x3",
    ),
    "kernel differs": (
        lambda p: p.graph.node[0].attribute.append(helper.make_attribute("kernel_shape", [5, 5])),
        r"kernel_shape \[5, 5\] differs",
    ),
    "pads of one dimension": (
        lambda p: p.graph.node[0].attribute[0].ints.__delitem__(slice(2, 4)),
        "not for two dimensions",
    ),
    "negative pads": (
        lambda p: p.graph.node[0].attribute[0].ints.__setitem__(0, -1),
        "negative or out of range",
    ),
    "huge pads": (
        lambda p: p.graph.node[0].attribute[0].ints.__setitem__(0, 1 << 62),
        "out of range",
    ),
    "strides of zero": (
        lambda p: p.graph.node[0].attribute.append(helper.make_attribute("strides", [0, 1])),
        "out of range",
    ),
    "groups do not fit": (
        lambda p: p.graph.node[0].attribute.append(helper.make_attribute("group", 7)),
        "in 7 groups",
    ),
    "attribute of a wrong type": (
        lambda p: p.graph.node[0].attribute.append(helper.make_attribute("strides", "2")),
        "strides has a wrong type|onnx",
    ),
    "attribute twice": (
        lambda p: p.graph.node[0].attribute.append(p.graph.node[0].attribute[0]),
        "pads is given twice",
    ),
    "unknown attribute": (
        lambda p: p.graph.node[1].attribute.append(helper.make_attribute("alpha", 0.1)),
        "unknown attribute alpha",
    ),
    "auto_pad and pads": (
        lambda p: p.graph.node[0].attribute.append(helper.make_attribute("auto_pad", "SAME_UPPER")),
        "both pads and auto_pad",
    ),
    "no inputs": (lambda p: p.graph.node[0].ClearField("input"), "wrong number of inputs"),
    "too many inputs": (lambda p: p.graph.node[1].input.append("x"), "wrong number of inputs"),
    "operator of another domain": (
        lambda p: setattr(p.graph.node[1], "domain", "com.microsoft"),
        "operators of com.microsoft",
    ),
    "unknown operator": (lambda p: setattr(p.graph.node[1], "op_type", "Frobnicate"), "Frobnicate"),
    "weights in segments": (
        lambda p: p.graph.initializer[0].segment.CopyFrom(TensorProto.Segment(begin=0, end=1)),
        "segments",
    ),
    "sparse weights": (
        lambda p: p.graph.sparse_initializer.append(onnx.SparseTensorProto()),
        "sparse",
    ),
    "a matrix of the wrong size": (
        lambda p: p.graph.initializer[2].CopyFrom(numpy_helper.from_array(weights(47, 5), "v")),
        r"n_y \(Gemm, reads 1x48, 47x5\)",
    ),
    "bias of the wrong size": (
        lambda p: p.graph.initializer[1].CopyFrom(numpy_helper.from_array(weights(4), "b")),
        "bias 4 does not fit 3 outputs",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_refused(case: str, tmp_path: Path) -> None:
    change, message = CASES[case]
    proto = small()
    change(proto)
    refuse(proto, tmp_path, message)


@pytest.mark.parametrize("batch", [0, -1, 1])
def test_open_batch(batch: int, tmp_path: Path) -> None:
    proto = small()
    _input(proto).dim[0].dim_value = batch
    graph = read_onnx(save(proto, tmp_path))
    assert graph.shapes[graph.input] == (1, 2, 4, 4)


def test_open_image_size(tmp_path: Path) -> None:
    proto = model([node("GlobalAveragePool", ["x"])], ["N", 3, "H", None])
    text = refuse(proto, tmp_path, "height or width is dynamic")
    assert "--input" in text
    graph = read_onnx(tmp_path / "net.onnx", input_size=9)
    assert graph.shapes[graph.input] == (1, 3, 9, 9)
    refuse(model([node("Relu", ["x"])], [1, "C", 3, 3]), tmp_path, "channels is dynamic")
    refuse(model([node("Relu", ["x"])], [1, 3]), tmp_path, "takes vectors", input_size=9)
    refuse(small(), tmp_path, "or leave the input size out", input_size=9)
    refuse(small(), tmp_path, "impossible input shape", input_size=-1)


def test_all_unsupported_nodes_at_once(tmp_path: Path) -> None:
    proto = model(
        [
            node("Softsign", ["x"], "a"),
            node("Conv", ["a", "w"], "b"),
            node("LRN", ["b"], "c", size=3),
            node("Transpose", ["c"], "d", perm=[0, 2, 3, 1]),
            node("MaxPool", ["b"], "e", kernel_shape=[2, 2], dilations=[2, 2]),
            node("ReduceMean", ["e"], "f", axes=[1]),
            node("Mul", ["a", "a"], "g"),
            node("Concat", ["a", "g"], "h", axis=2),
            node("Softmax", ["h"], "i", axis=1),
            node("Sum", ["d", "f", "i"]),
        ],
        ["N", 3, 8, 8],
        {"w": weights(4, 3, 3, 3)},
    )
    text = refuse(proto, tmp_path, "9 nodes are not supported")
    for expected in (
        "n_a (Softsign, reads 1x3x8x8)",
        "n_c (LRN, reads 1x4x6x6)",
        "n_d (Transpose, reads 1x4x6x6)",
        "n_e (MaxPool, reads 1x4x6x6): dilations",
        "n_f (ReduceMean, reads 1x4x4x4)",
        "n_g (Mul, reads 1x3x8x8, 1x3x8x8)",
        "n_h (Concat, reads 1x3x8x8, 1x3x8x8): axis 2",
        "n_i (Softmax, reads 1x3x16x8)",
    ):
        assert expected in text
    assert "n_b " not in text  # the convolution between them is fine


def test_nodes_that_the_output_ignores_do_not_count(tmp_path: Path) -> None:
    proto = small()
    proto.graph.node.append(node("Erf", ["missing"], "unused"))
    assert len(read_onnx(save(proto, tmp_path)).nodes) == 4


@pytest.mark.parametrize(
    ("name", "attributes", "message"),
    [
        ("MaxPool", {"kernel_shape": [2, 2], "storage_order": 1}, None),
        ("MaxPool", {"kernel_shape": [2]}, "not for two dimensions"),
        ("MaxPool", {}, "kernel_shape is missing"),
        ("MaxPool", {"kernel_shape": [2, 2], "pads": [2, 0, 0, 0]}, "smaller than the kernel"),
        ("AveragePool", {"kernel_shape": [9, 9]}, "does not fit"),
        ("Softmax", {"axis": 9}, "axis 9"),
        ("Flatten", {"axis": -7}, "axis -7"),
        ("Transpose", {"perm": [0, 0, 1, 2]}, "no permutation|perm"),
        ("Cast", {"to": 7}, "Cast to float32"),
    ],
)
def test_attributes(
    name: str, attributes: dict[str, object], message: str | None, tmp_path: Path
) -> None:
    proto = model([node(name, ["x"], **attributes)], [1, 3, 5, 5], opset=13)
    if message is None:
        read_onnx(save(proto, tmp_path))
    else:
        refuse(proto, tmp_path, message)


def test_max_pool_indices(tmp_path: Path) -> None:
    proto = model([node("MaxPool", ["x"], kernel_shape=[2, 2])], [1, 3, 4, 4])
    proto.graph.node[0].output.append("indices")
    read_onnx(save(proto, tmp_path))  # nothing reads them
    proto.graph.node.append(node("Cast", ["indices"], "z", to=1))
    proto.graph.output[0].name = "z"
    refuse(proto, tmp_path, "indices")


@pytest.mark.parametrize("op", ["Pad", "Conv"])
def test_padding_that_cannot_be_folded(op: str, tmp_path: Path) -> None:
    constants: dict[str, Array] = {
        "p": np.array([0, 0, 1, 1, 0, 0, 1, 1]),
        "one": np.array(1.0, np.float32),
        "w": weights(2, 3, 3, 3),
    }
    pad = node("Pad", ["x", "p", "one"], "y" if op == "Pad" else "q")
    nodes = [pad] if op == "Pad" else [pad, node("Conv", ["q", "w"])]
    message = "not computed from the input|Pad" if op == "Pad" else "only zeros can be folded"
    refuse(model(nodes, [1, 3, 5, 5], constants), tmp_path, message)


def test_padding_by_zeros_before_a_maximum_of_negative_values(tmp_path: Path) -> None:
    constants = {"p": np.array([0, 0, 1, 1, 0, 0, 1, 1])}
    nodes = [node("Pad", ["x", "p"], "q"), node("MaxPool", ["q"], kernel_shape=[3, 3])]
    refuse(model(nodes, [1, 3, 5, 5], constants), tmp_path, "could be the maximum")


@pytest.mark.parametrize(
    "op", ["QuantizeLinear", "QLinearConv", "MatMulInteger", "DynamicQuantizeLinear"]
)
def test_quantized_networks(op: str, tmp_path: Path) -> None:
    proto = small()
    proto.graph.node[1].op_type = op
    text = refuse(proto, tmp_path, "is quantized already")
    assert "float32 network" in text


NAMES = [
    'a"; system("reboot"); //',
    "line\nbreak\r\x1b[31m",
    "../../etc/passwd",
    "int",
    "",
    "..",
    "%s%n",
    "$(touch x)`y`",
    "\u202ereversed",
    "ünïcödé",
    "x" * 5000,
]


@pytest.mark.parametrize("name", NAMES)
def test_names_become_identifiers(name: str, tmp_path: Path) -> None:
    proto = model(
        [
            helper.make_node("Relu", ["x"], [name + "1"], name=name),
            helper.make_node("Relu", [name + "1"], [name + "2"], name=name),
        ],
        [1, 4],
        output=name + "2",
    )
    graph = read_onnx(save(proto, tmp_path))
    names = [graph.name, graph.input, *(n.name for n in graph.nodes)]
    assert len(set(names)) == len(names)
    assert all(is_identifier(text) for text in names)
    unsupported = model(
        [helper.make_node("Tanh", ["x"], [name + "1"], name=name)], [1, 4], output=name + "1"
    )
    assert len(refuse(unsupported, tmp_path, "Tanh")) < 2000


def test_file_names_become_identifiers(tmp_path: Path) -> None:
    path = save(small(), tmp_path, "9 'net' $(x).onnx")
    assert read_onnx(path).name == "n9_net_x"


def test_names_that_are_not_text(tmp_path: Path) -> None:
    data = small().SerializeToString()
    path = tmp_path / "net.onnx"
    path.write_bytes(data.replace(b"n_c", b"\xff\xfe\xfd"))
    with pytest.raises(ModelError, match="not UTF-8"):
        read_onnx(path)


def test_truncated_anywhere(tmp_path: Path) -> None:
    data = small().SerializeToString()
    path = tmp_path / "net.onnx"
    for length in range(0, len(data) - 1, 7):
        path.write_bytes(data[:length])
        with pytest.raises(ModelError):
            read_onnx(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"<html>not found</html>", "not an ONNX model"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "Git LFS"),
        (random.Random(1).randbytes(64) + b"\x07" * 9, "not an ONNX model|holds no network"),
    ],
)
def test_files_that_are_no_model(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=message):
        read_onnx(path)


def test_paths_that_are_no_file(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot read the model: No such file"):
        read_onnx(tmp_path / "missing.onnx")
    with pytest.raises(ModelError, match="not a regular file"):
        read_onnx(tmp_path)
    os.mkfifo(tmp_path / "pipe.onnx")
    with pytest.raises(ModelError, match="not a regular file"):
        read_onnx(tmp_path / "pipe.onnx")
    sparse = tmp_path / "sparse.onnx"
    with sparse.open("wb") as stream:
        stream.truncate((1 << 31) + 1)
    with pytest.raises(ModelError, match="2147483649 bytes are more than"):
        read_onnx(sparse)


def test_ten_megabytes_of_attributes_and_documentation(tmp_path: Path) -> None:
    proto = small()
    proto.graph.node[0].doc_string = "d" * 5_000_000
    proto.doc_string = "e" * 5_000_000
    proto.graph.node[1].attribute.append(helper.make_attribute("k" * 5_000_000, "v" * 5_000_000))
    text = refuse(proto, tmp_path, "unknown attribute kkk")
    assert len(text) < 2000
    proto.graph.node[1].ClearField("attribute")
    read_onnx(save(proto, tmp_path))


def test_constants_that_grow(tmp_path: Path) -> None:
    """A file of a few hundred bytes must not ask for gigabytes."""
    shape = np.array([1 << 15, 1 << 15])
    for nodes in (
        [node("ConstantOfShape", ["s"], "k"), node("Gemm", ["x", "k"])],
        [node("Expand", ["one", "s"], "k"), node("Gemm", ["x", "k"])],
        [node("Range", ["zero", "many", "one_i"], "k"), node("Add", ["x", "k"])],
        [node("Add", ["column", "row"], "k"), node("Gemm", ["x", "k"])],
    ):
        proto = model(
            nodes,
            [1, 1 << 15],
            {
                "s": shape,
                "one": np.array([1.0], np.float32),
                "zero": np.array(0),
                "many": np.array(1 << 40),
                "one_i": np.array(1),
                "column": weights(30_000, 1),
                "row": weights(1, 30_000),
            },
        )
        refuse(proto, tmp_path, "constants take more than|a range of")
    product = [node("Mul", ["x", "two"], "a0")]
    product += [node("Mul", [f"a{i}", "two"], f"a{i + 1}") for i in range(400)]
    wide = model(
        [*product, node("Relu", ["a400"])], [1, 1 << 20, 1, 1], {"two": np.array(2.0, np.float32)}
    )
    refuse(wide, tmp_path, "constants take more than")


def test_deep_networks_take_no_recursion(tmp_path: Path) -> None:
    count = 3000
    nodes = [node("Relu", [f"a{i}" if i else "x"], f"a{i + 1}") for i in range(count)]
    # Any order will do; nodes are sorted.
    proto = model(nodes[::-1], [1, 4], output=f"a{count}")
    assert len(read_onnx(save(proto, tmp_path)).nodes) == count


def _external(proto: onnx.ModelProto, **entries: object) -> onnx.ModelProto:
    tensor = proto.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in entries.items():
        tensor.external_data.add(key=key, value=str(value))
    return proto


def test_external_data_in_the_models_folder(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    values = weights(3, 2, 3, 3)
    (tmp_path / "data" / "w.bin").write_bytes(b"head" + values.tobytes() + b"tail")
    path = save(_external(small(), location="data/w.bin", offset=4, length=216), tmp_path)
    graph = read_onnx(path)
    np.testing.assert_array_equal(graph.nodes[0].weight, values)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("../w.bin", "does not lie in the model's folder"),
        ("sub/../../w.bin", "does not lie in the model's folder"),
        ("/etc/passwd", "does not lie in the model's folder"),
        ("C:\\w.bin", "does not lie in the model's folder"),
        ("..\\w.bin", "does not lie in the model's folder"),
        ("link.bin", "does not lie in the model's folder"),
        ("linked/w.bin", "does not lie in the model's folder"),
        ("loop.bin", "does not lie|cannot read"),
        ("", "does not lie in the model's folder"),
        ("a\0b", "does not lie in the model's folder"),
        ("n" * 5000, "does not lie|cannot read"),
        (".", "not a regular file"),
        ("pipe", "not a regular file"),
        ("absent.bin", "cannot read external data absent.bin"),
        ("short.bin", "holds 100 bytes"),
    ],
)
def test_external_data_elsewhere(location: str, message: str, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "w.bin").write_bytes(weights(3, 2, 3, 3).tobytes())
    (folder / "link.bin").symlink_to("../w.bin")
    (folder / "linked").symlink_to("..")
    (folder / "loop.bin").symlink_to("loop.bin")
    (folder / "short.bin").write_bytes(bytes(100))
    os.mkfifo(folder / "pipe")
    text = refuse(_external(small(), location=location), folder, message)
    assert "Traceback" not in text


@pytest.mark.parametrize(
    "entries", [{"offset": -4}, {"offset": "1e3"}, {"length": 4}, {"offset": 10**30}]
)
def test_external_data_at_impossible_places(entries: dict[str, object], tmp_path: Path) -> None:
    (tmp_path / "w.bin").write_bytes(bytes(216))
    refuse(_external(small(), location="w.bin", **entries), tmp_path, "external data|holds")


def test_weights_by_reference_are_counted_every_time(tmp_path: Path) -> None:
    """Many initializers may name one large (here: sparse) file."""
    with (tmp_path / "w.bin").open("wb") as stream:
        stream.truncate(1 << 29)
    proto = model(
        [node("Mul", [f"a{i}" if i else "x", f"w{i}"], f"a{i + 1}") for i in range(9)],
        [1, 4],
        output="a9",
    )
    for index in range(9):
        tensor = TensorProto(name=f"w{index}", data_type=1, dims=[1 << 27])
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value="w.bin")
        proto.graph.initializer.append(tensor)
    code = (
        "import resource, sys; from pathlib import Path\n"
        "resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))\n"
        "from harness.errors import ModelError\n"
        "from harness.model.onnx_reader import read_onnx\n"
        "try: read_onnx(Path(sys.argv[1]))\n"
        "except ModelError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(save(proto, tmp_path))],
        capture_output=True,
        text=True,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        check=True,
    )
    assert re.search("constants take more than", done.stdout)


def test_random_weights_survive_export(tmp_path: Path) -> None:
    from dataclasses import replace

    graph = read_onnx(save(small(), tmp_path))
    assert not graph.random_weights
    proto = to_onnx(replace(graph, random_weights=True))
    assert read_onnx(save(proto, tmp_path)).random_weights
