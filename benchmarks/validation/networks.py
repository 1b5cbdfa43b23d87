"""Random ONNX networks: convolutions of all kinds, pooling, residuals, classifiers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

COUNT = 5
_OPSET = 13
_CHANNELS = (8, 16, 24, 32, 48, 64)


class _Builder:
    """Appends layers to a chain; every choice comes from one generator."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng([20261123, seed])
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []
        self.channels = int(self.rng.choice((3, 4, 8)))
        self.size = int(self.rng.choice((16, 20, 24)))
        self.input_shape = [1, self.channels, self.size, self.size]
        self.last = "x"

    def constant(self, *shape: int) -> str:
        name = f"w{len(self.constants)}"
        fan_in = int(np.prod(shape[1:])) or 1
        values = self.rng.normal(size=shape) / np.sqrt(fan_in)
        self.constants.append(numpy_helper.from_array(values.astype(np.float32), name))
        return name

    def node(self, kind: str, inputs: list[str], **attributes: object) -> None:
        output = f"t{len(self.nodes)}"
        name = f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], name=name, **attributes))
        self.last = output

    def conv(self, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        weight = self.constant(outputs, self.channels // groups, kernel, kernel)
        pads = [kernel // 2] * 4
        self.node(
            "Conv", [self.last, weight, self.constant(outputs)],
            kernel_shape=[kernel, kernel], strides=[stride, stride], pads=pads, group=groups,
        )  # fmt: skip
        self.channels = outputs
        self.size = (self.size - 1) // stride + 1
        self.node("Relu", [self.last])

    def residual(self) -> None:
        before = self.last
        self.conv(self.channels, 3)
        self.node("Add", [self.last, before])
        self.node("Relu", [self.last])

    def pool(self) -> None:
        kind = str(self.rng.choice(("MaxPool", "AveragePool")))
        self.node(kind, [self.last], kernel_shape=[2, 2], strides=[2, 2])
        self.size //= 2

    def layer(self) -> None:
        kind = self.rng.choice(("conv", "point", "depthwise", "residual", "strided", "pool"))
        outputs = int(self.rng.choice(_CHANNELS))
        if kind == "conv":
            self.conv(outputs, int(self.rng.choice((3, 5))))
        elif kind == "point":
            self.conv(outputs, 1)
        elif kind == "depthwise":
            self.conv(self.channels, 3, groups=self.channels)
        elif kind == "residual":
            self.residual()
        elif self.size >= 8:
            if kind == "pool":
                self.pool()
            else:
                self.conv(outputs, 3, stride=2)

    def classifier(self) -> None:
        self.node("GlobalAveragePool", [self.last])
        self.node("Flatten", [self.last])
        hidden = int(self.rng.choice((64, 128)))
        for outputs in (hidden, 10):
            weight = self.constant(outputs, self.channels)
            self.node("Gemm", [self.last, weight, self.constant(outputs)], transB=1)
            self.channels = outputs


def write_network(index: int, folder: Path) -> Path:
    """Write the random network number ``index``; the same bytes every time."""
    builder = _Builder(index)
    for _ in range(int(builder.rng.integers(5, 9))):
        builder.layer()
    builder.classifier()
    graph = helper.make_graph(
        builder.nodes,
        f"random{index}",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, builder.input_shape)],
        [helper.make_tensor_value_info(builder.last, TensorProto.FLOAT, None)],
        builder.constants,
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=8, producer_name=""
    )
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"random{index}.onnx"
    path.write_bytes(onnx.shape_inference.infer_shapes(model).SerializeToString())
    return path
