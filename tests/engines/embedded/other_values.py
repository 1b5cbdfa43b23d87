"""Every field of a system, with another valid value for each."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel

from harness.config.fields import readers
from harness.config.load import load_config
from harness.config.overrides import find_field
from harness.config.schema import Config, SystemConfig

OTHER = {  # a value that differs from that of the system below, where x + 1 would not be valid
    "system.core.kind": "out_of_order",
    "system.core.clock_ghz": 1.0,
    "system.core.dot_accumulate_latency": 2,
    "system.core.load_to_use_latency": 9,
    "system.core.branch_predictor_entries": 16,
    "system.attach.load_extra_beat_ns": 3.0,
    "system.attach.point": "bus",
    "system.attach.store_latency_ns": 3.0,  # gem5 takes a thousandth of a cycle for none
    "system.memory.size_mib": 128,
    "system.tile.io": "dma",
    "system.tile.rows": 512,
    "system.tile.columns": 512,
    "system.tile.dac_bits": 7,
}
TOGETHER = {"line_bytes": ("system.caches.l1i", "system.caches.l1d", "system.caches.l2")}


def configuration() -> Config:
    overrides = ["system.tile.noise=true", "system.tile.output_noise_lsb=1", "system.tiles=40"]
    run = {"model": "lenet5", "images": 1, "warmup": 0}
    return load_config(system="alpine-hp", overrides=overrides, run=run)


def fields(section: BaseModel, path: str) -> Iterator[tuple[str, object]]:
    for name in type(section).model_fields:
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            yield from fields(value, f"{path}.{name}")
        else:
            yield f"{path}.{name}", value


FIELDS = dict(fields(configuration().system, "system"))


def other_value(path: str) -> object:
    """Another valid value of the field at ``path``."""
    value = FIELDS[path]
    if path in OTHER:
        return OTHER[path]
    if isinstance(value, bool):
        return not value
    if isinstance(value, str):
        return f"{value}.other"
    if path.endswith(("size_kib", "ways", "line_bytes")):
        return value // 2
    return value * 2 if value else 3


def changed(system: SystemConfig, path: str) -> SystemConfig:
    """``system`` with another value at ``path``; all levels share a line size."""
    document = system.model_dump()
    for where in TOGETHER.get(path.rpartition(".")[2], (path.rpartition(".")[0],)):
        section = document
        for name in where.split(".")[1:]:
            section = section[name]
        section[path.rpartition(".")[2]] = other_value(path)
    return SystemConfig.model_validate(document)


def read_by(engine: str) -> set[str]:
    """The fields that the schema says ``engine`` reads."""
    found = set()
    for path in FIELDS:
        names = path.split(".")
        above = [names[: depth + 1] for depth in range(1, len(names))]
        if all(engine in readers(find_field(part, Config)) for part in above):
            found.add(path)
    return found
