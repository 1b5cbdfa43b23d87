"""`aimc run`: the main job."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from aimc.cli import options

_HELP = """Simulate a network, all-digital and mapped, and compare time and energy.

The result stands on the terminal and in a folder of its own below --out; an unchanged run is
served from there.

Examples:

    aimc run vgg16

    aimc run net.onnx --mapping mapping.json --set system.tile.crossbar_latency_ns=50
"""


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("run", help=_HELP)(run)


def run(
    context: typer.Context,
    model: options.Model,
    mapping: options.Mapping = "analog",
    system: options.System = options.DEFAULT_SYSTEM,
    overrides: options.Set = None,
    engine: Annotated[
        str, typer.Option("--engine", help="Simulation engine: embedded or gem5.")
    ] = "embedded",
    gem5: options.Gem5 = None,
    images: options.Images = None,
    input_size: options.Input = None,
    dataset: options.Dataset = None,
    checkpoint: options.Checkpoint = None,
    out: options.Out = options.DEFAULT_OUT,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Simulate again even if the result is there.")
    ] = False,
) -> None:
    """See _HELP."""
    from rich.console import Console

    from aimc.cli.progress import JobProgress
    from harness.engines.registry import check_engine
    from harness.pipeline.job import run_job
    from harness.report.terminal import make_console, print_report

    check_engine(engine)
    config = options.make_config(
        model,
        mapping=mapping,
        system=system,
        overrides=overrides,
        images=images,
        input_size=input_size,
        dataset=dataset,
        checkpoint=checkpoint,
        engine=engine,
        context=context,
    )
    options.check_gem5(gem5, config.run.engine)
    with JobProgress(Console(stderr=True)) as progress:
        command = ("aimc", *sys.argv[1:])
        finished = run_job(config, out, command=command, reporter=progress, fresh=fresh, gem5=gem5)
    console = make_console()
    print_report(finished.comparison, console)
    served = " (from an earlier, equal run; --fresh simulates again)" if finished.cached else ""
    console.print(f"Run folder: {_shown(finished.folder)}{served}", soft_wrap=True, markup=False)


def _shown(path: Path) -> str:
    return shlex.quote(str(path))
