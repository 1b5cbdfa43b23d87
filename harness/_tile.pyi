"""The AIMC tile of `aimc_tile/core`; see there and `docs/architecture.md`."""

import numpy as np
import numpy.typing as npt

def mvm_batch(
    x: npt.NDArray[np.int8],
    conductance: npt.NDArray[np.int16],
    multiplier: npt.NDArray[np.uint16],
    shift: npt.NDArray[np.uint16],
    adc_bits: int,
    dac_bits: int,
    noise: bool,
    output_noise_lsb: float,
    read_noise_lsb: float,
    seed: int,
    tile: int,
    epoch: int,
    first_mvm: int,
) -> npt.NDArray[np.int16]:
    """Codes of successive MVMs of one tile; `harness.placement.tile_arithmetic.mvm` in C++.

    Arrays must be C-contiguous.  The GIL is released.

    Raises:
        ValueError: A shape or a value is out of range.
        TypeError: An array has another type, or is not contiguous.
    """
