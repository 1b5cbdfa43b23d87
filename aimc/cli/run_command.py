"""`aimc run`: the main job."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from aimc.cli import options
from aimc.configuration import configure
from aimc.defaults import DEFAULT_ENGINE, DEFAULT_MAPPING, DEFAULT_OUT, DEFAULT_SYSTEM

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
    mapping: options.Mapping = DEFAULT_MAPPING,
    system: options.System = DEFAULT_SYSTEM,
    overrides: options.Set = None,
    engine: Annotated[
        str, typer.Option("--engine", help="Simulation engine: embedded or gem5.")
    ] = DEFAULT_ENGINE,
    gem5: options.Gem5 = None,
    images: options.Images = None,
    input_size: options.Input = None,
    dataset: options.Dataset = None,
    checkpoint: options.Checkpoint = None,
    out: options.Out = Path(DEFAULT_OUT),
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Simulate again even if the result is there.")
    ] = False,
) -> None:
    """See _HELP."""
    from aimc.progress import job_reporter
    from aimc.simulation import run_configuration
    from harness.report.terminal import make_console, print_report

    config = configure(
        model,
        mapping=mapping,
        system=system,
        settings=overrides or (),
        images=images,
        input_size=input_size,
        dataset=dataset,
        checkpoint=checkpoint,
        engine=engine,
        gem5=gem5,
        given=options.given_options(context),
        spelling=options.COMMAND_LINE,
    )
    command = ("aimc", *sys.argv[1:])
    with job_reporter(shown=True) as reporter:
        result = run_configuration(
            config, out, command=command, reporter=reporter, fresh=fresh, gem5=gem5
        )
    console = make_console()
    print_report(result.comparison, console)
    served = " (from an earlier, equal run; --fresh simulates again)" if result.served else ""
    console.print(
        f"Run folder: {shlex.quote(str(result.folder))}{served}", soft_wrap=True, markup=False
    )
