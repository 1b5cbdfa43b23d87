"""Training learns, is reproducible, and survives being killed."""

from __future__ import annotations

import hashlib
import io
import itertools
import math
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from harness.data.splits import DatasetSplits
from harness.data.workloads import Recipe, workload_for
from harness.errors import DataError, HarnessError
from harness.model.builtin import build
from harness.model.graph import Graph
from harness.operators.node import arrays_of
from harness.training.augment import shift_and_flip
from harness.training.loop import evaluate, learning_rate_at, train
from harness.training.state import load_state

RECIPE = Recipe(
    epochs=4,
    batch_size=64,
    learning_rate=0.02,
    warmup_epochs=1,
    momentum=0.9,
    weight_decay=5e-4,
    label_smoothing=0.05,
    shift_pixels=1,
    flip=False,
    precision="float32",
    patience_epochs=0,
    seed=0,
)


@pytest.fixture(scope="module")
def digits() -> DatasetSplits:
    workload = workload_for("mlp")
    assert workload is not None
    return workload.load_splits()


def weights(graph: Graph) -> list[bytes]:
    return [array.tobytes() for node in graph.nodes for _, array in arrays_of(node)]


def test_training_learns_and_chooses_by_validation(digits: DatasetSplits, tmp_path: Path) -> None:
    untrained = build("mlp")
    trained = train(untrained, digits, RECIPE, state_path=tmp_path / "state.pt", threads=1)
    assert evaluate(untrained, digits.test, threads=1) < 0.3
    assert evaluate(trained.graph, digits.test, threads=1) > 0.9
    assert not trained.graph.random_weights
    accuracies = [record.validation_accuracy for record in trained.records]
    assert [record.epoch for record in trained.records] == [1, 2, 3, 4]
    assert trained.validation_accuracy == max(accuracies)
    assert accuracies[trained.best_epoch - 1] == max(accuracies)
    assert evaluate(trained.graph, digits.validation, threads=1) == max(accuracies)
    assert trained.records[-1].train_loss < trained.records[0].train_loss
    assert trained.records[-1].learning_rate == 0.0


def test_training_is_reproducible_and_seeded(digits: DatasetSplits, tmp_path: Path) -> None:
    runs = [
        train(
            build("mlp"),
            digits,
            RECIPE.model_copy(update={"epochs": 1, "seed": seed}),
            state_path=tmp_path / f"{index}.pt",
            threads=1,
        )
        for index, seed in enumerate((0, 0, 1))
    ]
    assert weights(runs[0].graph) == weights(runs[1].graph)
    assert weights(runs[0].graph) != weights(runs[2].graph)


class StopHereError(Exception):
    pass


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_interrupted_training_ends_as_if_it_had_not_been(
    digits: DatasetSplits, tmp_path: Path, precision: str
) -> None:
    recipe = RECIPE.model_copy(update={"precision": precision, "epochs": 3})
    whole = train(build("mlp"), digits, recipe, state_path=tmp_path / "whole.pt", threads=1)
    path = tmp_path / "parts.pt"
    for _ in range(2):  # stopped twice, after an epoch each

        def stop(_: object) -> None:
            raise StopHereError

        with pytest.raises(StopHereError):
            train(build("mlp"), digits, recipe, state_path=path, threads=1, on_epoch=stop)
    parts = train(build("mlp"), digits, recipe, state_path=path, threads=1)
    assert weights(parts.graph) == weights(whole.graph)
    assert [(r.epoch, r.train_loss, r.validation_accuracy) for r in parts.records] == [
        (r.epoch, r.train_loss, r.validation_accuracy) for r in whole.records
    ]
    # Once more from the finished state: nothing is trained, the same comes out.
    again = train(build("mlp"), digits, recipe, state_path=path, threads=1)
    assert weights(again.graph) == weights(whole.graph)


_CHILD = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from test_loop import RECIPE
from harness.data.workloads import workload_for
from harness.model.builtin import build
from harness.training.loop import train
recipe = RECIPE.model_copy(update={{"epochs": {epochs}}})
splits = workload_for("mlp").load_splits()
train(build("mlp"), splits, recipe, state_path=Path({state!r}), threads=1)
"""


def test_killed_training_goes_on(digits: DatasetSplits, tmp_path: Path) -> None:
    epochs = 40
    state = tmp_path / "state.pt"
    code = _CHILD.format(tests=str(Path(__file__).parent), epochs=epochs, state=str(state))
    child = subprocess.Popen([sys.executable, "-c", code])
    try:
        while child.poll() is None and not (state.exists() and _content(state)["epoch"] >= 2):
            time.sleep(0.02)
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert child.returncode == -signal.SIGKILL
    done = _content(state)["epoch"]
    assert 2 <= done < epochs
    recipe = RECIPE.model_copy(update={"epochs": epochs})
    resumed_epochs: list[int] = []
    resumed = train(
        build("mlp"),
        digits,
        recipe,
        state_path=state,
        threads=1,
        on_epoch=lambda record: resumed_epochs.append(record.epoch),
    )
    assert resumed_epochs == list(range(done + 1, epochs + 1))
    whole = train(build("mlp"), digits, recipe, state_path=tmp_path / "whole.pt", threads=1)
    assert weights(resumed.graph) == weights(whole.graph)


def _content(state: Path) -> dict[str, Any]:
    content: dict[str, Any] = torch.load(io.BytesIO(state.read_bytes()[32:]), weights_only=True)
    return content


def test_early_stop(digits: DatasetSplits, tmp_path: Path) -> None:
    # A rate this small leaves every epoch's validation accuracy at the first one's.
    recipe = RECIPE.model_copy(
        update={"epochs": 30, "patience_epochs": 3, "learning_rate": 1e-12, "warmup_epochs": 0}
    )
    records = train(
        build("mlp"), digits, recipe, state_path=tmp_path / "state.pt", threads=1
    ).records
    assert len(records) == 1 + 3


def test_divergence_is_an_error(digits: DatasetSplits, tmp_path: Path) -> None:
    recipe = RECIPE.model_copy(update={"learning_rate": 1e20, "warmup_epochs": 0})
    with pytest.raises(DataError, match="diverged in epoch"):
        train(build("mlp"), digits, recipe, state_path=tmp_path / "state.pt", threads=1)


def test_a_state_of_something_else_is_refused(digits: DatasetSplits, tmp_path: Path) -> None:
    state = tmp_path / "state.pt"
    recipe = RECIPE.model_copy(update={"epochs": 1})
    train(build("mlp"), digits, recipe, state_path=state, threads=1)
    content = state.read_bytes()
    for graph, other in (
        (build("mlp", seed=1), recipe),
        (build("mlp"), recipe.model_copy(update={"momentum": 0.8})),
    ):
        with pytest.raises(DataError, match="another recipe, network or dataset"):
            train(graph, digits, other, state_path=state, threads=1)
    assert state.read_bytes() == content


def test_damaged_states_are_refused(digits: DatasetSplits, tmp_path: Path) -> None:
    state = tmp_path / "state.pt"
    recipe = RECIPE.model_copy(update={"epochs": 1})
    train(build("mlp"), digits, recipe, state_path=state, threads=1)
    content = state.read_bytes()
    generator = np.random.default_rng(0)
    fingerprint = _content(state)["fingerprint"]
    assert load_state(state, fingerprint) is not None
    truncated = [content[: int(cut * len(content))] for cut in (0.0, 0.01, 0.5, 0.99)]
    for data in (*truncated, b"garbage", b"PK\x03\x04" + bytes(60)):
        state.write_bytes(data)
        with pytest.raises(DataError, match="cannot be read"):
            load_state(state, fingerprint)
    for _ in range(100):
        changed = bytearray(content)
        changed[int(generator.integers(0, len(content)))] ^= 1 << int(generator.integers(0, 8))
        state.write_bytes(changed)
        with pytest.raises(DataError, match="cannot be read"):
            load_state(state, fingerprint)
    forged = b"not what torch writes"
    state.write_bytes(hashlib.sha256(forged).digest() + forged)
    with pytest.raises(DataError, match="cannot be read"):
        load_state(state, fingerprint)


def test_images_that_do_not_fit_are_refused(digits: DatasetSplits, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"images are \[1, 8, 8\], lenet5 takes \[1, 32, 32\]"):
        train(build("lenet5"), digits, RECIPE, state_path=tmp_path / "state.pt", threads=1)
    with pytest.raises(DataError, match="lenet5 takes"):
        evaluate(build("lenet5"), digits.test, threads=1)


def test_a_folder_that_cannot_be_written_is_found_before_training(
    digits: DatasetSplits, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")

    def never(_: object) -> None:
        raise AssertionError("an epoch was trained")

    with pytest.raises(HarnessError, match="cannot write"):
        train(
            build("mlp"),
            digits,
            RECIPE,
            state_path=tmp_path / "file" / "state.pt",
            threads=1,
            on_epoch=never,
        )


def test_learning_rate_warms_up_and_falls_to_zero() -> None:
    recipe = RECIPE.model_copy(update={"epochs": 10, "warmup_epochs": 2.0, "learning_rate": 0.4})
    rates = [learning_rate_at(recipe, epoch) for epoch in np.linspace(0, 10, 101)]
    assert rates[0] == 0.0
    assert rates[10] == pytest.approx(0.2)
    assert max(rates) == rates[20] == pytest.approx(0.4)
    assert rates[60] == pytest.approx(0.2)
    assert rates[100] == pytest.approx(0.0, abs=1e-12)
    assert all(a > b for a, b in itertools.pairwise(rates[20:]))
    constant = RECIPE.model_copy(update={"epochs": 1, "warmup_epochs": 1.0})
    assert learning_rate_at(constant, 0.5) == pytest.approx(constant.learning_rate / 2)
    assert math.isfinite(learning_rate_at(constant, 1.0))


def test_shift_and_flip_moves_whole_images() -> None:
    generator = torch.Generator().manual_seed(0)
    images = torch.arange(64 * 2 * 5 * 6, dtype=torch.float32).reshape(64, 2, 5, 6) + 1
    moved = shift_and_flip(images, 2, True, generator)
    assert moved.shape == images.shape
    seen = set()
    for before, after in zip(images, moved, strict=True):
        padded = np.pad(before.numpy(), ((0, 0), (2, 2), (2, 2)))
        found = {
            (top, left, flipped)
            for top, left, flipped in itertools.product(range(5), range(5), (False, True))
            if np.array_equal(
                after.numpy(),
                padded[:, top : top + 5, left : left + 6][:, :, :: -1 if flipped else 1],
            )
        }
        assert len(found) == 1
        seen |= found
    assert len(seen) > 30
    assert {flipped for _, _, flipped in seen} == {False, True}
    same = shift_and_flip(images, 0, False, generator)
    assert torch.equal(same, images)


def test_no_state_and_no_file(tmp_path: Path) -> None:
    assert load_state(tmp_path / "none.pt", "x") is None
    (tmp_path / "folder.pt").mkdir()
    with pytest.raises(DataError):
        load_state(tmp_path / "folder.pt", "x")
