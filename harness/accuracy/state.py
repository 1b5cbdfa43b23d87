"""A search's state in a folder, from which a killed search continues.

One JSON file has all measurements; weights are in checkpoint files beside it, named by their
content.  Decisions are not in it: they follow from the measurements and a bound, so that searches
under several bounds share one state.  Weights are written before the JSON that names them and
removed when nothing needs them any more.  Each file changes in one step, so that the folder is
always consistent.

A search continues only from the state of a search of the same identity: the JSON has the identity
and a checksum over its content, which includes the checksums of the weights.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Final, Self, TypeAlias

import numpy as np
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    NonNegativeFloat,
    PositiveInt,
    ValidationError,
    model_validator,
)

from harness.accuracy.accuracy_drop import BoolArray, Measured
from harness.atomic import atomic_write_bytes, atomic_write_text
from harness.budget import SEARCH_STATE_BYTES
from harness.digest import sha256_file, sha256_of
from harness.errors import DataError
from harness.model.checkpoint import checkpoint_bytes, load_checkpoint
from harness.model.graph import Graph
from harness.reading import read_regular
from harness.safe_text import shown

STATE_FILE: Final = "state.json"
BEGIN_AGAIN: Final = "delete the folder to search from the beginning, or give another --out"
_FORMAT: Final = 4
_WEIGHTS: Final = r"[0-9a-f]{16}\.safetensors"
_FILES: Final = rf"(?:state\.json|{_WEIGHTS})"
_OWN: Final = re.compile(rf"{_FILES}|\.{_FILES}\..+\.tmp")

Layer: TypeAlias = Annotated[str, Field(min_length=1, max_length=256)]
Sha256: TypeAlias = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Route: TypeAlias = tuple[Layer | None, ...]
"""The layers accepted so far, in order; None first if the warm-up was.  With the settings other
than the bound it determines weights and measurements."""


def analog_of(route: Route) -> tuple[str, ...]:
    """The layers of ``route``, without its warm-up."""
    return tuple(layer for layer in route if layer is not None)


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Weights(_Record):
    """A checkpoint file of the folder."""

    file: Annotated[str, Field(pattern=f"^{_WEIGHTS}$")]
    sha256: Sha256


class Trial(_Record):
    """The result of converting ``layer`` after ``route``; a layer of None is the warm-up.

    ``weights`` are the retrained ones, None without retraining.  Their file exists as long as a
    search may continue from them.
    """

    route: Route
    layer: Layer | None
    measured: Measured
    weights: Weights | None


class Attempt(_Record):
    """An unfinished trial: ``passages`` segments of its retraining gave ``weights``."""

    route: Route
    layer: Layer | None
    passages: PositiveInt
    weights: Weights


class Measurement(_Record):
    """Another measurement of the network at the end of ``route``.

    ``divergence_nats``: of a layer alone, from the digital network.
    """

    route: Route
    name: str
    measured: Measured
    divergence_nats: FiniteFloat | None = None


class Saving(_Record):
    """The cost of one layer for one inference, digital and analog, on the simulated system."""

    digital_ns: NonNegativeFloat
    analog_ns: NonNegativeFloat
    digital_pj: NonNegativeFloat
    analog_pj: NonNegativeFloat


class FloatCorrect(_Record):
    """Which images the float network classifies correctly, one bit per image."""

    images: PositiveInt
    bits: Annotated[str, Field(pattern=r"^[0-9a-f]*$")]  # hexadecimal

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(self.bits) != 2 * -(-self.images // 8):
            raise ValueError("not one bit per image")
        return self

    @classmethod
    def of(cls, correct: BoolArray) -> Self:
        return cls(images=len(correct), bits=np.packbits(correct).tobytes().hex())

    @property
    def correct(self) -> BoolArray:
        packed = np.frombuffer(bytes.fromhex(self.bits), np.uint8)
        return np.unpackbits(packed, count=self.images).astype(np.bool_)


class SearchState(_Record):
    """All measurements so far, under all bounds."""

    identity: dict[str, str]
    seconds: NonNegativeFloat = 0.0  # of all processes that worked on it
    float_correct: dict[str, FloatCorrect] = {}  # by split
    attempt: Attempt | None = None
    trials: tuple[Trial, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    savings: dict[Layer, Saving] | None = None

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
        """As `measurement`, with the divergence."""
        return next((m for m in self.measurements if (m.route, m.name) == (route, name)), None)

    def weights(self, route: Route) -> Weights | None:
        """Weights of the network at the end of ``route``; None: the weights before the search."""
        for length in range(len(route), 0, -1):
            trial = self.trial(route[: length - 1], route[length - 1])
            if trial is not None and trial.weights is not None:
                return trial.weights
        return None


class _File(_Record):
    """The content of `STATE_FILE`."""

    format: int
    sha256: Sha256
    search: SearchState


class _AnyFile(BaseModel):
    """The fields that files of every format have."""

    format: int


class StateFolder:
    """Reads and writes the state of a search.

    Args:
        folder: Its own; need not exist.
        identity: See `harness.accuracy.identity`.
    """

    def __init__(self, folder: Path, identity: Mapping[str, str]) -> None:
        self.folder = folder
        self._identity = dict(identity)

    def load(self) -> SearchState:
        """The saved state, or the state of a new search.

        Raises:
            DataError: The file is damaged, edited, or of a search of another identity.
        """
        path = self.folder / STATE_FILE
        if not path.exists():
            return SearchState(identity=self._identity)
        state = _parsed(path)
        other = {
            part
            for part in self._identity | state.identity
            if self._identity.get(part) != state.identity.get(part)
        }
        if other:
            raise DataError(
                f"an interrupted search with other {' and '.join(map(shown, sorted(other)))} is "
                "here, from which this search cannot continue",
                where=str(path),
                hint=BEGIN_AGAIN,
            )
        return state

    def remove(self) -> None:
        """Remove the state if it is this search's, or the remains of a state; no other file."""
        if (self.folder / STATE_FILE).exists() and not self._is_of_this_search():
            return
        # Without the JSON no search would continue from the rest.
        (self.folder / STATE_FILE).unlink(missing_ok=True)
        for path in self._own_files():
            path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # it has other files, or does not exist
            self.folder.rmdir()

    def save(self, state: SearchState) -> None:
        """Write ``state``."""
        file = _File(format=_FORMAT, sha256=_checksum(state), search=state)
        atomic_write_text(self.folder / STATE_FILE, file.model_dump_json(indent=1) + "\n")

    def keep_weights(self, needed: Collection[Weights]) -> None:
        """Remove all weights except those ``needed``; the saved state must need no others."""
        names = {STATE_FILE, *(weights.file for weights in needed)}
        for path in self._own_files():
            if path.name not in names:
                path.unlink(missing_ok=True)

    def save_weights(self, graph: Graph) -> Weights:
        """Write the weights of ``graph``; they stay until `keep_weights` removes them."""
        data = checkpoint_bytes(graph, str(self.folder))
        digest = sha256_of(data)
        name = f"{digest[:16]}.safetensors"
        atomic_write_bytes(self.folder / name, data)
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
                hint=BEGIN_AGAIN,
            )
        return load_checkpoint(graph, path)

    def _is_of_this_search(self) -> bool:
        try:
            self.load()
        except DataError:
            return False
        return True

    def _own_files(self) -> list[Path]:
        """The files that a search wrote to the folder."""
        if not self.folder.is_dir():
            return []
        named = (path for path in self.folder.iterdir() if _OWN.fullmatch(path.name))
        return [path for path in named if path.is_symlink() or not path.is_dir()]


def _parsed(path: Path) -> SearchState:
    """The state in ``path``, exactly as a search wrote it."""
    reason = "it has changed since a search wrote it"
    try:
        data = read_regular(path, SEARCH_STATE_BYTES)
        if _AnyFile.model_validate_json(data).format != _FORMAT:
            reason = "another version of the harness wrote it"
        else:
            file = _File.model_validate_json(data)
            if _checksum(file.search) == file.sha256:
                return file.search
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "file"
        reason = f"{shown(place)}: {shown(first['msg'])}"
    except OSError as error:
        reason = error.strerror or str(error)
    raise DataError(
        f"the interrupted search cannot be read: {reason}", where=str(path), hint=BEGIN_AGAIN
    )


def _checksum(state: SearchState) -> str:
    return sha256_of(state.model_dump_json())
