"""A search's state in a folder: what a killed search needs to go on where it was.

One JSON file says what has been decided and measured; weights lie in checkpoint files beside it,
named by their content.  Weights are written before the JSON that names them and removed after the
JSON that no longer does, each file in one step, so that at any moment the folder is whole.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, ValidationError

from harness.artifacts import atomic_write_text, sha256_file
from harness.errors import DataError
from harness.model.checkpoint import load_checkpoint, save_checkpoint
from harness.model.graph import Graph

STATE_FILE: Final = "state.json"
_FORMAT: Final = 1
_HINT: Final = "delete the folder to search from the beginning, or give another --out"

Values: TypeAlias = tuple[float, ...]  # accuracies, one a repetition


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Weights(_Record):
    """A checkpoint file of the folder."""

    file: str
    sha256: str


class Step(_Record):
    """One decision: may ``layer`` be analog, with those accepted before?

    ``analog`` are the analog layers that were measured; none, and no values, if no tiles were
    left.  A step without a layer is the warm-up: retraining with all candidates noisy, measured
    with every layer digital.
    """

    layer: str | None
    accepted: bool
    analog: tuple[str, ...]
    values: Values


class Attempt(_Record):
    """A step under way: ``passages`` parts of its retraining are done and left ``weights``."""

    layer: str | None
    passages: int
    weights: Weights


class Saving(_Record):
    """What one layer costs for one inference, digital and analog, on the simulated system."""

    digital_ns: float
    analog_ns: float
    digital_pj: float
    analog_pj: float


class SearchState(_Record):
    """Everything decided and measured so far.  ``weights`` None: as the search found them."""

    format: int = _FORMAT
    fingerprint: str
    seconds: float = 0.0  # of all processes that worked on it
    baseline: float | None = None  # the float network's share of validation images
    weights: Weights | None = None
    attempt: Attempt | None = None
    steps: tuple[Step, ...] = ()
    alone: dict[str, Values] = {}  # by layer: the only analog one
    digital: Values | None = None  # no layer analog, after the warm-up
    savings: dict[str, Saving] | None = None
    searched: bool = False
    final: dict[str, Values] = {}  # further measurements of the final mapping, by name

    def with_(self, **changes: object) -> Self:
        """A copy with ``changes``."""
        return self.model_copy(update=changes)

    @property
    def analog(self) -> tuple[str, ...]:
        """Layers accepted so far."""
        return tuple(s.layer for s in self.steps if s.accepted and s.layer is not None)


class StateFolder:
    """Reads and writes the state of the search that ``fingerprint`` names."""

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self.folder = folder
        self._fingerprint = fingerprint

    def load(self) -> SearchState:
        """The saved state, or that of a new search.

        Raises:
            DataError: The file is damaged, or of a search with other settings or inputs.
        """
        path = self.folder / STATE_FILE
        if not path.exists():
            return SearchState(fingerprint=self._fingerprint)
        try:
            state = SearchState.model_validate_json(path.read_bytes())
        except (OSError, ValidationError) as error:
            raise DataError(
                "the interrupted search cannot be read", where=str(path), hint=_HINT
            ) from error
        if state.fingerprint != self._fingerprint or state.format != _FORMAT:
            raise DataError(
                "an interrupted search with other settings or inputs is here",
                where=str(path),
                hint=_HINT,
            )
        return state

    def save(self, state: SearchState) -> None:
        """Write ``state``; weights that it does not name are removed."""
        atomic_write_text(self.folder / STATE_FILE, state.model_dump_json(indent=1) + "\n")
        attempt = state.attempt.weights if state.attempt is not None else None
        named = {weights.file for weights in (state.weights, attempt) if weights is not None}
        for path in self.folder.glob("*.safetensors"):
            if path.name not in named:
                path.unlink(missing_ok=True)

    def save_weights(self, graph: Graph) -> Weights:
        """Write the weights of ``graph``; they stay once a saved state names them."""
        temporary = self.folder / "new.safetensors"
        save_checkpoint(graph, temporary)
        digest = sha256_file(temporary)
        name = f"{digest[:16]}.safetensors"
        temporary.replace(self.folder / name)
        return Weights(file=name, sha256=digest)

    def load_weights(self, weights: Weights, graph: Graph) -> Graph:
        """``graph`` with ``weights``.

        Raises:
            DataError: The file is missing or damaged.
        """
        path = self.folder / weights.file
        if not path.is_file() or sha256_file(path) != weights.sha256:
            raise DataError(
                "weights of the interrupted search are missing or damaged",
                where=str(path),
                hint=_HINT,
            )
        return load_checkpoint(graph, path)


def fingerprint(content: str) -> str:
    """The name of a search with these settings and inputs."""
    return hashlib.sha256(content.encode()).hexdigest()
