"""The one exception family of the harness.

Every error says *what* went wrong, *where* (file, layer, operator, shape) and what to
do about it.  The command line prints exactly that and exits with ``exit_code``; a
traceback is a defect.
"""

from __future__ import annotations

from harness.safe_text import escaped


class HarnessError(Exception):
    """Base of everything the harness raises on purpose.

    Args:
        what: One sentence: what is wrong.
        where: The file, key path, layer or operator it concerns.
        hint: What the user can do about it; valid values where there is a list of them.

    Example:
        try:
            aimc.run("lenet5", system="nowhere")
        except aimc.HarnessError as error:
            print(error.what, error.where, error.hint)
    """

    exit_code = 2

    def __init__(self, what: str, *, where: str | None = None, hint: str | None = None) -> None:
        self.what = _printable(what)
        self.where = None if where is None else _printable(where)
        self.hint = None if hint is None else _printable(hint)
        super().__init__(self.what)

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text}\n  hint: {self.hint}" if self.hint else text


def _printable(text: str) -> str:
    """``text`` with control characters escaped: it may quote a file, or a library that does."""
    return escaped(text, keep="\n")


class ConfigError(HarnessError):
    """A configuration, preset or override is invalid."""


class DataError(HarnessError):
    """A dataset, split or checkpoint is missing or malformed."""


class ModelError(HarnessError):
    """A network cannot be read or is not supported."""


class QuantError(HarnessError):
    """A network cannot be quantized."""


class MappingError(HarnessError):
    """A mapping is malformed or does not fit the network."""


class PlacementError(HarnessError):
    """The mapped layers do not fit the tiles or the memory of the system."""


class CodegenError(HarnessError):
    """The C program of a plan cannot be generated."""


class ToolchainError(HarnessError):
    """The cross-compiler is missing or failed."""


class EngineError(HarnessError):
    """A simulation failed, timed out or ended in a state that yields no numbers."""

    exit_code = 3


class StatsError(HarnessError):
    """Statistics are truncated, incomplete or contradictory."""

    exit_code = 3


class MismatchError(HarnessError):
    """The simulated program's outputs differ from the reference."""

    exit_code = 4


class SweepError(HarnessError):
    """Points of a sweep failed; the others have results."""

    exit_code = 5
