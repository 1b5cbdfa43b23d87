"""What the converters of a row block give, in one pass over the values."""

import numpy as np
import numpy.typing as npt

def add_codes(
    sums: npt.NDArray[np.float32],
    steps: npt.NDArray[np.float32],
    limit: int,
    table: npt.NDArray[np.float32] | None,
    indices: npt.NDArray[np.uint16] | None,
) -> None:
    """``sums += clip(floor(steps + noise), -limit, limit)``; the GIL is released.

    Args:
        sums: [m, n], C-contiguous, changed.
        steps: [m, n], C-contiguous.
        limit: Largest code.
        table: 2**16 values of noise; None: no noise.
        indices: At least m * n, each of the entry of ``table`` that a value is given.

    Raises:
        ValueError: Shapes do not fit.
        TypeError: An array has another type, or is not contiguous.
    """
