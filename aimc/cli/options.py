"""Options that several commands share, and the configuration that they make."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

_OPTION_OF: Final = {"model": "the argument", "input_size": "--input"}
_CONFIGURED: Final = ("mapping", "images", "input_size", "dataset", "checkpoint", "engine")

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
Out = Annotated[Path, typer.Option("--out", help="Folder that the result goes to.")]


class CommandLineSpelling:
    """Options."""

    call = "this command"
    kind = "an option"

    def argument(self, name: str) -> str:
        return _OPTION_OF.get(name, f"--{name}")

    def given(self, name: str, value: object) -> str:
        return f"{self.argument(name)} {value}"

    def setting(self, key: str) -> str:
        return f"--set {key}"


COMMAND_LINE: Final = CommandLineSpelling()


def is_given(context: typer.Context, parameter: str) -> bool:
    """Whether the command line has the option of the command's ``parameter``."""
    source = context.get_parameter_source(parameter)
    return source is not None and source.name == "COMMANDLINE"


def given_options(context: typer.Context) -> frozenset[str]:
    """The options of a configuration that the command line has."""
    return frozenset(name for name in _CONFIGURED if is_given(context, name))
