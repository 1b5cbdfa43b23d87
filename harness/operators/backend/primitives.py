"""What operators compute with: primitives that the array API standard lacks.

Operators are written once.  They take the standard's functions from the namespace of the arrays
that they get (`namespace`), and the rest from a backend: numpy's
(`numpy_backend`) or torch's (`torch_backend`).

All arrays have the batch axis first and the channel axis last: a map is [n, h, w, c], a row is
[n, c].
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from harness.operators.integer_node import Requant
from harness.operators.tensor import Int8Array, Int32Array
from harness.operators.window import Window

Array: TypeAlias = Any
"""An array of the backend: a numpy array or a torch tensor."""

Finish: TypeAlias = Callable[[Array, slice], Array]
"""From sums of products [..., channels] of the named output channels to their values."""

INT32_MAX = 2**31 - 1
INT32_MIN = -(2**31)
EVERY_CHANNEL = slice(None)


class Backend(ABC):
    """Primitives for floats and integers alike."""

    @abstractmethod
    def window_max(self, maps: Array, window: Window) -> Array:
        """The largest value of each window, [n, oh, ow, c]; padding never wins."""

    @abstractmethod
    def window_sum(self, maps: Array, window: Window) -> Array:
        """The sum of each window, [n, oh, ow, c]; padding counts 0."""

    @abstractmethod
    def contiguous(self, x: Array) -> Array:
        """``x`` in memory in the order of its axes."""


class FloatBackend(Backend):
    """Float primitives."""

    @abstractmethod
    def convolve(
        self, maps: Array, weight: Array, bias: Array | None, window: Window, groups: int
    ) -> Array:
        """Sums of products over zero-padded windows, [n, h, w, in] to [n, oh, ow, out].

        Args:
            weight: [out, in / groups, kh, kw].
            bias: [out]; None: 0.
        """

    @abstractmethod
    def linear(self, rows: Array, weight: Array, bias: Array | None) -> Array:
        """``rows`` [n, in] times ``weight`` [out, in], plus ``bias`` [out] (None: 0)."""

    @abstractmethod
    def normalize(
        self,
        x: Array,
        mean: Array,
        variance: Array,
        scale: Array,
        offset: Array,
        epsilon: float,
    ) -> Array:
        """``(x - mean) / sqrt(variance + epsilon) * scale + offset`` per channel.

        In training ``mean`` and ``variance`` are the batch's own, and the given ones, the running
        statistics, are updated.
        """

    @abstractmethod
    def clip(self, x: Array, low: float, high: float) -> Array:
        """``x`` clamped to [low, high]; the gradient at ReLU's corner is 0."""

    @abstractmethod
    def constant(self, values: npt.NDArray[Any], like: Array) -> Array:
        """``values`` as an array of the type of ``like``."""


class IntegerBackend(Backend):
    """Integer primitives.

    An *activation* holds int8 values.  *Sums* hold accumulators, which fit int32.  Which type of
    array holds either is the backend's choice, as long as the values are the same.
    """

    @abstractmethod
    def convolve(
        self, maps: Array, weight: Int8Array, window: Window, groups: int, finish: Finish
    ) -> Array:
        """``finish`` of the sums of products over zero-padded windows, [n, oh, ow, out].

        Args:
            maps: Activation [n, h, w, in].
            weight: [out, kh, kw, in / groups].
        """

    @abstractmethod
    def linear(self, rows: Array, weight: Int8Array, finish: Finish) -> Array:
        """``finish`` of ``rows`` [n, in] times ``weight`` [out, in]."""

    @abstractmethod
    def requantize(
        self,
        sums: Array,
        requant: Requant,
        bias: Int32Array | None = None,
        channels: slice = EVERY_CHANNEL,
    ) -> Array:
        """The activation of ``sums`` plus ``bias``; ``sums`` may be overwritten.

        Args:
            channels: Which of the channels of ``requant`` and ``bias`` the sums are.
        """

    @abstractmethod
    def clip(self, x: Array, low: int, high: int) -> Array:
        """``x`` clamped to [low, high]."""

    @abstractmethod
    def sums(self, activation: Array) -> Array:
        """``activation`` as sums, which may be calculated with."""

    @abstractmethod
    def shift_right(self, sums: Array, shift: int) -> Array:
        """``(sums + (1 << (shift - 1))) >> shift``; ``sums`` may be overwritten."""

    @abstractmethod
    def int64(self, x: Array) -> Array:
        """An activation or sums as int64."""

    @abstractmethod
    def activation(self, x: Array) -> Array:
        """Values within int8, of any integer type, as an activation."""

    @abstractmethod
    def constant(self, values: npt.NDArray[Any]) -> Array:
        """Integers as int64.  The backend may keep them as long as it lives."""

    def requantize_exactly(
        self, sums: Array, multiplier: Array, shift: Array, low: int, high: int
    ) -> Array:
        """`harness.operators.integer_node`'s requantize, to an activation.

        Args:
            sums: int64, any shape; ``multiplier`` and ``shift`` broadcast.
            multiplier: int64 in [2**30, 2**31).
            shift: int64, right shift in [-31, 31]; negative shifts left first, saturating.
            low, high: The clamp, within [-128, 127].
        """
        xp = namespace(sums)
        t = sums
        if bool(xp.any(shift < 0)):
            t = self.clip(t << self.clip(-shift, 0, 31), INT32_MIN, INT32_MAX)
        t = t * multiplier
        t += 1 << 30
        t >>= 31
        right = self.clip(shift, 0, 31)
        # 1 << (s - 1) for s > 0, and nothing for s = 0.
        t += (xp.ones_like(right) << right) >> 1
        t >>= right
        return self.activation(self.clip(t, low, high))


def namespace(x: Array) -> Any:  # noqa: ANN401 - a module
    """The array API standard's functions for ``x``.

    numpy's are its own from version 2 on; array_api_compat.numpy takes 0.25 s to import.
    """
    if isinstance(x, np.ndarray):
        return np
    from array_api_compat import array_namespace

    return array_namespace(x)


def channels_first(x: Array) -> Array:
    """A view [n, c, ...] of ``x`` [n, ..., c]."""
    xp = namespace(x)
    return xp.permute_dims(x, (0, x.ndim - 1, *range(1, x.ndim - 1)))


def channels_last(x: Array) -> Array:
    """A view [n, ..., c] of ``x`` [n, c, ...]."""
    xp = namespace(x)
    return xp.permute_dims(x, (0, *range(2, x.ndim), 1))


def reinterpreted(x: Array, shape: Sequence[int]) -> Array:
    """``x`` [n, ..., c] with its values, counted channel by channel, in another shape.

    Args:
        shape: Of one sample, the channel axis first: (c, ...).
    """
    xp = namespace(x)
    return channels_last(xp.reshape(channels_first(x), (x.shape[0], *shape)))
