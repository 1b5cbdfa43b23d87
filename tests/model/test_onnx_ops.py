"""Every operator against onnxruntime, on odd shapes."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.model.graph import Graph
from harness.operators.add import Add
from harness.operators.avg_pool import AvgPool
from harness.operators.batch_norm import BatchNorm
from harness.operators.clip import Clip
from harness.operators.concat import Concat
from harness.operators.conv import Conv
from harness.operators.dense import Dense
from harness.operators.global_avg_pool import GlobalAvgPool
from harness.operators.log_softmax import LogSoftmax
from harness.operators.max_pool import MaxPool
from harness.operators.node import Node
from harness.operators.reshape import Reshape
from harness.operators.softmax import Softmax
from tests.model.onnx_models import check, model, node, weights

# The folder of one test holds the model of one example at a time.
_PROPERTY = settings(
    deadline=None,
    derandomize=True,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def ops(graph: Graph) -> list[type[Node]]:
    return [type(node) for node in graph.nodes]


@_PROPERTY
@given(data=st.data())
def test_conv(data: st.DataObject, tmp_path: Path) -> None:
    draw = data.draw
    groups = draw(st.sampled_from([1, 1, 2, 3]))
    depth, per_group = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    kernel = (draw(st.integers(1, 4)), draw(st.integers(1, 4)))
    height, width = draw(st.integers(1, 11)), draw(st.integers(1, 11))
    stride = [draw(st.integers(1, 3)), draw(st.integers(1, 3))]
    mode = draw(st.sampled_from(["NOTSET", "NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"]))
    # onnxruntime has no SAME with dilation.
    most = 1 if mode.startswith("SAME") else 2
    dilation = [draw(st.integers(1, most)), draw(st.integers(1, most))]
    attributes: dict[str, object] = {"strides": stride, "dilations": dilation, "group": groups}
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    if mode == "NOTSET":
        pads = [draw(st.integers(0, 4)) for _ in range(4)]
        attributes["pads"] = pads
        height, width = max(height, reach[0]), max(width, reach[1])
    else:
        attributes["auto_pad"] = mode
        if mode != "VALID":
            stride[:] = [min(s, k) for s, k in zip(stride, kernel, strict=True)]
        height, width = max(height, reach[0]), max(width, reach[1])
    if draw(st.booleans()):
        attributes["kernel_shape"] = list(kernel)
    constants = {"w": weights(groups * per_group, depth, *kernel)}
    inputs = ["x", "w"]
    if draw(st.booleans()):
        constants["b"] = weights(groups * per_group)
        inputs.append("b")
    proto = model(
        [node("Conv", inputs, **attributes)], ["N", groups * depth, height, width], constants
    )
    assert ops(check(proto, tmp_path)) == [Conv]


@pytest.mark.parametrize("opset", [7, 9, 11, 13, 17, 21, 22])
def test_depthwise_conv_in_every_opset(opset: int, tmp_path: Path) -> None:
    proto = model(
        [node("Conv", ["x", "w", "b"], group=5, pads=[1, 0, 1, 2], strides=[2, 1])],
        [1, 5, 7, 6],
        {"w": weights(10, 1, 3, 2), "b": weights(10)},
        opset=opset,
    )
    graph = check(proto, tmp_path)
    (conv,) = graph.nodes
    assert isinstance(conv, Conv)
    assert (conv.groups, conv.pads, conv.stride) == (5, (1, 0, 1, 2), (2, 1))


@pytest.mark.parametrize(
    ("trans_a", "trans_b", "alpha", "beta", "bias"),
    [
        (0, 0, 1.0, 1.0, (7,)),
        (0, 1, 1.0, 1.0, (1, 7)),
        (0, 1, 0.5, -2.0, (1,)),
        (1, 0, 1.5, 3.0, ()),
        (0, 0, 2.0, 0.0, (7,)),
        (0, 1, 1.0, 1.0, None),
    ],
)
def test_gemm(
    trans_a: int,
    trans_b: int,
    alpha: float,
    beta: float,
    bias: tuple[int, ...] | None,
    tmp_path: Path,
) -> None:
    constants = {"w": weights(7, 5) if trans_b else weights(5, 7)}
    inputs = ["f", "w"]
    if bias is not None:
        constants["c"] = weights(*bias)
        inputs.append("c")
    constants["shape"] = np.array([5, 1] if trans_a else [1, 5])
    proto = model(
        [
            node("Reshape", ["x", "shape"], "f"),
            node("Gemm", inputs, transA=trans_a, transB=trans_b, alpha=alpha, beta=beta),
        ],
        ["N", 5],
        constants,
    )
    assert ops(check(proto, tmp_path)) == [Dense]


def test_matmul_and_add_become_one_dense(tmp_path: Path) -> None:
    proto = model(
        [node("MatMul", ["x", "w"], "m"), node("Add", ["b", "m"], "s"), node("Relu", ["s"])],
        ["N", 9],
        {"w": weights(9, 4), "b": weights(4)},
    )
    graph = check(proto, tmp_path)
    assert ops(graph) == [Dense, BatchNorm, Clip]


def test_matmul_of_a_row_in_three_dimensions(tmp_path: Path) -> None:
    proto = model(
        [
            node("Reshape", ["x", "s"], "r"),
            node("MatMul", ["r", "w"], "m"),
            node("Relu", ["m"]),
        ],
        [1, 6],
        {"w": weights(6, 3), "s": np.array([1, 1, 6])},
    )
    assert ops(check(proto, tmp_path)) == [Dense, Clip]


@pytest.mark.parametrize("opset", [7, 9, 14, 15])
@pytest.mark.parametrize("shape", [("N", 4, 3, 5), ("N", 4)])
def test_batch_normalization(opset: int, shape: tuple[int | str, ...], tmp_path: Path) -> None:
    proto = model(
        [node("BatchNormalization", ["x", "s", "o", "m", "v"], epsilon=1e-3)],
        shape,
        {
            "s": weights(4, seed=1),
            "o": weights(4, seed=2),
            "m": weights(4, seed=3),
            "v": np.abs(weights(4, seed=4)),
        },
        opset=opset,
    )
    assert ops(check(proto, tmp_path)) == [BatchNorm]


@_PROPERTY
@given(data=st.data())
def test_pooling(data: st.DataObject, tmp_path: Path) -> None:
    draw = data.draw
    kernel = [draw(st.integers(1, 4)), draw(st.integers(1, 4))]
    stride = [draw(st.integers(1, 4)), draw(st.integers(1, 4))]
    size = [draw(st.integers(k, 11)) for k in kernel]
    average = draw(st.booleans())
    opset = draw(st.sampled_from([11, 19, 22]))
    mode = draw(st.sampled_from(["NOTSET", "NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"]))
    attributes: dict[str, object] = {"kernel_shape": kernel, "strides": stride}
    ceil = 0
    if mode == "NOTSET":
        attributes["pads"] = [draw(st.integers(0, kernel[axis % 2] - 1)) for axis in range(4)]
        ceil = draw(st.integers(0, 1))
        attributes["ceil_mode"] = ceil
    else:
        attributes["auto_pad"] = mode
        if mode.startswith("SAME"):
            stride[:] = [min(s, k) for s, k in zip(stride, kernel, strict=True)]
    if average:
        # Padding that counts and windows that reach beyond it: an AvgPool cannot say that.
        both = ceil and any(attributes["pads"])  # type: ignore[call-overload]
        attributes["count_include_pad"] = 0 if both else draw(st.integers(0, 1))
    op = "AveragePool" if average else "MaxPool"
    proto = model([node(op, ["x"], **attributes)], ["N", 3, *size], opset=opset)
    assert ops(check(proto, tmp_path)) == [AvgPool if average else MaxPool]


def test_ceil_mode_ignores_windows_that_start_in_the_padding(tmp_path: Path) -> None:
    # (5 + 1 + 1 - 2) / 3 rounds up to a third window, which starts at 6 = 5 + 1.
    proto = model(
        [
            node(
                "MaxPool",
                ["x"],
                kernel_shape=[2, 2],
                strides=[3, 3],
                pads=[1, 1, 1, 1],
                ceil_mode=1,
            )
        ],
        [1, 2, 5, 5],
    )
    graph = check(proto, tmp_path)
    assert graph.shapes[graph.output] == (1, 2, 2, 2)


@pytest.mark.parametrize("op", ["GlobalAveragePool", "GlobalMaxPool"])
def test_global_pooling(op: str, tmp_path: Path) -> None:
    proto = model([node(op, ["x"])], ["N", 3, 5, 7])
    kind = MaxPool if op == "GlobalMaxPool" else GlobalAvgPool
    assert ops(check(proto, tmp_path)) == [kind]


@pytest.mark.parametrize("keepdims", [0, 1])
@pytest.mark.parametrize("axes", [[2, 3], [-1, -2], [-2, 3]])
@pytest.mark.parametrize("opset", [11, 18])
def test_mean_over_height_and_width(
    opset: int, axes: list[int], keepdims: int, tmp_path: Path
) -> None:
    if opset < 18:
        mean = node("ReduceMean", ["x"], "m", axes=axes, keepdims=keepdims)
    else:
        mean = node("ReduceMean", ["x", "axes"], "m", keepdims=keepdims)
    proto = model(
        [mean, node("Flatten", ["m"], "f"), node("Gemm", ["f", "w"])],
        ["N", 3, 4, 5],
        {"axes": np.array(axes), "w": weights(3, 2)},
        opset=opset,
    )
    assert ops(check(proto, tmp_path)) == [GlobalAvgPool, Reshape, Dense]


def test_mean_over_a_flattened_image(tmp_path: Path) -> None:
    proto = model(
        [node("Reshape", ["x", "s"], "r"), node("ReduceMean", ["r"], axes=[2], keepdims=0)],
        ["N", 3, 4, 5],
        {"s": np.array([0, 3, -1])},
    )
    assert ops(check(proto, tmp_path)) == [GlobalAvgPool, Reshape]


def test_add_of_two_branches_and_concat(tmp_path: Path) -> None:
    proto = model(
        [
            node("Conv", ["x", "w"], "a", pads=[1, 1, 1, 1]),
            node("Add", ["a", "x"], "b"),
            node("Relu", ["b"], "c"),
            node("Concat", ["a", "c", "x"], axis=-3),
        ],
        [1, 3, 5, 4],
        {"w": weights(3, 3, 3, 3)},
    )
    assert ops(check(proto, tmp_path)) == [Conv, Add, Clip, Concat]


def test_add_of_a_tensor_to_itself_and_sum_of_three(tmp_path: Path) -> None:
    proto = model(
        [node("Add", ["x", "x"], "a"), node("Sum", ["a", "x", "a"])],
        ["N", 6],
    )
    assert ops(check(proto, tmp_path)) == [Add, Add, Add]


def test_concat_of_vectors(tmp_path: Path) -> None:
    proto = model(
        [
            node("Gemm", ["x", "w"], "a"),
            node("Concat", ["a", "x"], "b", axis=1),
            node("Concat", ["b"], axis=1),
        ],
        ["N", 6],
        {"w": weights(6, 2)},
    )
    assert ops(check(proto, tmp_path)) == [Dense, Concat]


@pytest.mark.parametrize(
    ("op", "first"),
    [(op, first) for op in ("Add", "Sub", "Mul") for first in (True, False)] + [("Div", False)],
)
@pytest.mark.parametrize(
    ("shape", "constant"),
    [((1, 4, 3, 5), s) for s in [(), (1,), (4, 1, 1), (1, 4, 1, 1), (1, 1, 1)]]
    + [((1, 4), s) for s in [(), (4,), (1, 4)]],
)
def test_arithmetic_with_constants(
    op: str, first: bool, shape: tuple[int, ...], constant: tuple[int, ...], tmp_path: Path
) -> None:
    inputs = ["c", "x"] if first else ["x", "c"]
    value = np.abs(weights(*constant)) + np.float32(0.5)
    proto = model([node(op, inputs)], shape, {"c": np.asarray(value, np.float32)})
    assert ops(check(proto, tmp_path)) == [BatchNorm]


def test_normalised_input_folds_into_an_unpadded_convolution(tmp_path: Path) -> None:
    proto = model(
        [
            node("Sub", ["x", "mean"], "a"),
            node("Div", ["a", "deviation"], "b"),
            node("Conv", ["b", "w"]),
        ],
        ["N", 3, 6, 6],
        {
            "mean": weights(1, 3, 1, 1),
            "deviation": np.float32(1.0) + np.abs(weights(3, 1, 1)),
            "w": weights(4, 3, 3, 3),
        },
    )
    check(proto, tmp_path)


@pytest.mark.parametrize(
    ("opset", "low", "high"),
    [(o, low, high) for o in (7, 11, 13) for low, high in [(0.0, 6.0), (-1.0, None), (None, 0.5)]],
)
def test_clip(opset: int, low: float | None, high: float | None, tmp_path: Path) -> None:
    if opset < 11:
        given_bounds = {k: v for k, v in (("min", low), ("max", high)) if v is not None}
        proto = model([node("Clip", ["x"], **given_bounds)], [1, 3, 4, 4], opset=opset)
    else:
        constants = {
            k: np.array(v, np.float32) for k, v in (("low", low), ("high", high)) if v is not None
        }
        inputs = ["x", "" if low is None else "low", "" if high is None else "high"]
        while not inputs[-1]:
            inputs.pop()
        proto = model([node("Clip", inputs)], [1, 3, 4, 4], constants, opset=opset)
    assert ops(check(proto, tmp_path)) == [Clip]


@pytest.mark.parametrize(
    ("opset", "shape", "axis"),
    [
        (11, (1, 7), None),
        (13, (1, 7), None),
        (13, (1, 7), 1),
        (13, (1, 7), -1),
        (11, (1, 7, 1, 1), 1),
        (13, (1, 7, 1, 1), 1),
        (11, (1, 2, 3, 4), 1),
        (13, (1, 1, 1, 9), 3),
    ],
)
def test_softmax(opset: int, shape: tuple[int, ...], axis: int | None, tmp_path: Path) -> None:
    attributes = {} if axis is None else {"axis": axis}
    for kind in (Softmax, LogSoftmax):
        proto = model([node(kind.__name__, ["x"], **attributes)], shape, opset=opset)
        assert kind in ops(check(proto, tmp_path))


@pytest.mark.parametrize("axis", [0, 1, 2, 3, 4, -1, -3])
def test_flatten(axis: int, tmp_path: Path) -> None:
    proto = model(
        [
            node("Relu", ["x"], "r"),
            node("Flatten", ["r"], "f", axis=axis),
            node("Reshape", ["f", "s"], "v"),
            node("Gemm", ["v", "w"]),
        ],
        ["N", 2, 3, 4],
        {"w": weights(24, 3), "s": np.array([1, -1])},
    )
    assert ops(check(proto, tmp_path)) == [Clip, Reshape, Dense]


@pytest.mark.parametrize("opset", [11, 13])
def test_squeeze_and_unsqueeze_leave_no_node(opset: int, tmp_path: Path) -> None:
    def change(op: str, source: str, output: str, axes: list[int]) -> object:
        if opset < 13:
            return node(op, [source], output, axes=axes)
        constants[f"axes_{output}"] = np.array(axes)
        return node(op, [source, f"axes_{output}"], output)

    constants = {"w": weights(4, 2)}
    nodes = [
        node("GlobalAveragePool", ["x"], "g"),
        change("Squeeze", "g", "a", [3, 2]),
        change("Unsqueeze", "a", "b", [-1, 0]),
        node("Identity", ["b"], "c"),
        change("Squeeze", "c", "d", [0, -1]),
        node("Dropout", ["d"], "e"),
        node("Gemm", ["e", "w"]),
    ]
    proto = model(nodes, [1, 4, 3, 3], constants, opset=opset)
    assert ops(check(proto, tmp_path)) == [GlobalAvgPool, Reshape, Dense]


def test_transpose_of_axes_of_length_one_is_a_reshape(tmp_path: Path) -> None:
    proto = model(
        [
            node("GlobalAveragePool", ["x"], "g"),
            node("Transpose", ["g"], "t", perm=[0, 2, 3, 1]),
            node("Reshape", ["t", "s"]),
        ],
        [1, 4, 3, 3],
        {"s": np.array([-1, 4])},
    )
    assert ops(check(proto, tmp_path)) == [GlobalAvgPool, Reshape]


def test_batch_taken_from_the_shape_as_torch_writes_it(tmp_path: Path) -> None:
    proto = model(
        [
            node("Relu", ["x"], "r"),
            node("Shape", ["r"], "shape"),
            node("Constant", [], "zero", value_int=0),
            node("Gather", ["shape", "zero"], "batch", axis=0),
            node("Constant", [], "axes", value_ints=[0]),
            node("Unsqueeze", ["batch", "axes"], "n"),
            node("Slice", ["shape", "one", "four"], "rest"),
            node("ReduceProd", ["rest"], "features", keepdims=1),
            node("Cast", ["features"], "wide", to=7),
            node("Concat", ["n", "wide"], "target", axis=0),
            node("Reshape", ["r", "target"], "f"),
            node("Gemm", ["f", "w"]),
        ],
        ["N", 2, 3, 4],
        {"one": np.array([1]), "four": np.array([4]), "w": weights(24, 3)},
        opset=13,
    )
    assert ops(check(proto, tmp_path)) == [Clip, Reshape, Dense]


@pytest.mark.parametrize("opset", [9, 11, 18])
@pytest.mark.parametrize("consumer", ["Conv", "MaxPool", "AveragePool"])
def test_pad_folds_into_what_follows(consumer: str, opset: int, tmp_path: Path) -> None:
    pads = [0, 0, 1, 2, 0, 0, 2, 1]
    constants = {"w": weights(2, 3, 3, 3), "p": np.array(pads)}
    if opset < 11:
        padding = node("Pad", ["r"], "p_", pads=pads, mode="constant")
    elif opset < 18:
        padding = node("Pad", ["r", "p"], "p_")
    else:
        constants |= {"p": np.array([1, 2, 2, 1]), "axes": np.array([2, -1])}
        constants["zero"] = np.array(0.0, np.float32)
        padding = node("Pad", ["r", "p", "zero", "axes"], "p_")
    inputs = ["p_", "w"] if consumer == "Conv" else ["p_"]
    own = [0, 0, 0, 0] if consumer == "AveragePool" else [1, 0, 0, 0]
    window = node(consumer, inputs, kernel_shape=[3, 3] if consumer == "Conv" else [4, 3], pads=own)
    # Zeros around values that may be negative are no padding to a maximum: hence the Relu.
    proto = model([node("Relu", ["x"], "r"), padding, window], [1, 3, 6, 5], constants, opset=opset)
    kind = {"Conv": Conv, "MaxPool": MaxPool, "AveragePool": AvgPool}[consumer]
    assert ops(check(proto, tmp_path)) == [Clip, kind]


def test_weights_behind_operators_on_constants(tmp_path: Path) -> None:
    """Exports without constant folding compute weights at run time from initializers."""
    proto = model(
        [
            node("Transpose", ["w"], "t", perm=[1, 0]),
            node("Identity", ["t"], "i"),
            node("Mul", ["b", "gain"], "c"),
            node("Gemm", ["x", "i", "c"]),
        ],
        ["N", 4],
        {"w": weights(3, 4), "b": weights(3), "gain": np.array(2.0, np.float32)},
    )
    assert ops(check(proto, tmp_path)) == [Dense]


_DTYPES = list(itertools.product([np.float16, np.float64], [True, False]))


@pytest.mark.parametrize(("dtype", "raw"), _DTYPES)
def test_weights_of_other_widths_behind_a_cast(dtype: type, raw: bool, tmp_path: Path) -> None:
    values = weights(3, 4).astype(dtype)
    proto = model(
        [node("Cast", ["w"], "c", to=1), node("Gemm", ["x", "c"])],
        ["N", 4],
        {"w": values.T.copy()},
    )
    if not raw:
        tensor = proto.graph.initializer[0]
        tensor.ClearField("raw_data")
        if dtype is np.float16:
            tensor.int32_data.extend(int(v) for v in values.T.reshape(-1).view(np.uint16))
        else:
            tensor.double_data.extend(values.T.reshape(-1))
    check(proto, tmp_path)
