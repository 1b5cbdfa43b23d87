"""Energy against sums written out by hand, and its algebra."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.config.schema import EnergyConfig
from harness.engines.events import ALL_EVENTS, CYCLE_CAUSES
from harness.engines.protocol import DramEnergy
from harness.stats.energy import ENERGY_GROUPS, EnergyBreakdown, region_energy
from tests.stats.runs import CONV, CONV_ON_TILE, events, region, system

# Primes, so that every product is recognisable.
COSTS = {
    "int_op_pj": 2, "simd_op_pj": 3, "dot_op_pj": 5, "fp_op_pj": 7, "load_store_pj": 11,
    "branch_pj": 13, "fetch_pj": 17, "l1_access_pj": 19, "l2_access_pj": 23,
    "dram_read_pj_per_byte": 29, "dram_write_pj_per_byte": 73, "dram_activate_pj": 79,
    "core_leakage_mw": 31, "l2_leakage_mw": 37, "dram_background_mw": 41, "dram_open_mw": 83,
    "tile_dac_pj": 43, "tile_cell_pj": 47, "tile_adc_pj": 53, "tile_transfer_pj_per_byte": 59,
    "tile_program_cell_pj": 61, "tile_leakage_mw": 67, "bus_pj_per_access": 71,
}  # fmt: skip
SYSTEM = system("system.cores=2", *(f"system.energy.{key}={value}" for key, value in COSTS.items()))


def test_the_costs_above_are_all_there_are() -> None:
    assert set(COSTS) == set(EnergyConfig.model_fields) - {"name"}


def test_a_digital_layer_by_hand() -> None:
    energy = region_energy(CONV, SYSTEM, tiles_used=3)
    assert CONV.time_ns == 2000.0
    assert energy == EnergyBreakdown(
        core_ops_pj=500 * 2 + 100 * 3 + 1500 * 5 + 1000 * 11 + 200 * 13,
        core_fetch_pj=6000 * 17,
        l1_pj=(400 + 1000 + 8 * (3 + 20 + 5)) * 19,
        l2_pj=(28 + 10 + 2) * 23,
        dram_pj=640 * 29 + 64 * 73 + 4 * 79,
        core_leakage_pj=2 * 31 * 2000,
        l2_leakage_pj=37 * 2000,
        dram_background_pj=41 * 2000 + 83 * 300,
        tile_leakage_pj=3 * 67 * 2000,
    )


def test_an_analog_layer_by_hand() -> None:
    energy = region_energy(CONV_ON_TILE, SYSTEM, tiles_used=0)
    assert energy.core_ops_pj == 220 * 11
    assert energy.bus_pj == 140 * 71
    assert energy.tile_dac_pj == 270 * 43
    assert energy.tile_crossbar_pj == 4320 * 47
    assert energy.tile_adc_pj == 160 * 53
    assert energy.tile_transfer_pj == 430 * 59
    assert energy.tile_program_pj == 7 * 61
    assert energy.tile_leakage_pj == 0
    assert energy.core_leakage_pj + energy.l2_leakage_pj == 500 * (62 + 37)
    assert energy.dram_background_pj == 500 * 41


def test_an_engines_own_dram_energy_replaces_bytes_and_time() -> None:
    measured = replace(CONV, dram_energy=DramEnergy(access_pj=1.5, background_pj=0.0))
    by_events = region_energy(CONV, SYSTEM, tiles_used=3)
    energy = region_energy(measured, SYSTEM, tiles_used=3)
    assert energy == replace(by_events, dram_pj=1.5, dram_background_pj=0.0)


def test_fp_operations_count() -> None:
    energy = region_energy(region(1, "r", cycles_compute=1, fp_ops=10), SYSTEM, tiles_used=0)
    assert energy.core_ops_pj == 70


def test_a_full_mvm_of_the_default_preset_costs_what_hermes_published() -> None:
    full = region(
        1,
        "mvm",
        tile_mvms=1,
        tile_dac_conversions=256,
        tile_adc_conversions=256,
        tile_cell_reads=65536,
    )
    energy = region_energy(full, system(), tiles_used=1)
    assert energy.total_pj == pytest.approx(2 * 65536 / 10.5, rel=0.01)


def test_groups_hold_every_component_once() -> None:
    grouped = [name for names in ENERGY_GROUPS.values() for name in names]
    assert sorted(grouped) == sorted(field.name for field in fields(EnergyBreakdown))


_COUNTS = st.fixed_dictionaries(
    {name: st.integers(0, 10**6) for name in ALL_EVENTS if name not in ("cycles", "dot_ops")}
)


@settings(max_examples=60, deadline=None)
@given(_COUNTS, st.integers(0, 300))
def test_energy_is_positive_linear_and_complete(counts: dict[str, int], tiles: int) -> None:
    one = region(1, "r", **counts)
    two = region(1, "r", **{name: 2 * value for name, value in counts.items()})
    energy = region_energy(one, SYSTEM, tiles)
    assert all(value >= 0 for value in energy.components().values())
    assert region_energy(two, SYSTEM, tiles).components() == pytest.approx(
        (energy + energy).components()
    )
    assert energy.scaled(2).total_pj == pytest.approx(2 * energy.total_pj)
    assert sum(energy.groups().values()) == pytest.approx(energy.total_pj)


# Events that say how something went; what it cost is counted by another event.
_FREE = {
    "cycles", *CYCLE_CAUSES, "branch_mispredicts", "tile_mvms", "tile_adc_saturations",
    "tile_dma_descriptors", "tile_guest_errors", "tile_busy_ps",
}  # fmt: skip


@pytest.mark.parametrize("name", [name for name in ALL_EVENTS if name not in _FREE])
def test_every_event_that_costs_costs(name: str) -> None:
    counts = {name: 1} | ({"simd_ops": 1} if name == "dot_ops" else {})
    assert region_energy(region(1, "r", **counts), SYSTEM, 1).total_pj > 0
    assert events()["cycles"] == 0
