"""Options that several commands share, and the configuration that they make."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

from harness.config.load import load_config
from harness.config.schema import Config
from harness.errors import ConfigError

DEFAULT_SYSTEM: Final = "alpine-hp"
DEFAULT_OUT: Final = Path("runs")
MAX_THREADS: Final = 1024  # of torch; more than any machine has use for

_OPTION_OF: Final = {"input_size": "--input"}
_TILE_KEYS: Final = ("system.tile.", "system.attach.", "system.energy.tile_")
_TILE_SECTIONS: Final = ("system.tile", "system.tiles", "system.attach", "run.placement")

Model = Annotated[
    str, typer.Argument(help="Built-in network (see `aimc models`) or path of an .onnx file.")
]
Mapping = Annotated[
    str, typer.Option("--mapping", help="`digital`, `analog` (all that can) or a mapping .json.")
]
System = Annotated[
    str, typer.Option("--system", help="System preset (see `aimc presets`) or a YAML file.")
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", help="key.path=value, e.g. system.tile.adc_bits=6; may be repeated."),
]
Images = Annotated[
    int | None, typer.Option("--images", help="Simulated images; default: the workload's own.")
]
Input = Annotated[
    int | None, typer.Option("--input", help="Height and width of the input, e.g. 224.")
]
Dataset = Annotated[
    Path | None,
    typer.Option("--dataset", help="Folder or file of the dataset; default: AIMC_DATA."),
]
Checkpoint = Annotated[
    Path | None, typer.Option("--checkpoint", help="Weights (.safetensors) of a built-in network.")
]
Gem5 = Annotated[
    Path | None,
    typer.Option("--gem5", help="The gem5 program of --engine gem5; default: GEM5, then PATH."),
]
Out = Annotated[Path, typer.Option("--out", help="Folder that the result goes to.")]


def check_gem5(binary: Path | None, engine: str) -> None:
    """
    Raises:
        ConfigError: ``--gem5`` is given, and another engine than gem5 is to run.
    """
    if binary is not None and engine != "gem5":
        raise ConfigError(
            f"--gem5: the engine is {engine}, which uses no gem5", hint="add --engine gem5"
        )


def is_given(context: typer.Context, parameter: str) -> bool:
    """Whether the command line has the option of the command's ``parameter``."""
    source = context.get_parameter_source(parameter)
    return source is not None and source.name == "COMMANDLINE"


def make_config(
    model: str,
    *,
    mapping: str,
    system: str,
    overrides: list[str] | None,
    images: int | None = None,
    input_size: int | None = None,
    dataset: Path | None = None,
    checkpoint: Path | None = None,
    engine: str | None = None,
    context: typer.Context | None = None,
    unused: Sequence[str] = (),
) -> Config:
    """The configuration of a command's options; what is not given has its default.

    Args:
        context: Of a command with ``--set``: tells which options were given.
        unused: Keys of ``run`` that the command does nothing with.

    Raises:
        ConfigError: An option is unknown or impossible, or would have no effect.
    """
    from harness.data.workloads import workload_for
    from harness.model.names import is_onnx_path

    if checkpoint is not None and is_onnx_path(model):
        raise ConfigError(
            "a checkpoint is for built-in networks; an .onnx file brings its own weights",
            where=f"--checkpoint {checkpoint}",
            hint="leave --checkpoint out",
        )
    run: dict[str, object] = {"model": model, "mapping": mapping}
    workload = None if is_onnx_path(model) else workload_for(model)
    if images is None and workload is not None:
        images = workload.simulated_images
    given = {
        "images": images,
        "input_size": input_size,
        "dataset": None if dataset is None else str(dataset),
        "checkpoint": None if checkpoint is None else str(checkpoint),
        "engine": engine,
    }
    run |= {key: value for key, value in given.items() if value is not None}
    keys = [text.partition("=")[0].strip() for text in overrides or []]
    if context is not None:
        _check_run_keys(keys, unused, context)
    config = load_config(system=system, overrides=overrides or [], run=run)
    if config.run.mapping == "digital":
        _check_no_tile_keys(keys)
    return config


def _check_run_keys(keys: Sequence[str], unused: Sequence[str], context: typer.Context) -> None:
    """Refuse overrides of ``run`` that lose against an option or that the command ignores."""
    for key in keys:
        section, _, name = key.partition(".")
        if section != "run":
            continue
        if name in unused:
            raise ConfigError(
                "this command does not use it", where=f"--set {key}", hint="leave it out"
            )
        if name == "model" or is_given(context, name):
            option = "the argument" if name == "model" else _OPTION_OF.get(name, f"--{name}")
            raise ConfigError(
                f"{option} says it already", where=f"--set {key}", hint="give one of the two"
            )


def _check_no_tile_keys(keys: Sequence[str]) -> None:
    """Refuse overrides of tiles where the mapping is all-digital."""
    for key in keys:
        if key.startswith(_TILE_KEYS) or key in _TILE_SECTIONS:
            raise ConfigError(
                "the mapping is digital, which uses no tiles",
                where=f"--set {key}",
                hint="leave it out, or choose another --mapping",
            )
