"""A search's state in a folder: what a killed search needs to go on where it was.

One JSON file has what has been measured; weights lie in checkpoint files beside it, named by their
content.  Decisions are not in it: they follow from the measurements and a bound, so that searches
under several bounds share one state.  Weights are written before the JSON that names them and
removed when nothing needs them any more, each file in one step, so that at any moment the folder
is whole.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from pathlib import Path
from typing import Final, Self, TypeAlias

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from harness.accuracy.paired import BoolArray, Measured
from harness.artifacts import atomic_write_text, sha256_file
from harness.errors import DataError
from harness.model.checkpoint import load_checkpoint, save_checkpoint
from harness.model.graph import Graph

STATE_FILE: Final = "state.json"
_FORMAT: Final = 3
_HINT: Final = "delete the folder to search from the beginning, or give another --out"

Route: TypeAlias = tuple[str | None, ...]
"""The layers accepted so far, in order; None first if the warm-up was.  With the settings other
than the bound it determines weights and measurements."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Weights(_Record):
    """A checkpoint file of the folder."""

    file: str
    sha256: str


class Trial(_Record):
    """What converting ``layer`` after ``route`` came to; a layer of None is the warm-up.

    ``weights`` are the retrained ones, None without retraining.  Their file is there as long as
    a search may go on from them.
    """

    route: Route
    layer: str | None
    measured: Measured
    weights: Weights | None


class Attempt(_Record):
    """A trial under way: ``passages`` parts of its retraining are done and left ``weights``."""

    route: Route
    layer: str | None
    passages: int
    weights: Weights


class Measurement(_Record):
    """Another measurement of the network at the end of ``route``.

    ``divergence_nats``: from the digital network, of a layer alone.
    """

    route: Route
    name: str
    measured: Measured
    divergence_nats: float | None = None


class Saving(_Record):
    """What one layer costs for one inference, digital and analog, on the simulated system."""

    digital_ns: float
    analog_ns: float
    digital_pj: float
    analog_pj: float


class FloatCorrect(_Record):
    """Which images the float network classifies correctly, a bit an image."""

    images: int
    bits: str  # hexadecimal

    @classmethod
    def of(cls, correct: BoolArray) -> Self:
        return cls(images=len(correct), bits=np.packbits(correct).tobytes().hex())

    @property
    def correct(self) -> BoolArray:
        packed = np.frombuffer(bytes.fromhex(self.bits), np.uint8)
        return np.unpackbits(packed, count=self.images).astype(np.bool_)


class SearchState(_Record):
    """Everything measured so far, under whatever bounds."""

    format: int = _FORMAT
    fingerprint: str
    seconds: float = 0.0  # of all processes that worked on it
    float_correct: dict[str, FloatCorrect] = {}  # by split
    attempt: Attempt | None = None
    trials: tuple[Trial, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    savings: dict[str, Saving] | None = None

    def with_(self, **changes: object) -> Self:
        """A copy with ``changes``."""
        return self.model_copy(update=changes)

    def trial(self, route: Route, layer: str | None) -> Trial | None:
        """The trial of ``layer`` after ``route``, if it was made."""
        made = (trial for trial in self.trials if (trial.route, trial.layer) == (route, layer))
        return next(made, None)

    def measurement(self, route: Route, name: str) -> Measured | None:
        """The measurement of that name, if it was made."""
        made = self.made(route, name)
        return None if made is None else made.measured

    def made(self, route: Route, name: str) -> Measurement | None:
        """`measurement` with what else was found."""
        return next((m for m in self.measurements if (m.route, m.name) == (route, name)), None)

    def weights(self, route: Route) -> Weights | None:
        """Of the network at the end of ``route``; None: as the search found them."""
        for length in range(len(route), 0, -1):
            trial = self.trial(route[: length - 1], route[length - 1])
            if trial is not None and trial.weights is not None:
                return trial.weights
        return None


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

    def is_of_this_search(self) -> bool:
        """Whether there is a state, and it is this search's."""
        if not (self.folder / STATE_FILE).exists():
            return False
        try:
            self.load()
        except DataError:
            return False
        return True

    def save(self, state: SearchState) -> None:
        """Write ``state``."""
        atomic_write_text(self.folder / STATE_FILE, state.model_dump_json(indent=1) + "\n")

    def keep_weights(self, needed: Collection[Weights]) -> None:
        """Remove all weights but those ``needed``; the saved state must need no others."""
        names = {weights.file for weights in needed}
        for path in self.folder.glob("*.safetensors"):
            if path.name not in names:
                path.unlink(missing_ok=True)

    def save_weights(self, graph: Graph) -> Weights:
        """Write the weights of ``graph``; they stay until `keep_weights` leaves them out."""
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
