"""Random networks that nobody tuned for, as ONNX files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


class RandomNetwork:
    """Grows a network node by node; shapes, strides and widths are drawn from ``seed``."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self._nodes: list[onnx.NodeProto] = []
        self._weights: list[onnx.TensorProto] = []
        self._channels = int(self._random.integers(1, 7))
        self._size = int(self._random.integers(9, 20))
        self._input = (self._channels, self._size)
        self._tensor = "image"

    def _weight(self, *shape: int) -> str:
        name = f"w{len(self._weights)}"
        fan_in = max(1, int(np.prod(shape[1:])))
        values = self._random.standard_normal(shape) / np.sqrt(fan_in)
        self._weights.append(numpy_helper.from_array(values.astype(np.float32), name))
        return name

    def _add(self, op: str, inputs: list[str], **attributes: object) -> str:
        output = f"t{len(self._nodes)}"
        name = f"{op} '{len(self._nodes)}'"  # a name that no C compiler would take
        self._nodes.append(helper.make_node(op, inputs, [output], name=name, **attributes))
        return output

    def _conv(self) -> None:
        kernel = int(self._random.choice([1, 3, 5]))
        stride = int(self._random.choice([1, 2]))
        depthwise = bool(self._random.integers(0, 3) == 0)
        out = self._channels if depthwise else int(self._random.integers(1, 70))
        group = self._channels if depthwise else 1
        pad = kernel // 2
        self._tensor = self._add(
            "Conv",
            [
                self._tensor,
                self._weight(out, self._channels // group, kernel, kernel),
                self._weight(out),
            ],
            pads=[pad, pad, pad, pad],
            strides=[stride, stride],
            group=group,
            kernel_shape=[kernel, kernel],
        )
        self._channels = out
        self._size = (self._size + 2 * pad - kernel) // stride + 1
        if self._random.integers(0, 4):
            self._tensor = self._add("Relu", [self._tensor])

    def _residual(self) -> None:
        branch = self._add(
            "Conv",
            [self._tensor, self._weight(self._channels, self._channels, 3, 3)],
            pads=[1, 1, 1, 1],
            kernel_shape=[3, 3],
        )
        self._tensor = self._add("Relu", [self._add("Add", [branch, self._tensor])])

    def _inception(self) -> None:
        widths = [int(width) for width in self._random.integers(1, 30, size=2)]
        branches = [
            self._add("Conv", [self._tensor, self._weight(width, self._channels, 1, 1)])
            for width in widths
        ]
        self._tensor = self._add("Concat", branches, axis=1)
        self._channels = sum(widths)

    def _pool(self) -> None:
        if self._size < 3:
            return
        op = str(self._random.choice(["MaxPool", "AveragePool"]))
        self._tensor = self._add(
            op, [self._tensor], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]
        )
        self._size = (self._size + 2 - 3) // 2 + 1

    def write(self, path: Path) -> Path:
        """Grow to 6 blocks and a classifier, and write the ONNX file with a dynamic batch."""
        blocks = [self._conv, self._residual, self._inception, self._pool]
        self._conv()
        for _ in range(5):
            blocks[int(self._random.integers(0, len(blocks)))]()
        if self._random.integers(0, 2):
            self._tensor = self._add("GlobalAveragePool", [self._tensor])
            self._size = 1
        self._tensor = self._add("Flatten", [self._tensor])
        features = self._channels * self._size * self._size
        self._tensor = self._add(
            "Gemm", [self._tensor, self._weight(11, features), self._weight(11)], transB=1
        )
        if self._random.integers(0, 2):
            self._tensor = self._add("Softmax", [self._tensor], axis=1)
        channels, size = self._input
        graph = helper.make_graph(
            self._nodes,
            "random; network",
            [
                helper.make_tensor_value_info(
                    "image", TensorProto.FLOAT, ["batch", channels, size, size]
                )
            ],
            [helper.make_tensor_value_info(self._tensor, TensorProto.FLOAT, ["batch", 11])],
            self._weights,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
        onnx.checker.check_model(model)
        path.write_bytes(model.SerializeToString())
        return path
