"""The state folder: whole at any moment, and refused if it is of something else."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.accuracy.state import STATE_FILE, Attempt, SearchState, StateFolder, Step, fingerprint
from harness.accuracy.task import weights_digest
from harness.errors import DataError
from harness.model.builtin import build

NAME = fingerprint("a search")


def test_weights_stay_as_long_as_a_state_names_them(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path / "s", NAME)
    first, second = build("mlp", seed=1), build("mlp", seed=2)
    state = folder.load()
    accepted = folder.save_weights(first)
    state = state.with_(weights=accepted)
    folder.save(state)
    tried = folder.save_weights(second)
    folder.save(state.with_(attempt=Attempt(layer="fc1", passages=1, weights=tried)))
    again = StateFolder(tmp_path / "s", NAME)
    loaded = again.load()
    assert loaded.attempt is not None
    assert loaded.weights is not None
    base = build("mlp", seed=3)
    assert weights_digest(again.load_weights(loaded.weights, base)) == weights_digest(first)
    assert weights_digest(again.load_weights(loaded.attempt.weights, base)) == weights_digest(
        second
    )
    folder.save(state)  # taken back
    assert {p.name for p in (tmp_path / "s").iterdir()} == {STATE_FILE, accepted.file}


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path, NAME)
    state = SearchState(
        fingerprint=NAME,
        baseline=0.1 + 0.2,
        steps=(
            Step(layer=None, accepted=True, analog=(), values=(1 / 3,)),
            Step(layer="a", accepted=True, analog=("a",), values=(0.5, 2 / 3)),
            Step(layer="b", accepted=False, analog=("a", "b"), values=(0.1,)),
        ),
        alone={"a": (0.7,)},
        final={"test 1": (0.25,)},
    )
    folder.save(state)
    assert folder.load() == state
    assert folder.load().analog == ("a",)


@pytest.mark.parametrize(
    "damage", [b"", b"{}", b"\xff\xfe", b'{"format": 1, "fingerprint": 3}', b"[" * 9999]
)
def test_a_damaged_state_is_refused(tmp_path: Path, damage: bytes) -> None:
    folder = StateFolder(tmp_path, NAME)
    folder.save(folder.load())
    (tmp_path / STATE_FILE).write_bytes(damage)
    with pytest.raises(DataError, match="cannot be read") as error:
        folder.load()
    assert "delete the folder" in str(error.value)


def test_the_state_of_another_search_is_refused(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path, NAME)
    folder.save(folder.load())
    with pytest.raises(DataError, match="other settings"):
        StateFolder(tmp_path, fingerprint("another")).load()


@pytest.mark.parametrize("missing", [True, False])
def test_damaged_or_missing_weights_are_refused(tmp_path: Path, missing: bool) -> None:
    folder = StateFolder(tmp_path, NAME)
    weights = folder.save_weights(build("mlp"))
    path = tmp_path / weights.file
    if missing:
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(DataError, match="missing or damaged"):
        folder.load_weights(weights, build("mlp"))
