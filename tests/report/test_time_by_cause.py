"""What reports call the causes of time."""

from __future__ import annotations

from harness.config.load import load_config
from harness.report.time_by_cause import CAUSES, cause_names

O3 = {"model": "mlp", "engine": "gem5"}


def test_what_is_not_told_apart_is_not_said_to_be_compute() -> None:
    assert cause_names(load_config(system="alpine-hp").system.core) == CAUSES
    other = load_config(system="alpine-hp", overrides=["system.core=o3-high-power"], run=O3)
    names = cause_names(other.system.core)
    assert "memory" in names["compute"]
    assert "memory" not in names
    assert {key: name for key, name in names.items() if key != "compute"} == {
        key: CAUSES[key] for key in ("tile_transfer", "tile_mvm")
    }
