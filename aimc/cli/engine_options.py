"""The options that engines declare, as options of a command."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from harness.engines.registry import engine_options, engine_with_option


def with_engine_options(chosen_by: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Let a command have an option for each that an engine declares.

    It hears of them as ``engine_options``: those that the command line has, as text by name.

    Args:
        chosen_by: How the command line or a file chooses an engine, as the help shows it, with
            ``{}`` for the engine's name.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        declared = engine_options()

        @functools.wraps(command)
        def called(**arguments: object) -> None:
            told = {
                name: str(value) for name in declared if (value := arguments.pop(name)) is not None
            }
            command(**arguments, engine_options=told)

        signature = inspect.signature(command, eval_str=True)
        parameters = [
            parameter
            for parameter in signature.parameters.values()
            if parameter.name != "engine_options"
        ]
        for name, option in declared.items():
            chosen = chosen_by.format(engine_with_option(name))
            first = "" if option.variable is None else f"{option.variable}, then "
            help_text = f"The {option.what} of {chosen}; default: {first}{option.otherwise}."
            parameters.append(
                inspect.Parameter(
                    name,
                    inspect.Parameter.KEYWORD_ONLY,
                    default=None,
                    annotation=Annotated[Path | None, typer.Option(f"--{name}", help=help_text)],
                )
            )
        parameters = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in parameters]
        called.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        called.__annotations__ = {p.name: p.annotation for p in parameters}
        del called.__wrapped__
        return called

    return decorate
