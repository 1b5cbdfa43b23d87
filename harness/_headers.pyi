"""What the C and C++ headers say: the one source of what Python and compiled code share.

Every integer macro of `kernels/include/aimc_layout.h`, `aimc_runtime.h`, `platform.h` and of
`aimc_tile/core/registers.h` is a constant here, by its name.  So are the tile's registers and
windows (`AIMC_REG_STATUS`, `AIMC_WINDOW_IN`), and `AIMC_DESCRIPTOR_BYTES`, the size of an
`aimc_descriptor`.
"""

from typing import Literal

_Pair = tuple[int, int]

TILE_REGISTERS: tuple[tuple[str, int, int, Literal["RO", "WO", "RW"], str], ...]
"""Name, offset, bytes, access and meaning of every register and window, by offset."""

TILE_ERRORS: tuple[tuple[str, str], ...]
"""Name and meaning of the bits of the register ERROR, from bit 0."""

GEM5_TILE_EVENTS: dict[str, str]
"""The name in gem5's statistics of every event in `harness.engines.events.TILE_EVENTS`."""

def __getattr__(name: str) -> int: ...
def conv_taps(
    in_size: _Pair,
    out_size: _Pair,
    kernel: _Pair,
    stride: _Pair,
    pad: _Pair,
    dilation: _Pair,
    pixel_bytes: int,
    groups: int,
) -> tuple[int, int, bool]:
    """Chunks of channels, taps per kernel row and whether patches are gathered.

    See kernels/src/convolve.h; ``pixel_bytes`` are those of all channels.
    """

def convolve_scratch_bytes(
    in_size: _Pair,
    out_size: _Pair,
    kernel: _Pair,
    stride: _Pair,
    pad: _Pair,
    dilation: _Pair,
    pixel_bytes: int,
    groups: int,
) -> int:
    """Scratch that convolve() of kernels/src/convolve.h needs, at most."""

def band_bytes(
    in_size: _Pair,
    out_size: _Pair,
    kernel: _Pair,
    stride: _Pair,
    pad: _Pair,
    dilation: _Pair,
    pixel_bytes: int,
) -> int:
    """Size of the copy of a band that kernels/src/band.h plans; 0: the map is read in place."""
