"""The state from which a killed training continues, in one file per run."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass, field
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor

from harness.atomic import atomic_write_bytes
from harness.budget import MEMORY_BYTES
from harness.errors import DataError
from harness.reading import read_regular

_DIGEST_BYTES = 32


@dataclass(frozen=True)
class EpochRecord:
    """One line of the training log."""

    epoch: int
    learning_rate: float  # at the epoch's end
    train_loss: float  # mean over the epoch, with label smoothing and augmentation
    validation_accuracy: float
    seconds: float


@dataclass
class TrainingState:
    """``epoch`` epochs are done; ``best`` are the weights of the best validation so far."""

    fingerprint: str
    epoch: int = 0
    best_epoch: int = 0
    best_accuracy: float = -1.0
    module: dict[str, Tensor] = field(default_factory=dict)
    best: dict[str, Tensor] = field(default_factory=dict)
    optimizer: dict[str, Any] = field(default_factory=dict)
    records: list[EpochRecord] = field(default_factory=list)


def save_state(state: TrainingState, path: Path) -> None:
    """Write ``state`` atomically, after a SHA-256 of it."""
    buffer = io.BytesIO()
    content = {**vars(state), "records": [list(vars(record).values()) for record in state.records]}
    torch.save(content, buffer)
    data = buffer.getvalue()
    atomic_write_bytes(path, hashlib.sha256(data).digest() + data)


def load_state(path: Path, fingerprint: str) -> TrainingState | None:
    """The state in ``path``; None if there is none.

    Raises:
        DataError: The file is damaged, or belongs to another recipe, network or dataset.
    """
    if not path.exists():
        return None
    hint = "delete the file to start from the beginning, or give another output folder"
    try:
        data = read_regular(path, MEMORY_BYTES)
        if hashlib.sha256(data[_DIGEST_BYTES:]).digest() != data[:_DIGEST_BYTES]:
            raise ValueError("the checksum is wrong")
        content = torch.load(
            io.BytesIO(data[_DIGEST_BYTES:]), map_location="cpu", weights_only=True
        )
        content["records"] = [EpochRecord(*record) for record in content["records"]]
        state = TrainingState(**content)
    except (
        OSError,
        RuntimeError,
        EOFError,
        UnpicklingError,
        KeyError,
        TypeError,
        ValueError,
    ) as error:
        raise DataError(
            "the interrupted training cannot be read", where=str(path), hint=hint
        ) from error
    if state.fingerprint != fingerprint:
        raise DataError(
            "the interrupted training is of another recipe, network or dataset",
            where=str(path),
            hint=hint,
        )
    return state
