"""What a run is told: JSON into frozen dataclasses; unknown, missing and mistyped keys are errors.

The `system` part is the harness's `SystemConfig` as it is; the fields here are those of
`harness/config/schema.py`, which has checked their ranges.  Only the standard library is used,
because gem5 runs this in an interpreter of its own.
"""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from dataclasses import dataclass
from pathlib import Path

FORMAT = 2


class SettingsError(Exception):
    """The settings cannot be simulated; the message says which key and why."""


@dataclass(frozen=True)
class CoreSettings:
    name: str
    kind: str
    clock_ghz: float
    issue_width: int
    int_units: int
    simd_units: int
    load_store_units: int
    int_latency: int
    mul_latency: int
    div_latency: int
    simd_latency: int
    simd_mul_latency: int
    dot_latency: int
    dot_accumulate_latency: int
    fp_latency: int
    fp_div_latency: int
    load_to_use_latency: int
    store_buffer_entries: int
    branch_mispredict_penalty: int
    branch_predictor_entries: int


@dataclass(frozen=True)
class CacheSettings:
    size_kib: int
    ways: int
    line_bytes: int
    hit_latency_cycles: int
    mshrs: int
    prefetch_degree: int


@dataclass(frozen=True)
class CachesSettings:
    name: str
    l1i: CacheSettings
    l1d: CacheSettings
    l2: CacheSettings


@dataclass(frozen=True)
class MemorySettings:
    name: str
    size_mib: int
    latency_ns: float
    bandwidth_gb_per_s: float
    row_bytes: int
    banks: int
    activate_ns: float
    precharge_ns: float
    row_open_ns: float
    same_bank_ns: float
    turnaround_ns: float
    refresh_interval_ns: float
    refresh_ns: float


@dataclass(frozen=True)
class AttachSettings:
    name: str
    point: str
    load_latency_ns: float
    store_latency_ns: float
    load_latency_cycles: int
    store_latency_cycles: int
    extra_beat_ns: float
    load_extra_beat_ns: float | None
    dma_bandwidth_gb_per_s: float


@dataclass(frozen=True)
class TileSettings:
    name: str
    rows: int
    columns: int
    dac_bits: int
    adc_bits: int
    dac_latency_ns: float
    crossbar_latency_ns: float
    adc_latency_ns: float
    program_row_latency_ns: float
    io_bandwidth_gb_per_s: float
    double_buffer: bool
    io: str
    noise: bool
    output_noise_lsb: float
    read_noise_lsb: float
    seed: int


@dataclass(frozen=True)
class EnergySettings:
    name: str
    int_op_pj: float
    simd_op_pj: float
    dot_op_pj: float
    fp_op_pj: float
    load_store_pj: float
    branch_pj: float
    fetch_pj: float
    l1_access_pj: float
    l2_access_pj: float
    dram_read_pj_per_byte: float
    dram_write_pj_per_byte: float
    dram_activate_pj: float
    core_leakage_mw: float
    l2_leakage_mw: float
    dram_background_mw: float
    dram_open_mw: float
    tile_dac_pj: float
    tile_cell_pj: float
    tile_adc_pj: float
    tile_transfer_pj_per_byte: float
    tile_program_cell_pj: float
    tile_leakage_mw: float
    bus_pj_per_access: float


@dataclass(frozen=True)
class SystemSettings:
    name: str
    cores: int
    tiles: int
    core: CoreSettings
    caches: CachesSettings
    memory: MemorySettings
    attach: AttachSettings
    tile: TileSettings
    energy: EnergySettings


@dataclass(frozen=True)
class CheckpointSettings:
    """Save the whole system into `checkpoint/` in the output folder."""

    at_ns: float
    stop: bool  # end there instead of going on


@dataclass(frozen=True)
class RunSettings:
    """One simulation.

    `fast_forward_to` is the id of the region at whose first mark the detailed cores take over from
    a functional one; null: detailed from reset.  `restore` is a checkpoint's folder or null.
    `attended`: standard input is a pipe of the harness, at whose end gem5 ends.
    """

    format: int
    elf: str
    system: SystemSettings
    fast_forward_to: int | None
    checkpoint: CheckpointSettings | None
    restore: str | None
    attended: bool


def read_settings(path: Path) -> RunSettings:
    """The settings in the file `path`.

    Raises:
        SettingsError: It cannot be read, is not JSON, or has a key or value that is not valid.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path}: {error}") from error
    settings = typing.cast(RunSettings, _record(RunSettings, document, ""))
    if settings.format != FORMAT:
        raise SettingsError(f"format: {settings.format} is not {FORMAT}, the one known here")
    _check_system(settings.system)
    if settings.restore is not None and not Path(settings.restore, "m5.cpt").is_file():
        raise SettingsError(f"restore: {settings.restore!r} is no checkpoint's folder")
    if settings.fast_forward_to is not None and (settings.checkpoint or settings.restore):
        raise SettingsError("fast_forward_to: not together with a checkpoint")
    return settings


def _check_system(system: SystemSettings) -> None:
    _choose("system.core.kind", system.core.kind, ("in_order", "out_of_order"))
    _choose("system.attach.point", system.attach.point, ("core", "bus"))
    _choose("system.tile.io", system.tile.io, ("pio", "dma"))
    if not 1 <= system.cores <= 8:
        raise SettingsError(f"system.cores: {system.cores} is not in [1, 8]")
    if not 0 <= system.tiles <= 1024:
        raise SettingsError(f"system.tiles: {system.tiles} is not in [0, 1024]")


def _choose(key: str, value: str, valid: tuple[str, ...]) -> None:
    if value not in valid:
        raise SettingsError(f"{key}: {value!r} is not one of {', '.join(valid)}")


def _record(cls: type, value: object, path: str) -> object:
    if not isinstance(value, dict):
        raise SettingsError(f"{path or 'the document'}: must be an object")
    hints = typing.get_type_hints(cls)
    names = [field.name for field in dataclasses.fields(cls)]
    prefix = f"{path}." if path else ""
    unknown = sorted(set(value) - set(names))
    if unknown:
        raise SettingsError(f"{prefix}{unknown[0]}: unknown key; valid: {', '.join(names)}")
    missing = [name for name in names if name not in value]
    if missing:
        raise SettingsError(f"{prefix}{missing[0]}: missing")
    return cls(**{name: _value(hints[name], value[name], prefix + name) for name in names})


def _value(kind: object, value: object, path: str) -> object:
    if isinstance(kind, types.UnionType):
        options = typing.get_args(kind)
        if value is None and types.NoneType in options:
            return None
        kind = next(option for option in options if option is not types.NoneType)
    if typing.get_origin(kind) is tuple:
        if not isinstance(value, list):
            raise SettingsError(f"{path}: must be a list")
        element = typing.get_args(kind)[0]
        return tuple(_value(element, item, f"{path}[{i}]") for i, item in enumerate(value))
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        return _record(kind, value, path)
    if kind is float and type(value) is int:
        return float(value)
    if kind not in (bool, int, float, str) or type(value) is not kind:
        raise SettingsError(f"{path}: {value!r} is not of type {getattr(kind, '__name__', kind)}")
    return value
