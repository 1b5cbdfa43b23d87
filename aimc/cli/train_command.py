"""`aimc train`: train a shipped workload again."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from aimc.cli import options
from aimc.defaults import DEFAULT_THREADS, MAX_THREADS
from aimc.extras import need
from harness.interrupts import interrupted_says

_HELP = """Train a built-in network from scratch; interrupted, the same command goes on.

Writes the checkpoint and the log of its epochs.

Example:

    aimc train lenet5 --out trained
    aimc train vgg16 --dataset cifar10-jpeg.npz --weights int8
"""


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("train", help=_HELP)(train)


def train(
    network: Annotated[str, typer.Argument(help="Built-in network with a workload.")],
    dataset: options.Dataset = None,
    out: options.Out = Path("trained"),
    weights: Annotated[
        Literal["float32", "float16", "int8"],
        typer.Option("--weights", help="How the checkpoint holds matrices; vectors stay float."),
    ] = "float32",
    threads: Annotated[
        int,
        typer.Option("--threads", min=1, max=MAX_THREADS, help="Threads of torch."),
    ] = DEFAULT_THREADS,
) -> None:
    """See _HELP."""
    need("training", "torch")
    from aimc.progress import shown_progress

    command = shlex.join(["aimc", *sys.argv[1:]])
    kept = interrupted_says("interrupted; the same command goes on from the last epoch")
    with kept, shown_progress() as progress:
        progress.stage("loading torch")
        from harness.training.run import train_workload

        result = train_workload(
            network,
            dataset,
            out,
            weights=weights,
            threads=threads,
            command=command,
            progress=progress,
        )
    typer.echo(f"Best epoch {result.best_epoch}")
    typer.echo(f"Validation accuracy {100 * result.validation_accuracy:.2f} %")
    typer.echo(f"Test accuracy {100 * result.test_accuracy:.2f} % (looked at once, now)")
    typer.echo(f"Checkpoint {result.checkpoint}")
    typer.echo(f"Log {result.log}")
