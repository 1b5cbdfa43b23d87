"""One command per stage; each writes an artifact that a person can open."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from aimc.cli.configured import configured
from harness.budget import JSON_BYTES
from harness.config.schema import Config
from harness.errors import HarnessError
from harness.reading import read_regular
from harness.strict_json import parse_json_object

if TYPE_CHECKING:
    from harness.codegen.program import GeneratedProgram

_MODEL_HELP = """Read a network and show its layers; --export writes it as ONNX.

Example:

    aimc model resnet20 --export resnet20.onnx
"""
_QUANTIZE_HELP = """Quantize a network to int8 and write what became of it (JSON).

Example:

    aimc quantize lenet5 --out quantized/network.json
"""
_PLACE_HELP = """Assign analog layers to tiles and write the plan (JSON).

With too few tiles for all layers, those that save most time get them, by simulation.

Example:

    aimc place vgg16 --set system.tiles=100 --out plan.json
"""
_CODEGEN_HELP = """Write the C program of a mapping.

Example:

    aimc codegen lenet5 --mapping digital --out program
"""
_COMPILE_HELP = """Generate the C program of a mapping and compile it to a bare-metal ELF.

Example:

    aimc compile lenet5 --mapping analog --out program
"""
_SIMULATE_HELP = """Run an ELF that `aimc compile` made, and write its events per region (JSON).

Example:

    aimc simulate program/program.elf --out events.json
"""
_REPORT_HELP = """Show the report of a run folder again, and write its tables and pictures anew.

In a folder that cannot be written it shows the report, and says that it wrote nothing.

Example:

    aimc report runs/lenet5-analog-0123456789ab
"""

Artifact = Annotated[Path, typer.Option("--out", help="File to write.")]
Program = Annotated[Path, typer.Option("--out", help="Folder to write to.")]
_REGIONS: Final = "regions.json"
# Keys of the section run.  Engine and timeout are in config.yaml, for `simulate`.
_UNUSED_BY_CODEGEN: Final = ("fp32_baseline",)
_UNUSED_BY_PLACE: Final = ("fp32_baseline", "images")
# Options of the configuration.
_WITHOUT_IMAGES: Final = ("mapping", "system", "settings", "input_size", "dataset", "checkpoint")
_ALL: Final = (*_WITHOUT_IMAGES, "images")


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``, in the order of the stages."""
    app.command("model", help=_MODEL_HELP)(model)
    app.command("quantize", help=_QUANTIZE_HELP)(quantize)
    app.command("place", help=_PLACE_HELP)(place)
    app.command("codegen", help=_CODEGEN_HELP)(codegen)
    app.command("compile", help=_COMPILE_HELP)(compile_elf)
    app.command("simulate", help=_SIMULATE_HELP)(simulate)
    app.command("report", help=_REPORT_HELP)(report)


@configured("input_size", "checkpoint")
def model(
    config: Config,
    export: Annotated[
        Path | None, typer.Option("--export", help="ONNX file to write (batch-norm folded).")
    ] = None,
) -> None:
    """See _MODEL_HELP."""
    from aimc.cli.tables import model_table
    from harness.atomic import atomic_write_bytes
    from harness.model.export import to_onnx
    from harness.pipeline.prepare import load
    from harness.report.terminal import make_console

    loaded = load(config)
    make_console().print(model_table(loaded))
    if export is not None:
        atomic_write_bytes(export, to_onnx(loaded.graph).SerializeToString())
        typer.echo(f"Wrote {export}")


@configured("input_size", "dataset", "checkpoint")
def quantize(config: Config, out: Artifact = Path("network.json")) -> None:
    """See _QUANTIZE_HELP."""
    from harness.atomic import atomic_write_text
    from harness.pipeline.prepare import prepare
    from harness.quant.summary import network_to_json

    prepared = prepare(config)
    atomic_write_text(out, network_to_json(prepared.network))
    typer.echo(f"Wrote {out}: {len(prepared.network.nodes)} layers ({prepared.samples.statement})")


@configured(*_WITHOUT_IMAGES, unused=_UNUSED_BY_PLACE)
def place(config: Config, out: Artifact = Path("plan.json")) -> None:
    """See _PLACE_HELP."""
    from aimc.progress import shown_progress
    from harness.atomic import atomic_write_text
    from harness.pipeline.prepare import prepare
    from harness.pipeline.simulator import Simulator
    from harness.placement.summary import plan_to_json

    with shown_progress() as progress:
        prepared = prepare(config, Simulator(progress))
    plan = prepared.mapped or prepared.digital
    atomic_write_text(out, plan_to_json(plan, config.system))
    typer.echo(f"Wrote {out}: {len(plan.analog)} analog layers on {plan.tiles_used} tiles")
    copied = sum(layer.copy_count > 1 for layer in plan.analog.values())
    reloaded = sum(layer.reloaded for layer in plan.analog.values())
    if copied or reloaded:
        typer.echo(f"  with copies: {copied}, programmed at each inference: {reloaded}")
    for layer, reason in plan.kept_digital.items():
        typer.echo(f"  {layer} stays digital: {reason}")


@configured(*_ALL, unused=_UNUSED_BY_CODEGEN)
def codegen(config: Config, out: Program = Path("program")) -> None:
    """See _CODEGEN_HELP."""
    _generate(config, out)
    typer.echo(f"Wrote {out / 'src'}")


@configured(*_ALL, unused=_UNUSED_BY_CODEGEN)
def compile_elf(config: Config, out: Program = Path("program")) -> None:
    """See _COMPILE_HELP."""
    from harness.atomic import atomic_write_text
    from harness.pipeline.programs import compile_generated

    program = _generate(config, out)
    elf = compile_generated(program, out)
    atomic_write_text(out / _REGIONS, json.dumps(program.regions, indent=2) + "\n")
    typer.echo(f"Wrote {elf}")


def _generate(config: Config, out: Path) -> GeneratedProgram:
    from aimc.progress import shown_progress
    from harness.atomic import atomic_write_text
    from harness.config.load import config_to_yaml
    from harness.pipeline.prepare import prepare
    from harness.pipeline.programs import build
    from harness.pipeline.simulator import Simulator

    with shown_progress() as progress:
        prepared = prepare(config, Simulator(progress))
    atomic_write_text(out / "config.yaml", config_to_yaml(config))
    images_used = prepared.images[: config.run.images]
    return build(prepared.mapped or prepared.digital, config, images_used, out)


def simulate(
    elf: Annotated[Path, typer.Argument(help="The program.")],
    out: Artifact = Path("events.json"),
) -> None:
    """See _SIMULATE_HELP."""
    from aimc.progress import shown_progress
    from harness.atomic import atomic_write_text
    from harness.config.load import config_from_yaml
    from harness.engines.registry import engine
    from harness.stats.check import check_outputs

    config = config_from_yaml(_text(elf.parent / "config.yaml"), where="config.yaml")
    regions = _read_regions(elf.parent / _REGIONS)
    with shown_progress() as progress:
        progress.stage(f"simulating {elf.name}")
        result = engine(config.run.engine).run(
            elf,
            config.system,
            regions,
            timeout_s=config.run.timeout_s,
            fast_forward=config.run.fast_forward,
            progress=progress,
        )
    atomic_write_text(out, json.dumps(asdict(result), indent=2) + "\n")
    typer.echo(result.console, nl=False)
    typer.echo(f"Wrote {out}: {result.simulated_ns / 1e6:.3f} ms simulated")
    check_outputs(result)


def _text(path: Path) -> str:
    try:
        return read_regular(path, JSON_BYTES).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise HarnessError(
            f"the file cannot be read: {reason}",
            where=str(path),
            hint="simulate an ELF in the folder that `aimc compile` wrote",
        ) from error


def _read_regions(path: Path) -> dict[int, str]:
    """The file that `compile_elf` wrote: region number to name.

    Raises:
        HarnessError: It is missing or something else.
    """
    try:
        content = parse_json_object(_text(path))
        return {int(key): str(value) for key, value in content.items()}
    except ValueError as error:
        raise HarnessError(
            "not a list of regions", where=str(path), hint="run `aimc compile` again"
        ) from error


def report(folder: Annotated[Path, typer.Argument(help="A run's folder.")]) -> None:
    """See _REPORT_HELP."""
    from functools import partial

    from harness.pipeline.report_again import write_report_again
    from harness.report.result_file import read_result
    from harness.report.terminal import make_console, print_report

    comparison = read_result(folder / "result.json")
    print_report(comparison, make_console())
    reason = write_report_again(comparison, folder, waiting=partial(typer.echo, err=True))
    if reason is not None:
        typer.echo(f"Tables and pictures were not written: {folder}: {reason}", err=True)
