"""Write `normal_table.inc`: the inverse normal distribution that the tile's noise is made from.

Entry ``64 * e + j`` is the standard normal quantile, in Q16 and positive, whose upper tail
probability is ``(1 + j / 64) * 2**(e - 33)``, for e in 0..31; one last entry has probability 1/2.
Run it from anywhere: ``python make_normal_table.py`` rewrites the file beside it.
"""

from __future__ import annotations

from pathlib import Path
from statistics import NormalDist

OCTAVES = 32
STEPS = 64
TIE_MARGIN = 1e-6  # in Q16 steps; far above the error of NormalDist.inv_cdf


def normal_table() -> list[int]:
    """The table's entries.

    Raises:
        ValueError: An entry is so near a rounding tie that another libm may round it otherwise.
    """
    entries = []
    for index in range(OCTAVES * STEPS + 1):
        octave, step = divmod(index, STEPS)
        tail = (1.0 + step / STEPS) * 2.0 ** (octave - 33)
        exact = -NormalDist().inv_cdf(tail) * 65536.0
        if abs(exact % 1.0 - 0.5) < TIE_MARGIN:
            raise ValueError(f"entry {index} is too near a tie: {exact!r}")
        entries.append(round(exact))
    return entries


def table_text() -> str:
    """The text of `normal_table.inc`."""
    entries = normal_table()
    lines = [
        "// Written by make_normal_table.py; entry 64 * e + j is the Q16 normal quantile of the"
    ]
    lines.append("// upper tail probability (1 + j / 64) * 2^(e - 33).")
    for start in range(0, len(entries), 12):
        lines.append(" ".join(f"{value}," for value in entries[start : start + 12]))
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    Path(__file__).with_name("normal_table.inc").write_text(table_text(), encoding="ascii")
