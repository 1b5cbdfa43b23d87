"""A stand-in for gem5's Python modules that records what `gem5_configs` would build.

It shows which objects a system has and which parameters they get.  It simulates nothing, and knows
no parameter's type: `tests/gem5_configs` runs the same scripts on gem5.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

DDR4_2400_8X8 = {  # gem5 24.0.0.1, src/mem/DRAMInterface.py: what `gem5_configs` asks for
    "device_bus_width": 8,
    "devices_per_rank": 8,
    "burst_length": 8,
    "beats_per_clock": 2,
    "bank_groups_per_rank": 4,
    "tRRD_L": 4.9e-9,
}


class Reference:
    """An attribute that nobody has set: a port, or a method of gem5."""

    def __init__(self, owner: object, name: str) -> None:
        self.owner, self.name = owner, name

    def __getattr__(self, name: str) -> Reference:
        return Reference(self, name)

    def __call__(self, *_: object, **__: object) -> None:
        return None


class AnyClass(type):
    def __getattr__(cls, name: str) -> Reference:
        if name.startswith("__"):
            raise AttributeError(name)
        return Reference(cls.__name__, name)


class AnyObject(metaclass=AnyClass):
    """A SimObject of any class: keyword arguments and assignments are its parameters."""

    def __init__(self, *positional: object, **parameters: object) -> None:
        vars(self).update(parameters)
        if positional:
            self.positional = positional

    def __getattr__(self, name: str) -> Reference:
        return Reference(self, name)


class AddrRange:
    def __init__(self, start: int, end: int | None = None, *, size: int | None = None) -> None:
        self.start = start
        self.end = start + size if size is not None else end
        assert self.end is not None


class Board(AnyObject):
    def attachOnChipIO(self, bus: object, bridge: AnyObject) -> None:  # noqa: ARG002, N802
        bridge.ranges = [AddrRange(0x10000000, 0x20000000), AddrRange(0x2F000000, 0x30000000)]


class AnyObjects(ModuleType):
    """`m5.objects`: every name is a class of SimObjects."""

    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        made = AnyClass(name, (AnyObject,), {})
        setattr(self, name, made)
        return made


def _modules() -> dict[str, ModuleType]:
    objects = AnyObjects("m5.objects")
    objects.AddrRange = AddrRange  # type: ignore[attr-defined]
    objects.VExpress_GEM5_V2 = AnyClass("VExpress_GEM5_V2", (Board,), {})  # type: ignore[attr-defined]
    interface = AnyClass("DRAMInterface", (AnyObject,), {})
    objects.DRAMInterface = interface  # type: ignore[attr-defined]
    objects.DDR4_2400_8x8 = AnyClass(  # type: ignore[attr-defined]
        "DDR4_2400_8x8", (interface,), DDR4_2400_8X8
    )
    objects.minorMakeOpClassSet = tuple  # type: ignore[attr-defined]
    m5 = ModuleType("m5")
    m5.objects = objects  # type: ignore[attr-defined]
    return {"m5": m5, "m5.objects": objects}


@contextmanager
def recorded_m5() -> Iterator[None]:
    """`gem5_configs.board` and what it imports can be imported in this context."""
    mine = _modules()
    before = {name: module for name, module in sys.modules.items() if _is_ours(name)}
    for name in before:
        del sys.modules[name]
    sys.modules.update(mine)
    try:
        yield
    finally:
        for name in [name for name in sys.modules if _is_ours(name)]:
            del sys.modules[name]
        sys.modules.update(before)


def _is_ours(name: str) -> bool:
    return name.partition(".")[0] in ("m5", "gem5_configs")


def machine(root: object) -> dict[str, Any]:
    """All objects below ``root`` by path, each with its class and parameters."""
    paths: dict[int, str] = {}
    _name(root, "root", paths)
    found: dict[str, Any] = {}

    def shown(value: object) -> object:
        if isinstance(value, Reference):
            return f"{shown(value.owner)}.{value.name}"
        if isinstance(value, AddrRange):
            return [value.start, value.end]
        if isinstance(value, AnyObject):
            return paths[id(value)]
        if isinstance(value, list | tuple):
            return [shown(item) for item in value]
        return value

    def add(value: object) -> None:
        for item in value if isinstance(value, list | tuple) else [value]:
            if isinstance(item, AnyObject) and paths[id(item)] not in found:
                entry: dict[str, object] = {"class": type(item).__name__}
                found[paths[id(item)]] = entry
                for key, attribute in vars(item).items():
                    entry[key] = shown(attribute)
                    add(attribute)

    add(root)
    return found


def _name(value: object, path: str, paths: dict[int, str]) -> None:
    if isinstance(value, list | tuple):
        for index, item in enumerate(value):
            _name(item, f"{path}[{index}]", paths)
    elif isinstance(value, AnyObject) and id(value) not in paths:
        paths[id(value)] = path
        for key, attribute in vars(value).items():
            _name(attribute, f"{path}.{key}", paths)
