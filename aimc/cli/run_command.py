"""`aimc run`: the main job."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from aimc.cli import options
from aimc.cli.engine_options import with_engine_options
from aimc.configuration import configure
from aimc.defaults import DEFAULT_ENGINE, DEFAULT_MAPPING, DEFAULT_OUT, DEFAULT_SYSTEM
from harness.engines.protocol import NO_OPTIONS, EngineOptions
from harness.engines.registry import engine_names, in_words

_HELP = """Simulate a network, all-digital and mapped, and compare time and energy.

The result stands on the terminal and in a folder of its own below --out; an unchanged run is
served from there.

Examples:

    aimc run vgg16

    aimc run net.onnx --mapping mapping.json --set system.tile.crossbar_latency_ns=50
"""

_ENGINES: Final = in_words(engine_names())


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("run", help=_HELP)(run)


@with_engine_options("--engine {}")
def run(
    context: typer.Context,
    model: options.Model,
    mapping: options.Mapping = DEFAULT_MAPPING,
    system: options.System = DEFAULT_SYSTEM,
    overrides: options.Set = None,
    engine: Annotated[
        str, typer.Option("--engine", help=f"Simulation engine: {_ENGINES}.")
    ] = DEFAULT_ENGINE,
    images: options.Images = None,
    input_size: options.Input = None,
    dataset: options.Dataset = None,
    checkpoint: options.Checkpoint = None,
    out: options.Out = Path(DEFAULT_OUT),
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Simulate again even if the result is there.")
    ] = False,
    engine_options: EngineOptions = NO_OPTIONS,
) -> None:
    """See _HELP."""
    from aimc.progress import shown_progress
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
        engine_options=engine_options,
        given=options.given_options(context),
        spelling=options.COMMAND_LINE,
    )
    command = ("aimc", *sys.argv[1:])
    with shown_progress() as progress:
        result = run_configuration(
            config,
            out,
            command=command,
            progress=progress,
            fresh=fresh,
            engine_options=engine_options,
        )
    console = make_console()
    print_report(result.comparison, console)
    served = " (from an earlier, equal run; --fresh simulates again)" if result.served else ""
    console.print(
        f"Run folder: {shlex.quote(str(result.folder))}{served}", soft_wrap=True, markup=False
    )
