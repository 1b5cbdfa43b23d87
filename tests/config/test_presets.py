"""The shipped presets, and what the preset reader refuses."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import pytest

from harness.config.load import describe_preset, list_presets, load_config
from harness.config.preset_files import LOOP_SECTIONS, SECTIONS, read_preset, unit_of
from harness.errors import ConfigError

ALL = [(section, name) for section, names in list_presets().items() for name in names]


def test_every_section_has_presets() -> None:
    presets = list_presets()
    assert set(presets) == {"system", *SECTIONS, *LOOP_SECTIONS}
    assert all(presets.values())
    assert {"alpine-high-power", "alpine-low-power", "cortex-a55-like"} <= set(presets["core"])


@pytest.mark.parametrize(("section", "name"), [*ALL, ("run", "default")])
def test_every_value_has_a_source(section: str, name: str) -> None:
    preset = describe_preset(section, name)
    assert preset.values
    for value in preset.values:
        assert len(value.source) >= 8, f"{section}/{name}: {value.key}"
        assert not value.source.startswith("@"), f"{section}/{name}: {value.key}"


@pytest.mark.parametrize("name", list_presets()["system"])
def test_every_system_loads(name: str) -> None:
    config = load_config(system=name)
    assert config.system.name == name


@pytest.mark.parametrize(
    ("section", "name"), [(section, name) for section, name in ALL if section in SECTIONS]
)
def test_every_section_preset_can_be_swapped_in(section: str, name: str) -> None:
    # gem5 simulates every core, the embedded engine those that are in order.
    config = load_config(
        system="alpine-hp", overrides=[f"system.{section}={name}"], run={"engine": "gem5"}
    )
    assert getattr(config.system, section).name == name


def test_published_operating_points_come_out() -> None:
    """Energies whose split is an estimate must sum to the published figure of a full MVM."""
    for name, tops_per_watt in (("hp-14nm", 10.5), ("lp-14nm", 10.5), ("hermes-64-core", 9.76)):
        energy = load_config(system="alpine-hp", overrides=[f"system.energy={name}"]).system.energy
        mvm_pj = 256 * energy.tile_dac_pj + 65536 * energy.tile_cell_pj + 256 * energy.tile_adc_pj
        assert 2 * 65536 / mvm_pj == pytest.approx(tops_per_watt, rel=0.01)


def test_the_64_core_chips_throughput_comes_out() -> None:
    tile = load_config(system="hermes-hp").system.tile
    mvm_ns = tile.dac_latency_ns + tile.crossbar_latency_ns + tile.adc_latency_ns
    assert 64 * 2 * tile.rows * tile.columns / mvm_ns / 1e3 == pytest.approx(63.1, rel=0.01)


def test_bus_attachment_gives_the_measured_cycles() -> None:
    config = load_config(system="alpine-hp-bus").system
    # Measured at 2.3 GHz: 76 and 78 cycles, with what waiting for the clocks' edges adds.
    clock_ghz = config.core.clock_ghz
    assert config.attach.extra_beat_ns == config.attach.load_beat_ns == 0
    assert config.device_store_ns() * clock_ghz == pytest.approx(2 * 22 + 2 + 11 * clock_ghz)
    assert config.device_load_ns() * clock_ghz == pytest.approx(2 * 22 + 3 + 11 * clock_ghz)


def test_vgg16_fits_the_default_system() -> None:
    """Blocks of CIFAR-size VGG-16's 3 x 3 convolutions and classifier on 256 x 256 tiles."""
    config = load_config(system="alpine-hp").system
    widths = [3, 64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512]
    layers = [(9 * a, b) for a, b in itertools.pairwise(widths)]
    layers += [(512, 512), (512, 512), (512, 10)]
    blocks = sum(
        math.ceil(rows / config.tile.rows) * math.ceil(columns / config.tile.columns)
        for rows, columns in layers
    )
    assert blocks <= config.tiles


def test_units_are_read_off_the_keys() -> None:
    assert unit_of("clock_ghz") == "GHz"
    assert unit_of("l1d.size_kib") == "KiB"
    assert unit_of("dram_read_pj_per_byte") == "pJ/B"
    assert unit_of("div_latency") == "cycles"
    assert unit_of("dma_bandwidth_gb_per_s") == "GB/s"
    assert unit_of("timeout_s") == "s"
    assert unit_of("ways") == ""


def test_unknown_names_list_the_valid_ones() -> None:
    with pytest.raises(ConfigError) as caught:
        describe_preset("tile", "hermes")
    assert "hermes-256" in str(caught.value)
    with pytest.raises(ConfigError) as caught:
        describe_preset("tyle", "alpine")
    assert "did you mean 'tile'" in str(caught.value)


MEMORY = """\
title: t
description: d
sources: {a: "A paper"}
values:
  size_mib: {value: 64, source: "@a, Table 1"}
  latency_ns: {value: 50.0, source: "measured"}
  bandwidth_gb_per_s: {value: 10.0, source: "measured"}
  row_bytes: {value: 8192, source: "measured"}
  banks: {value: 32, source: "measured"}
  activate_ns: {value: 15.0, source: "measured"}
  precharge_ns: {value: 15.0, source: "measured"}
  row_open_ns: {value: 30.0, source: "measured"}
  same_bank_ns: {value: 5.0, source: "measured"}
  turnaround_ns: {value: 20.0, source: "measured"}
  refresh_interval_ns: {value: 7800.0, source: "measured"}
  refresh_ns: {value: 350.0, source: "measured"}
"""


def _read(tmp_path: Path, text: str) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(text, encoding="utf-8")
    preset = read_preset("memory", path)
    assert preset.values[0].source == "A paper, Table 1"


def test_a_valid_file_reads(tmp_path: Path) -> None:
    _read(tmp_path, MEMORY)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            '50.0, source: "measured"}',
            "50.0}",
            "latency_ns must have exactly the keys value and source",
        ),
        ('{value: 50.0, source: "measured"}', "50.0", "latency_ns has no source"),
        ('50.0, source: "measured"', '50.0, source: " "', "latency_ns has an empty source"),
        ("@a", "@b", "size_mib cites @b, which sources does not have"),
        ("  size_mib:", "  size_mb:", "unknown key 'size_mb'"),
        ('  latency_ns: {value: 50.0, source: "measured"}\n', "", "missing values: latency_ns"),
        ("value: 64", "value: [64]", "size_mib.value must be one value"),
        ("title: t", "titel: t", "unknown key 'titel'"),
        ("title: t", "title: 3", "title and description must be text"),
        ("values:", "deviations: x\nvalues:", "deviations must be a list"),
        (MEMORY, "- 1\n", "a preset file is a mapping"),
        (MEMORY, "", "a preset file is a mapping"),
    ],
)
def test_malformed_files_are_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in MEMORY
    with pytest.raises(ConfigError) as caught:
        _read(tmp_path, MEMORY.replace(old, new, 1))
    assert message in str(caught.value)
    assert "own.yaml" in str(caught.value)
