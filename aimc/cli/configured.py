"""The configuration as the parameter of a command, which gets the options that make it."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Collection
from typing import Any, Final

import typer

from aimc.cli import options
from aimc.configuration import configure
from aimc.defaults import DEFAULT_MAPPING, DEFAULT_SYSTEM

_CONTEXT: Final = "context"
# An argument of `configure`: the option, and its default.
_OPTIONS: Final[dict[str, tuple[Any, object]]] = {
    "mapping": (options.Mapping, DEFAULT_MAPPING),
    "system": (options.System, DEFAULT_SYSTEM),
    "settings": (options.Set, None),
    "images": (options.Images, None),
    "input_size": (options.Input, None),
    "dataset": (options.Dataset, None),
    "checkpoint": (options.Checkpoint, None),
}


def configured(
    *names: str, unused: Collection[str] = ()
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Let a command take a model and the options of ``names``; it hears of a ``config``.

    Args:
        names: Arguments of `configure`.  Without ``mapping`` the configuration is all-digital.
        unused: Keys of ``run`` that the command does not use.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def called(**arguments: Any) -> None:  # noqa: ANN401 - what typer has read
            context, model = arguments.pop(_CONTEXT), arguments.pop("model")
            chosen = {"mapping": "digital", **{name: arguments.pop(name) for name in names}}
            if "settings" in chosen:
                chosen["settings"] = chosen["settings"] or ()
            config = configure(
                model,
                **chosen,
                given=options.given_options(context),
                unused=unused,
                spelling=options.COMMAND_LINE,
            )
            command(config, **arguments)

        keyword = inspect.Parameter.KEYWORD_ONLY
        own = list(inspect.signature(command, eval_str=True).parameters.values())[1:]
        parameters = [
            inspect.Parameter(_CONTEXT, keyword, annotation=typer.Context),
            inspect.Parameter("model", keyword, annotation=options.Model),
            *(
                inspect.Parameter(name, keyword, default=default, annotation=option)
                for name in names
                for option, default in [_OPTIONS[name]]
            ),
            *(parameter.replace(kind=keyword) for parameter in own),
        ]
        called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        called.__annotations__ = {p.name: p.annotation for p in parameters}
        del called.__wrapped__
        return called

    return decorate
