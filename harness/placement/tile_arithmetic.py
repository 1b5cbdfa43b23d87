"""The tile's arithmetic in numpy, which `aimc_tile/core` must reproduce bit for bit.

Written from `docs/architecture.md` ("The tile's arithmetic"), not from the C++ code, and sharing
nothing with it, so that the two check each other.  Integers throughout, except for the normal
table, whose entries are defined as rounded quantiles.  `harness._tile.mvm_batch` has the same
signature as `mvm` and is some hundred times as fast.
"""

from __future__ import annotations

from functools import lru_cache
from statistics import NormalDist
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

Int8Array: TypeAlias = npt.NDArray[np.int8]
Int16Array: TypeAlias = npt.NDArray[np.int16]
Int32Array: TypeAlias = npt.NDArray[np.int32]
Int64Array: TypeAlias = npt.NDArray[np.int64]
UInt16Array: TypeAlias = npt.NDArray[np.uint16]
UInt32Array: TypeAlias = npt.NDArray[np.uint32]

READ_NOISE: Final = 0
OUTPUT_NOISE: Final = 1
MAX_ROWS: Final = 16384
MAX_COLUMNS: Final = 4096
MAX_READ_NOISE_LSB: Final = 4096.0
MAX_OUTPUT_NOISE_LSB: Final = 65536.0
MIN_SHIFT: Final = 17
MAX_SHIFT: Final = 62

_LOW_WORD: Final = np.uint64(0xFFFFFFFF)
_WORD_BITS: Final = np.uint64(32)


def philox4x32_10(counter: UInt32Array, seed: int) -> UInt32Array:
    """Philox4x32-10 (Salmon et al., SC 2011).

    Args:
        counter: uint32 [..., 4].
        seed: The 64-bit key; its low word is the first key word.

    Returns:
        uint32 [..., 4].
    """
    c0, c1, c2, c3 = (counter[..., i].astype(np.uint64) for i in range(4))
    for i in range(10):
        k0 = np.uint64(((seed & 0xFFFFFFFF) + i * 0x9E3779B9) & 0xFFFFFFFF)
        k1 = np.uint64(((seed >> 32) + i * 0xBB67AE85) & 0xFFFFFFFF)
        product0 = c0 * np.uint64(0xD2511F53)
        product1 = c2 * np.uint64(0xCD9E8D57)
        c0, c1, c2, c3 = (
            (product1 >> _WORD_BITS) ^ c1 ^ k0,
            product1 & _LOW_WORD,
            (product0 >> _WORD_BITS) ^ c3 ^ k1,
            product0 & _LOW_WORD,
        )
    return np.stack((c0, c1, c2, c3), axis=-1).astype(np.uint32)


@lru_cache(maxsize=1)
def _normal_table() -> Int64Array:
    """Entry 64 e + j: quantile of tail probability (1 + j/64) 2**(e-33), Q16, positive."""
    tails = [(64 + j) / 64 * 2.0 ** (e - 33) for e in range(32) for j in range(64)]
    quantile = NormalDist().inv_cdf
    return np.array([round(-65536 * quantile(tail)) for tail in [*tails, 0.5]], dtype=np.int64)


def normal_q16(words: UInt32Array) -> Int64Array:
    """Uniform 32-bit words as standard normal values in Q16, of the words' shape."""
    table = _normal_table()
    tail = ((words.astype(np.int64) & 0x7FFFFFFF) << 1) | 1  # in units of 2**-33
    octave = np.frexp(tail.astype(np.float64))[1].astype(np.int64) - 1  # exact: tail < 2**53
    mantissa = tail << (31 - octave)  # [2**31, 2**32)
    index = octave * 64 + ((mantissa >> 25) & 63)
    fraction = mantissa & ((1 << 25) - 1)
    low, high = table[index], table[index + 1]
    magnitude = low + (((high - low) * fraction + (1 << 24)) >> 25)
    sign: Int64Array = 1 - 2 * (words >> np.uint32(31)).astype(np.int64)
    z: Int64Array = sign * magnitude
    return z


def noise_q16(
    source: int, columns: int, *, seed: int, tile: int, epoch: int, mvms: UInt32Array
) -> Int64Array:
    """The values z of one noise source, Q16: int64 [mvms, columns]."""
    blocks = (columns + 3) // 4
    counter = np.empty((len(mvms), blocks, 4), dtype=np.uint32)
    counter[..., 0] = np.arange(blocks, dtype=np.uint32) + np.uint32(source << 16)
    counter[..., 1] = mvms[:, None]
    counter[..., 2] = epoch
    counter[..., 3] = tile
    words = philox4x32_10(counter, seed).reshape(len(mvms), 4 * blocks)
    return normal_q16(words[:, :columns])


def _isqrt(values: Int64Array) -> Int64Array:
    """floor(sqrt(v)) for 0 <= v < 2**52."""
    root = np.sqrt(values.astype(np.float64)).astype(np.int64)
    root -= root * root > values
    root += (root + 1) * (root + 1) <= values
    return root


def _q16(lsb: float) -> int:
    return int(np.floor(lsb * 65536.0 + 0.5))


def _check(
    x: Int8Array,
    conductance: Int16Array,
    multiplier: UInt16Array,
    shift: UInt16Array,
    output_noise_lsb: float,
    read_noise_lsb: float,
) -> None:
    rows, columns = conductance.shape
    if x.ndim != 2 or x.shape[1] != rows:
        raise ValueError(f"x must be [m, {rows}], not {x.shape}")
    if not 1 <= rows <= MAX_ROWS or not 1 <= columns <= MAX_COLUMNS:
        raise ValueError(f"conductance must be at most {MAX_ROWS} x {MAX_COLUMNS}")
    if multiplier.shape != (columns,) or shift.shape != (columns,):
        raise ValueError(f"multiplier and shift must be [{columns}]")
    if np.any(shift < MIN_SHIFT) or np.any(shift > MAX_SHIFT):
        raise ValueError(f"shift must be in [{MIN_SHIFT}, {MAX_SHIFT}]")
    if not 0 <= output_noise_lsb <= MAX_OUTPUT_NOISE_LSB:
        raise ValueError(f"output_noise_lsb must be in [0, {MAX_OUTPUT_NOISE_LSB}]")
    if not 0 <= read_noise_lsb <= MAX_READ_NOISE_LSB:
        raise ValueError(f"read_noise_lsb must be in [0, {MAX_READ_NOISE_LSB}]")


def mvm(
    x: Int8Array,
    conductance: Int16Array,
    multiplier: UInt16Array,
    shift: UInt16Array,
    *,
    epoch: int,
    first_mvm: int,
    adc_bits: int,
    dac_bits: int,
    noise: bool,
    output_noise_lsb: float,
    read_noise_lsb: float,
    seed: int,
    tile: int,
) -> Int16Array:
    """Codes of successive MVMs of one tile.

    Args:
        x: int8 [m, k], inputs of MVMs ``first_mvm`` to ``first_mvm + m - 1`` of the epoch.
        conductance: int16 [k, n].
        multiplier: uint16 [n], ADC scales.
        shift: uint16 [n], in [17, 62].
        epoch: The noise epoch.
        first_mvm: Number of the first MVM in the epoch.
        adc_bits: Width of the codes, 2 to 16.
        dac_bits: Width that inputs saturate to, 2 to 8.
        noise: Whether the two noise sources act.
        output_noise_lsb: Standard deviation at the ADC, in ADC steps.
        read_noise_lsb: Standard deviation of a cell, in conductance steps.
        seed: 64-bit noise key.
        tile: The tile's index.

    Returns:
        int16 [m, n].

    Raises:
        ValueError: A shape or a value is out of range.
    """
    _check(x, conductance, multiplier, shift, output_noise_lsb, read_noise_lsb)
    if not 2 <= adc_bits <= 16 or not 2 <= dac_bits <= 8:
        raise ValueError("adc_bits must be in [2, 16] and dac_bits in [2, 8]")
    if not 0 <= first_mvm <= first_mvm + max(len(x) - 1, 0) < 1 << 32:
        raise ValueError("every MVM's number must be in [0, 2**32)")
    columns = conductance.shape[1]
    key = {"seed": seed, "tile": tile, "epoch": epoch}
    mvms = np.arange(first_mvm, first_mvm + len(x), dtype=np.uint64).astype(np.uint32)

    dac_limit = 1 << (dac_bits - 1)
    inputs = np.clip(x.astype(np.int64), -dac_limit, dac_limit - 1)
    acc = inputs @ conductance.astype(np.int64)
    if noise and read_noise_lsb > 0:
        norm_q8 = _isqrt((inputs * inputs).sum(axis=1) << 16)
        sigma_q16 = (_q16(read_noise_lsb) * norm_q8 + 128) >> 8
        z1 = noise_q16(READ_NOISE, columns, mvms=mvms, **key)
        acc = acc + ((z1 * sigma_q16[:, None] + (1 << 31)) >> 32)

    s = shift.astype(np.int64)
    steps_q16 = (acc * multiplier.astype(np.int64) + (np.int64(1) << (s - 17))) >> (s - 16)
    if noise and output_noise_lsb > 0:
        z2 = noise_q16(OUTPUT_NOISE, columns, mvms=mvms, **key)
        steps_q16 = steps_q16 + ((z2 * _q16(output_noise_lsb) + (1 << 15)) >> 16)

    code_limit = (1 << (adc_bits - 1)) - 1
    codes: Int64Array = np.clip((steps_q16 + (1 << 15)) >> 16, -code_limit, code_limit)
    return codes.astype(np.int16)
