"""Finds the operators: every module of this folder is asked for the ONNX operators it reads."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from types import MappingProxyType

import harness.operators
from harness.operators.onnx.reader import OnnxReader


@cache
def onnx_readers() -> Mapping[str, OnnxReader]:
    """How each supported ONNX operator is read, by its name, from the modules' ``ONNX_READERS``.

    Raises:
        ValueError: Two modules read one operator.
    """
    readers: dict[str, OnnxReader] = {}
    folder = harness.operators
    names = sorted(info.name for info in pkgutil.iter_modules(folder.__path__) if not info.ispkg)
    for name in names:
        module = import_module(f"{folder.__name__}.{name}")
        for op, reader in getattr(module, "ONNX_READERS", {}).items():
            if op in readers:
                raise ValueError(f"{module.__name__} reads {op}, which another module reads")
            readers[op] = reader
    return MappingProxyType(dict(sorted(readers.items())))
