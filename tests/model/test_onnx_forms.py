"""Forms in which exporters write what another form says too, against onnxruntime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import NodeProto, TensorProto, helper

from harness.config.load import load_config
from harness.errors import ModelError
from harness.model.onnx_reader import read_onnx
from harness.pipeline.prepare import draw_samples, load
from tests.model.interpreter import evaluate
from tests.model.onnx_models import Array, check, model, node, run_onnx, save, weights

SOFTMAX = node("Softmax", ["m"])


def refusal(proto: onnx.ModelProto, folder: Path, input_size: int | None = None) -> str:
    with pytest.raises(ModelError) as caught:
        read_onnx(save(proto, folder), input_size=input_size)
    return str(caught.value)


def batched(*last: NodeProto, batch: int = 4, **constants: Array) -> onnx.ModelProto:
    return model(
        [
            node("Conv", ["x", "w", "b"], "c", pads=[1, 1, 1, 1]),
            node("Relu", ["c"], "r"),
            *last,
        ],
        [batch, 3, 6, 6],
        {"w": weights(5, 3, 3, 3), "b": weights(5), "v": weights(180, 7), **constants},
    )


@pytest.mark.parametrize(
    ("last", "constants"),
    [
        ([node("Reshape", ["r", "s"], "f"), node("MatMul", ["f", "v"])], {"s": np.array([4, -1])}),
        ([node("Reshape", ["r", "s"], "f"), node("MatMul", ["f", "v"])], {"s": np.array([4, 180])}),
        ([node("Reshape", ["r", "s"], "f"), node("MatMul", ["f", "v"])], {"s": np.array([0, -1])}),
        ([node("Flatten", ["r"], "f"), node("MatMul", ["f", "v"], "m"), SOFTMAX], {}),
        ([node("GlobalAveragePool", ["r"])], {}),
        ([node("ReduceMean", ["r"], axes=[2, 3])], {}),
    ],
)
def test_a_fixed_batch_runs_one_by_one(
    last: list[NodeProto], constants: dict[str, Array], tmp_path: Path
) -> None:
    proto = batched(*last, **constants)
    graph = read_onnx(save(proto, tmp_path))
    assert graph.file_batch == 4
    assert graph.shapes[graph.input] == (1, 3, 6, 6)
    x = weights(4, 3, 6, 6, seed=3)
    expected = run_onnx(proto, x)
    for image, row in zip(x, expected, strict=True):
        actual = evaluate(graph, image[None])
        np.testing.assert_allclose(actual.reshape(-1), row.reshape(-1), rtol=0, atol=2e-5)


@pytest.mark.parametrize(
    "last",
    [
        [node("Flatten", ["r"], axis=0)],
        [node("Flatten", ["r"], "f"), node("Softmax", ["f"], axis=0)],
        [node("Transpose", ["r"], perm=[1, 0, 2, 3])],
        [node("Unsqueeze", ["r", "zero"])],
    ],
)
def test_what_several_samples_make_together_is_refused(
    last: list[NodeProto], tmp_path: Path
) -> None:
    text = refusal(batched(*last, zero=np.array([0])), tmp_path)
    assert "computes something from the 4 samples of the batch together" in text


def test_the_user_is_told_of_the_batch(tmp_path: Path) -> None:
    path = save(batched(node("GlobalAveragePool", ["r"])), tmp_path)
    config = load_config(system="alpine-hp", run={"model": str(path)})
    statement = draw_samples(config, load(config)).statement
    assert statement.endswith("one at a time, not 4 as the network's file says")


@pytest.mark.parametrize("mode", ["SAME_UPPER", "SAME_LOWER"])
@pytest.mark.parametrize(("size", "kernel", "stride"), [(16, 1, 2), (17, 1, 3), (15, 2, 4)])
def test_same_padding_with_strides_beyond_the_kernel(
    mode: str, size: int, kernel: int, stride: int, tmp_path: Path
) -> None:
    attributes = {"auto_pad": mode, "strides": [stride, stride]}
    proto = model(
        [node("Conv", ["x", "w"], **attributes)],
        [1, 3, size, size],
        {"w": weights(4, 3, kernel, kernel)},
    )
    graph = check(proto, tmp_path)
    assert graph.nodes[0].pads == (0, 0, 0, 0)  # type: ignore[attr-defined]


def test_same_padding_where_runtimes_disagree_is_refused(tmp_path: Path) -> None:
    proto = model(
        [node("Conv", ["x", "w"], auto_pad="SAME_UPPER", strides=[4, 4])],
        [1, 3, 16, 16],
        {"w": weights(4, 3, 1, 1)},
    )
    assert "stride 4 and a window of 1 on 16 values: runtimes disagree" in refusal(proto, tmp_path)


@pytest.mark.parametrize("op", ["Conv", "MaxPool", "AveragePool"])
def test_one_stride_for_both_axes(op: str, tmp_path: Path) -> None:
    def proto(strides: list[int]) -> onnx.ModelProto:
        if op == "Conv":
            one = node(op, ["x", "w"], strides=strides, dilations=strides)
        else:
            one = node(op, ["x"], strides=strides, kernel_shape=[3, 3])
        return model([one], [1, 3, 9, 9], {"w": weights(4, 3, 2, 2)})

    graph = read_onnx(save(proto([2]), tmp_path))
    x = weights(1, 3, 9, 9)
    np.testing.assert_allclose(evaluate(graph, x), run_onnx(proto([2, 2]), x), rtol=0, atol=1e-5)


def test_an_old_operator_set_whose_operators_are_those_of_a_known_one(tmp_path: Path) -> None:
    def proto(*last: NodeProto) -> onnx.ModelProto:
        nodes = [
            node("Conv", ["x", "w"], "c", pads=[1, 1, 1, 1]),
            node("Relu", ["c"], "r"),
            node("MaxPool", ["r"], "m", kernel_shape=[2, 2], strides=[2, 2]),
            node("Flatten", ["m"], "f" if last else "y"),
        ]
        constants = {"w": weights(4, 3, 3, 3), "v": weights(36, 5), "k": weights(5)}
        return model([*nodes, *last], [1, 3, 6, 6], constants, opset=6)

    check(proto(), tmp_path)
    text = refusal(proto(node("Gemm", ["f", "v", "k"], broadcast=1)), tmp_path)
    assert "n_y (Gemm, reads 1x36, 36x5, 5): operator set 6 defines it otherwise than 7" in text


def test_a_mask_that_nothing_reads(tmp_path: Path) -> None:
    proto = model([node("Dropout", ["x"], "d"), node("Relu", ["d"])], [1, 3, 4, 4], opset=9)
    proto.graph.node[0].output.append("mask")
    check(proto, tmp_path)


def test_all_reasons_are_told_together(tmp_path: Path) -> None:
    proto = model(
        [
            node("Tanh", ["x"], "t"),
            node("Conv", ["t", "w"], "c", kernel_shape=[5, 5]),
            node("Add", ["c", "complex"], "a"),
            node("Erf", ["a"], "e"),
            node("Softmax", ["e"], axis=9),
        ],
        ["N", 3, "H", "W"],
        {"w": weights(4, 3, 3, 3)},
    )
    proto.graph.initializer.append(TensorProto(name="complex", data_type=14, dims=[1]))
    proto.graph.output.append(helper.make_tensor_value_info("t", TensorProto.FLOAT, None))
    text = refusal(proto, tmp_path)
    assert "there are 3 reasons against the network, and 2 nodes are not supported" in text
    for reason in (
        "the network has 2 outputs, not one: y, t",
        "input x: the height or width is dynamic (say which it is to be",
        "initializer complex: values of type COMPLEX64 are not supported",
        "n_t (Tanh, reads ?): not supported",
        "n_e (Erf, reads ?): not supported",
    ):
        assert reason in text
    del proto.graph.output[1]
    text = refusal(proto, tmp_path, input_size=8)
    for reason in (
        "initializer complex: values of type COMPLEX64",
        "n_t (Tanh, reads 1x3x8x8): not supported",
        "n_c (Conv, reads 1x3x8x8, 4x3x3x3): kernel_shape [5, 5] differs from the weights' [3, 3]",
    ):
        assert reason in text


def test_an_input_of_integers_and_its_nodes_are_told_together(tmp_path: Path) -> None:
    proto = model([node("Relu", ["x"], "r"), node("Elu", ["r"])], [1, 4])
    proto.graph.input[0].type.tensor_type.elem_type = TensorProto.INT64
    text = refusal(proto, tmp_path)
    assert "there is 1 reason against the network, and 1 node is not supported" in text
    assert "the input is of type INT64" in text
    assert "n_y (Elu, reads ?)" in text
