"""The survivors that are accepted, each with its reason, and the account of a run of mutants."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ACCEPTED = Path(__file__).with_name("survivors.csv")
LEAST_KILLED = 0.9


@dataclass(frozen=True)
class Survivor:
    """A changed line that no test notices."""

    file: str
    line: int  # where it was when the reason was written
    mutation: str  # the line before and after, as `before -> after`


def mutation(before: str, after: str) -> str:
    """One changed line as `survivors.csv` names it."""
    return f"{' '.join(before.split())} -> {' '.join(after.split())}"


def report(tried: dict[str, int], survivors: Iterable[Survivor]) -> bool:
    """Print the share of killed mutants by file, and the survivors that have no reason yet.

    Args:
        tried: Mutants by file.

    Returns:
        Whether at least `LEAST_KILLED` of each file's were killed, and the others have a reason.
    """
    with ACCEPTED.open(encoding="utf-8", newline="") as file:
        accepted = {(row["file"], row["mutation"]) for row in csv.DictReader(file)}
    survivors = list(survivors)
    good = True
    for file_name, count in tried.items():
        alive = sum(survivor.file == file_name for survivor in survivors)
        share = 1 - alive / max(1, count)
        good &= share >= LEAST_KILLED
        print(f"{file_name}: {count - alive} of {count} killed, {100 * share:.1f} %")
    for survivor in survivors:
        if (survivor.file, survivor.mutation) not in accepted:
            good = False
            print(f"no reason: {survivor.file}:{survivor.line}: {survivor.mutation}")
    return good
