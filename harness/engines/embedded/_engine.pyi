from collections.abc import Callable, Mapping, Sequence
from typing import Any

EVENTS: tuple[str, ...]
"""Names of the events that are counted, in order."""

def run(
    library: str,
    system: Mapping[str, Any],
    pieces: Sequence[tuple[int, bytes]],
    code: Sequence[tuple[int, int]],
    writable: Sequence[tuple[int, int]],
    entry: int,
    timeout_s: float,
    instruction_limit: int,
    self_check: bool,
    progress: Callable[[int, float], None] | None,
) -> dict[str, Any]: ...
def count_instructions(
    library: str,
    pieces: Sequence[tuple[int, bytes]],
    entry: int,
    dram_base: int,
    dram_bytes: int,
    devices: Sequence[tuple[int, int]],
    hooks: str,
) -> float: ...
def decode(word: int, pc: int = 0) -> dict[str, Any]: ...
def evaluate(word: int, pc: int, registers: Sequence[int]) -> list[int] | None: ...
