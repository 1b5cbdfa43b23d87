"""Trains a built-in network on its workload and writes checkpoint and log."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass
from pathlib import Path

from harness.atomic import atomic_write_text
from harness.data.sizes import inputs_in_words
from harness.data.workloads import Recipe, Workload, workload_for
from harness.errors import ModelError
from harness.model.builtin import NAMES, build
from harness.model.checkpoint import Dtype, as_stored, save_checkpoint
from harness.progress import SILENT, Progress
from harness.training.loop import Trained, evaluate, train
from harness.training.state import EpochRecord

LOG_COLUMNS = ("epoch", "learning_rate", "train_loss", "validation_accuracy", "seconds")


@dataclass(frozen=True)
class TrainingResult:
    """The artifacts' paths and the network's accuracy, in float32."""

    checkpoint: Path
    log: Path
    best_epoch: int
    validation_accuracy: float
    test_accuracy: float


def train_workload(
    name: str,
    dataset: Path | None,
    out: Path,
    *,
    recipe: Recipe | None = None,
    weights: Dtype = "float32",
    threads: int = 2,
    command: str = "",
    progress: Progress = SILENT,
) -> TrainingResult:
    """Train the built-in network ``name`` and write ``<name>.safetensors`` and ``.csv``.

    After an interrupt at any moment, the same call continues after the last finished epoch.  The
    test split is used once, after training.

    Args:
        dataset: File or folder; None is the bundled dataset or the folder AIMC_DATA.
        out: Folder of the checkpoint, the log and, until the end, the training state.
        recipe: Instead of the workload's.
        weights: How the checkpoint holds them; the test accuracy is that of the weights held.
        threads: Of torch.
        command: Recorded in the checkpoint.
        progress: Gets the progress.

    Raises:
        ModelError: There is no such network, or no workload for it.
        DataError: The dataset is missing, malformed or does not fit; training diverged.
    """
    workload = workload_for(name)
    if workload is None:
        raise ModelError(
            f"there is nothing to train {name!r} on",
            hint="networks: " + ", ".join(n for n in NAMES if workload_for(n) is not None),
        )
    used = recipe or workload.recipe
    progress.stage(f"reading {inputs_in_words(name, None if dataset is None else str(dataset))}")
    splits = workload.load_splits(dataset)
    state_path = out / f"{name}.state.pt"
    log_path = out / f"{name}.csv"
    progress.stage(
        f"training {name} on {splits.train.labels.size} images, {used.epochs} epochs at most"
    )

    def told(record: EpochRecord) -> None:
        figures = f"loss {record.train_loss:.3f}, validation {record.validation_accuracy:.2%}"
        progress.work(record.epoch, used.epochs, "epochs", figures)

    trained = train(
        build(name, input_size=workload.images.height, seed=used.seed),
        splits,
        used,
        state_path=state_path,
        threads=threads,
        on_epoch=told,
    )
    progress.stage(f"measuring {name} on {splits.test.labels.size} test images")
    stored = as_stored(trained.graph, weights)
    accuracy = evaluate(stored, splits.test, threads=threads)
    checkpoint = out / f"{name}.safetensors"
    save_checkpoint(
        trained.graph,
        checkpoint,
        dtype=weights,
        metadata={
            "dataset": splits.dataset,
            "dataset_sha256": splits.source_sha256,
            "split": _describe(workload),
            "epoch": str(trained.best_epoch),
            "validation_accuracy": f"{trained.validation_accuracy:.4f}",
            "test_accuracy": f"{accuracy:.4f}",
            "command": command or f"aimc train {name}",
        },
    )
    atomic_write_text(log_path, _log(trained))
    state_path.unlink()
    return TrainingResult(
        checkpoint, log_path, trained.best_epoch, trained.validation_accuracy, accuracy
    )


def _describe(workload: Workload) -> str:
    spec = workload.splits
    test = "the dataset's own" if spec.test is None else str(spec.test)
    return (
        f"seed {spec.seed}, validation {spec.validation}, calibration {spec.calibration}, "
        f"test {test}"
    )


def _log(trained: Trained) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(LOG_COLUMNS)
    for record in trained.records:
        assert math.isfinite(record.train_loss)
        writer.writerow(
            (
                record.epoch,
                f"{record.learning_rate:.6g}",
                f"{record.train_loss:.5f}",
                f"{record.validation_accuracy:.4f}",
                f"{record.seconds:.1f}",
            )
        )
    return text.getvalue()
