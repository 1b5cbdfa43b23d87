"""A measured or failed point as rows of the sweep's tables: plain values by column."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

from harness.config.schema import Config
from harness.report.comparison import AccuracyEntry, Comparison, Manifest
from harness.report.layer_row import LayerRow, layer_rows, total_row

Row: TypeAlias = dict[str, Any]

DIGITAL: Final = "digital"
MAPPED: Final = "mapped"
_TAKERS: Final = {
    "core": "core",
    "caches": "caches",
    "dram": "DRAM",
    "tile_transfer": "tile transfer",
    "tile": "tile",
}
"""Columns by `harness.stats.energy.ENERGY_GROUPS`."""


def config_row(config: Config, text: str) -> Row:
    """The configuration's columns of a point's row; ``text`` is the whole configuration as YAML."""
    return {
        "mapping": config.run.mapping,
        "system": config.system.name,
        "images": config.run.images,
        "tiles": config.system.tiles,
        "config": text,
    }


def point_row(comparison: Comparison, *, tiles_wanted: int) -> Row:
    """The figures of a measured point.

    Where no layer is on a tile, the mapped program is the digital one.

    Args:
        tiles_wanted: See `harness.placement.plan.Plan`.
    """
    plan, gain = comparison.plan, comparison.gain
    mapped = comparison.mapped or comparison.digital
    return {
        "network": comparison.model.name,
        "engine": _engine(comparison.manifest),
        "tiles_used": plan.tiles_used if plan is not None else 0,
        "tiles_wanted": tiles_wanted,
        "analog_layers": len(plan.analog_layers) if plan is not None else 0,
        "speed_up": 1.0 if gain is None else gain.speed_up,
        "energy_gain": 1.0 if gain is None else gain.energy_gain,
        **_program(DIGITAL, total_row(comparison, comparison.digital)),
        **_program(MAPPED, total_row(comparison, mapped)),
        **_accuracies(comparison),
    }


def point_layers(comparison: Comparison) -> list[Row]:
    """One row per layer of the digital and of the mapped program, in their order."""
    mapped = comparison.mapped or comparison.digital
    return [
        *(_layer(DIGITAL, row) for row in layer_rows(comparison, comparison.digital)),
        *(_layer(MAPPED, row) for row in layer_rows(comparison, mapped)),
    ]


def _engine(manifest: Manifest) -> str:
    name, version = manifest.engine, manifest.engine_version
    return version if version.startswith(name) else f"{name} {version}"


def _program(name: str, total: LayerRow) -> Row:
    groups = total.energy.groups()
    return {
        f"{name}_time_ns": total.time_ns,
        f"{name}_cycles": total.cycles,
        f"{name}_energy_pj": total.energy_pj,
        **{f"{name}_{cause}_time_ns": time_ns for cause, time_ns in total.causes_ns.items()},
        **{f"{name}_{taker}_energy_pj": groups[group] for taker, group in _TAKERS.items()},
    }


def _layer(name: str, row: LayerRow) -> Row:
    return {
        "program": name,
        "layer": row.layer,
        "operator": row.operator,
        "unit": row.unit,
        "tiles": row.tiles,
        "macs": row.macs,
        "time_ns": row.time_ns,
        "cycles": row.cycles,
        "energy_pj": row.energy_pj,
        "why_digital": row.why_digital,
    }


def _accuracies(comparison: Comparison) -> Row:
    """Accuracies of the references, on all evaluated images; empty without labels."""
    accuracy = comparison.accuracy
    if accuracy is None:
        return {}
    entries = {entry.what: entry for entry in accuracy.entries}
    digital = entries[f"{DIGITAL}, reference"]
    mapped: AccuracyEntry = entries.get(f"{MAPPED}, reference", digital)
    return {
        "float_accuracy_percent": accuracy.float_network.percent,
        "digital_accuracy_percent": digital.percent,
        "mapped_accuracy_percent": mapped.percent,
        "accuracy_images": mapped.images,
    }
