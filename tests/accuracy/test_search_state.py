"""The state folder: whole at any moment, and refused if it is of something else."""

from __future__ import annotations

import contextlib
import os
import random
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from harness.accuracy.accuracy_drop import Measured
from harness.accuracy.state import (
    STATE_FILE,
    Attempt,
    FloatCorrect,
    Measurement,
    Saving,
    SearchState,
    StateFolder,
    Trial,
    Weights,
)
from harness.accuracy.task import weights_digest
from harness.errors import DataError
from harness.model.builtin import build

NAME = {"network": "1" * 64, "settings": "2" * 64}


def measured(*values: float) -> Measured:
    return Measured(
        values=values, images=3, reference=0.1 + 0.2, image_variance=1 / 3, residual_variance=0.0
    )


def named(digit: str) -> Weights:
    return Weights(file=f"{digit * 16}.safetensors", sha256=digit * 64)


def trial(layer: str | None, *route: str | None, weights: Weights | None = None) -> Trial:
    return Trial(route=route, layer=layer, measured=measured(1 / 3, 0.5), weights=weights)


def test_weights_stay_until_nothing_needs_them(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path / "s", NAME)
    first, second = build("mlp", seed=1), build("mlp", seed=2)
    state = folder.load()
    accepted = folder.save_weights(first)
    state = state.with_(trials=(trial("fc2", weights=accepted),))
    folder.save(state)
    tried = folder.save_weights(second)
    attempt = Attempt(route=("fc2",), layer="fc1", passages=1, weights=tried)
    folder.save(state.with_(attempt=attempt))
    again = StateFolder(tmp_path / "s", NAME)
    loaded = again.load()
    weights = loaded.weights(("fc2",))
    assert loaded.attempt is not None
    assert weights is not None
    base = build("mlp", seed=3)
    assert weights_digest(again.load_weights(weights, base)) == weights_digest(first)
    assert weights_digest(again.load_weights(loaded.attempt.weights, base)) == weights_digest(
        second
    )
    folder.keep_weights({accepted})
    assert {p.name for p in (tmp_path / "s").iterdir()} == {STATE_FILE, accepted.file}


def test_weights_are_those_of_the_last_retrained_layer() -> None:
    a, c = named("a"), named("c")
    state = SearchState(
        identity=NAME,
        trials=(
            trial("a", weights=a),
            trial("b", "a"),  # not retrained
            trial("c", "a", "b", weights=c),
            trial("c", "a", weights=named("0")),  # b was rolled back
        ),
    )
    assert state.weights(()) is None
    assert state.weights(("a",)) == state.weights(("a", "b")) == a
    assert state.weights(("a", "b", "c")) == c


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path, NAME)
    correct = np.random.default_rng(0).random(1003) < 0.9
    state = SearchState(
        identity=NAME,
        float_correct={"test": FloatCorrect.of(correct)},
        trials=(trial(None), trial("a", None), trial("b", None, "a")),
        measurements=(Measurement(route=(None, "a"), name="test 1", measured=measured(0.25)),),
    )
    folder.save(state)
    loaded = folder.load()
    assert loaded == state
    assert np.array_equal(loaded.float_correct["test"].correct, correct)
    assert loaded.trial((None, "a"), "b") == state.trials[2]
    assert loaded.trial(("a",), "b") is None
    assert loaded.measurement((None, "a"), "test 1") == measured(0.25)
    assert loaded.measurement(("a",), "test 1") is None


@pytest.mark.parametrize(
    "damage", [b"", b"{}", b"\xff\xfe", b'{"format": 2, "fingerprint": 3}', b"[" * 9999]
)
def test_a_damaged_state_is_refused(tmp_path: Path, damage: bytes) -> None:
    folder = StateFolder(tmp_path, NAME)
    folder.save(folder.load())
    (tmp_path / STATE_FILE).write_bytes(damage)
    with pytest.raises(DataError, match="cannot be read") as error:
        folder.load()
    assert "delete the folder" in str(error.value)


def test_an_edited_state_is_refused(tmp_path: Path) -> None:
    """Every bit counts: a state is what was written, or nothing."""
    folder = StateFolder(tmp_path, NAME)
    state = SearchState(
        identity=NAME,
        float_correct={"test": FloatCorrect.of(np.array([True] * 9))},
        trials=(trial(None, weights=named("a")), trial("a", None)),
    )
    folder.save(state)
    path = tmp_path / STATE_FILE
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"0.5", b"0.6"))
    with pytest.raises(DataError, match="has changed since a search wrote it"):
        folder.load()
    path.write_bytes(whole.replace(b'"format": 4', b'"format": 3'))
    with pytest.raises(DataError, match="another version of the harness"):
        folder.load()
    draw = random.Random(1)
    for _ in range(300):
        changed = bytearray(whole)
        changed[draw.randrange(len(whole))] ^= 1 << draw.randrange(8)
        path.write_bytes(changed)
        with contextlib.suppress(DataError):
            assert folder.load() == state  # white space
        path.write_bytes(whole[: draw.randrange(len(whole) - 1)])
        with pytest.raises(DataError):
            folder.load()


def test_what_is_no_file_or_too_large_is_refused(tmp_path: Path) -> None:
    folder, path = StateFolder(tmp_path, NAME), tmp_path / STATE_FILE
    os.mkfifo(path)
    with pytest.raises(DataError, match="a pipe, not a regular file"):
        folder.load()
    path.unlink()
    path.symlink_to("/dev/zero")
    with pytest.raises(DataError, match="a device, not a regular file"):
        folder.load()
    path.unlink()
    path.touch()
    os.truncate(path, 1 << 40)
    with pytest.raises(DataError, match="1099511627776 bytes are more than"):
        folder.load()


@pytest.mark.parametrize("name", ["../x.safetensors", "/etc/passwd", "state.json", ""])
def test_weights_outside_of_the_folder_are_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        Weights(file=name, sha256="0" * 64)


def test_only_a_searchs_own_files_are_removed(tmp_path: Path) -> None:
    (tmp_path / "mine.safetensors").touch()
    (tmp_path / f"{'a' * 16}.safetensors").mkdir()
    folder = StateFolder(tmp_path, NAME)
    folder.save(folder.load())
    folder.save_weights(build("mlp"))
    (tmp_path / ".state.json.0abc.tmp").touch()
    StateFolder(tmp_path, {**NAME, "network": "0" * 64}).remove()
    assert (tmp_path / STATE_FILE).exists()  # another search's
    folder.remove()
    assert {path.name for path in tmp_path.iterdir()} == {
        "mine.safetensors",
        f"{'a' * 16}.safetensors",
    }
    (tmp_path / f"{'a' * 16}.safetensors").rmdir()
    (tmp_path / "mine.safetensors").unlink()
    folder.remove()
    assert not tmp_path.exists()


@given(st.lists(st.floats(0, 1), min_size=1), st.floats(0, 1e12), st.floats(-1e300, 1e300))
def test_every_number_keeps_its_value(values: list[float], ns: float, nats: float) -> None:
    """A checksum over numbers that change when they are read would damage every state."""
    saving = Saving(digital_ns=ns, analog_ns=ns / 3, digital_pj=ns / 7, analog_pj=ns * 3)
    made = Measurement(route=(), name="alone a", measured=measured(*values), divergence_nats=nats)
    state = SearchState(identity=NAME, seconds=ns, measurements=(made,), savings={"a": saving})
    with tempfile.TemporaryDirectory() as path:
        folder = StateFolder(Path(path), NAME)
        folder.save(state)
        assert folder.load() == state


def test_the_state_of_another_search_is_refused(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path, NAME)
    folder.save(folder.load())
    other = {"network": "1" * 64, "settings": "3" * 64, "sources": "2" * 64}
    with pytest.raises(DataError, match="with other settings and sources is here") as error:
        StateFolder(tmp_path, other).load()
    assert "delete the folder to search from the beginning" in str(error.value)


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
