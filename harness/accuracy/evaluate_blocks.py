"""Products of one row block of a layer's matrix with a layer's inputs.

A row block of a convolution starts and ends anywhere in (ky, kx, channel); it becomes a
convolution with the smallest kernel that covers it, zero outside the block.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from math import prod

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor

from harness.accuracy.evaluate_digital import Arithmetic, flatten, pad_map, symmetric
from harness.placement.adc import Float64Array
from harness.placement.analog import conv_window
from harness.quant.program import QConv, QDense


class BlockProduct(ABC):
    """Multiplies the inputs of rows [k0, k1) with matrices of those rows."""

    @abstractmethod
    def weight(self, matrix: Float64Array) -> Tensor:
        """``matrix`` [k1 - k0, n] in the form that `product` takes."""

    @abstractmethod
    def inputs(self, maps: Tensor) -> Tensor:
        """The part of the layer's inputs, as `prepare` leaves them, that the rows see."""

    @abstractmethod
    def product(self, inputs: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """[n, columns, oh, ow] or [n, columns]."""


class DenseProduct(BlockProduct):
    """Of a dense layer; inputs are [n, K]."""

    def __init__(self, k0: int, k1: int, how: Arithmetic) -> None:
        self._rows = slice(k0, k1)
        self._how = how

    def weight(self, matrix: Float64Array) -> Tensor:
        return self._how.tensor(matrix)

    def inputs(self, maps: Tensor) -> Tensor:
        return maps[:, self._rows]

    def product(self, inputs: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return inputs @ weight if bias is None else torch.addmm(bias, inputs, weight)


class ConvProduct(BlockProduct):
    """Of a convolution; inputs are padded maps, or plain ones if `pads_itself`."""

    def __init__(self, node: QConv, k0: int, k1: int, how: Arithmetic) -> None:
        self._node, self._how = node, how
        _, _, kw, channels = node.weight.shape
        self._k0, self._k1 = k0, k1
        first, last = k0 // channels, (k1 - 1) // channels
        self._y = (first // kw, last // kw + 1)
        self._x = (0, kw)
        if self._y[1] == self._y[0] + 1:
            self._x = (first % kw, last % kw + 1)
        self._padding = (0, 0)
        if pads_itself(node, k0, k1):
            self._padding = (node.pads[0], node.pads[1])

    def weight(self, matrix: Float64Array) -> Tensor:
        _, kh, kw, channels = self._node.weight.shape
        columns = matrix.shape[1]
        rows = np.zeros((kh * kw * channels, columns))
        rows[self._k0 : self._k1] = matrix
        kernel = rows.T.reshape(columns, kh, kw, channels)
        used = kernel[:, slice(*self._y), slice(*self._x)].transpose(0, 3, 1, 2)
        return self._how.tensor(used).contiguous(memory_format=torch.channels_last)

    def inputs(self, maps: Tensor) -> Tensor:
        node = self._node
        if pads_itself(node, self._k0, self._k1):
            return maps
        window = conv_window(node)
        spans = []
        for axis, (start, stop) in enumerate((self._y, self._x)):
            padded = maps.shape[2 + axis]
            extent = (window.kernel[axis] - 1) * node.dilation[axis] + 1
            outputs = (padded - extent) // node.stride[axis] + 1
            first = start * node.dilation[axis]
            length = (outputs - 1) * node.stride[axis] + (stop - start - 1) * node.dilation[axis]
            spans.append(slice(first, first + length + 1))
        return maps[:, :, spans[0], spans[1]]

    def product(self, inputs: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        node = self._node
        return functional.conv2d(inputs, weight, bias, node.stride, self._padding, node.dilation)


def pads_itself(node: QConv, k0: int, k1: int) -> bool:
    """Whether torch can pad for rows [k0, k1): they are all rows, and borders are symmetric."""
    return k1 - k0 == prod(node.weight.shape[1:]) and symmetric(node.pads)


def block_product(node: QConv | QDense, k0: int, k1: int, how: Arithmetic) -> BlockProduct:
    """The product of rows [k0, k1) of ``node``'s matrix."""
    if isinstance(node, QDense):
        return DenseProduct(k0, k1, how)
    return ConvProduct(node, k0, k1, how)


def prepare(node: QConv | QDense, maps: Tensor, blocks: int) -> Tensor:
    """A layer's inputs as its block products take them, for ``blocks`` row blocks."""
    if isinstance(node, QDense):
        return flatten(maps)
    if blocks == 1 and symmetric(node.pads):
        return maps
    return pad_map(maps, node.pads)
