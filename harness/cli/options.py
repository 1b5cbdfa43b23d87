"""Options that several commands share, and the configuration that they make."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Final

import typer

from harness.config.load import load_config
from harness.config.schema import Config

DEFAULT_SYSTEM: Final = "alpine-hp"
DEFAULT_OUT: Final = Path("runs")

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


def choose_gem5(binary: Path | None) -> None:
    """Make ``--gem5`` what the variable GEM5 says; engines and their children read that."""
    from harness.engines.gem5.installation import VARIABLE

    if binary is not None:
        os.environ[VARIABLE] = str(binary)


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
) -> Config:
    """The configuration of a command's options; what is not given has its default.

    Raises:
        ConfigError: An option is unknown or impossible.
    """
    from harness.data.workloads import workload_for
    from harness.model.names import is_onnx_path

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
    return load_config(system=system, overrides=overrides or [], run=run)
