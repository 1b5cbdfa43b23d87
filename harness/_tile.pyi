"""The AIMC tile of `aimc_tile/core`; see there and `docs/architecture.md`."""

from typing import TypedDict

import numpy as np
import numpy.typing as npt

class Statistics(TypedDict):
    """`aimc_tile/core/statistics.hh`; ``errors_by_kind[i]`` counts those of AIMC_ERROR bit i."""

    mvms: int
    dac_conversions: int
    adc_conversions: int
    cell_reads: int
    dac_saturations: int
    adc_saturations: int
    bytes_in: int
    bytes_out: int
    cells_programmed: int
    device_reads: int
    device_writes: int
    dma_descriptors: int
    guest_errors: int
    busy_ps: int
    transfer_ps: int
    overlap_ps: int
    wait_ps: int
    errors_by_kind: tuple[int, ...]

class Tile:
    """One AIMC tile as a device, driven by timestamps in picoseconds.

    Offsets and values are those of `aimc_tile/core/registers.h`, parameters and their initial
    values those of `aimc_tile/core/params.hh`.  DMA reaches ``memory`` (uint8 [n],
    C-contiguous) at addresses ``memory_base`` to ``memory_base + n - 1``.

    Raises:
        ValueError: A parameter is unknown, of another type or out of its range.
    """

    def __init__(
        self,
        *,
        memory: npt.NDArray[np.uint8] | None = None,
        memory_base: int = 0,
        **parameters: float,
    ) -> None: ...
    def read(self, now_ps: int, offset: int, size: int) -> tuple[bytes, int]:
        """``size`` bytes, 1 to 16, and the time when the port is done; zeros if refused."""

    def write(self, now_ps: int, offset: int, data: bytes) -> int:
        """Writes 1 to 16 bytes; returns the time when the port is done."""

    def advance(self, now_ps: int) -> None:
        """Let everything happen that happens up to and at ``now_ps``."""

    def next_event_ps(self) -> int | None:
        """When something happens next by itself; None if nothing will."""

    def now_ps(self) -> int:
        """The time of the last call."""

    def status(self) -> int:
        """AIMC_STATUS bits as of the last call."""

    def statistics(self) -> Statistics:
        """Counts since the tile was made."""

    def save(self) -> bytes:
        """Everything that the tile holds."""

    def restore(self, checkpoint: bytes) -> None:
        """Take over what `save` gave.

        Raises:
            ValueError: It is damaged, or of another kind of tile; nothing has changed.
        """

def mvm_batch(
    x: npt.NDArray[np.int8],
    conductance: npt.NDArray[np.int16],
    multiplier: npt.NDArray[np.uint16],
    shift: npt.NDArray[np.uint16],
    *,
    epoch: int,
    first_mvm: int,
    **parameters: float,
) -> npt.NDArray[np.int16]:
    """Codes of successive MVMs of one tile; `harness.placement.tile_arithmetic.mvm` in C++.

    Arrays must be C-contiguous, parameters are those of `Tile`.  The GIL is released.

    Raises:
        ValueError: A shape or a value is out of range.
        TypeError: An array has another type, or is not contiguous.
    """
