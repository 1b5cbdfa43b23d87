"""The arguments of a call in Python, and the call as text for manifests."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping
from typing import Final

from aimc.configuration import plain

_LEFT_OUT: Final = ("model", "example_inputs", "progress")


def given_arguments(
    function: Callable[..., object], arguments: Mapping[str, object]
) -> dict[str, object]:
    """The ``arguments`` of ``function`` that are not its defaults, without the network."""
    parameters = inspect.signature(function).parameters
    given: dict[str, object] = {}
    for name, value in arguments.items():
        if parameters[name].kind is inspect.Parameter.VAR_KEYWORD and isinstance(value, Mapping):
            given |= {key: item for key, item in value.items() if item is not None}
        elif name not in _LEFT_OUT and value is not parameters[name].default:
            given[name] = value
    return given


def call_text(function: str, model: str, given: Mapping[str, object]) -> str:
    """The call as it can be typed.

    >>> call_text("aimc.run", "vgg16", {"system": "hermes-hp"})
    "aimc.run('vgg16', system='hermes-hp')"
    """
    arguments = [repr(model), *(f"{name}={_typed(value)!r}" for name, value in given.items())]
    return f"{function}({', '.join(arguments)})"


def _typed(value: object) -> object:
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, Mapping):
        return {key: _typed(item) for key, item in value.items()}
    return plain(value)
