"""Which class of gem5 a memory is based on, and when its energy model applies; without gem5."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.config.load import describe_preset, list_presets, load_config
from harness.config.preset_files import PRESETS, read_preset
from harness.config.schema import EnergyConfig, Gem5Dram, MemoryConfig, SystemConfig
from harness.engines.gem5.dram import check_dram_energy, dram_model
from harness.engines.gem5.engine import run_settings
from harness.errors import ConfigError, EngineError

CONFIGS = Path(__file__).parents[3] / "gem5_configs"


def system(*overrides: str) -> SystemConfig:
    chosen = [f"system.{override}" for override in overrides]
    return load_config(system="alpine-hp", overrides=chosen).system


def memory(*overrides: str) -> MemoryConfig:
    return system(*(f"memory.{override}" for override in overrides)).memory


@pytest.mark.parametrize("name", list_presets()["memory"])
def test_a_presets_class_is_complete(name: str) -> None:
    preset = describe_preset("memory", name)
    if preset.gem5:
        gem5 = Gem5Dram.model_validate({item.key: item.value for item in preset.gem5})
        assert gem5.energy in list_presets()["energy"]


def test_no_number_of_a_technology_is_in_gem5s_scripts() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in CONFIGS.glob("*.py"))
    assert not re.search(r"\bDDR\d|LPDDR|HBM\d", text)
    numbers = {f"{value.value:g}" for value in describe_preset("memory", "ddr4-2400").values}
    stated = set(re.findall(r"\b\d+\.\d+\b", (CONFIGS / "memory.py").read_text(encoding="utf-8")))
    assert not numbers & stated


def test_the_presets_timing_has_its_energy() -> None:
    assert dram_model(memory()).has_energy
    assert dram_model(memory("size_mib=512")).has_energy
    assert run_settings(Path("p.elf"), system())["dram"] == {
        "interface": "DDR4_2400_8x8",
        "ranks": 1,
        "changed": [],
    }


@pytest.mark.parametrize("change", ["latency_ns=70", "bandwidth_gb_per_s=12.8", "banks=8"])
def test_another_timing_has_none(change: str) -> None:
    model = dram_model(memory(change))
    assert not model.has_energy
    assert model.changed == (change.partition("=")[0],)


def test_other_energies_than_the_classes_are_refused() -> None:
    message = (
        "system.energy.dram_activate_pj: gem5's DRAM model decides it;"
        " ddr4-2400 has 4289, 0 leaves it out"
    )
    with pytest.raises(EngineError, match=re.escape(message)):
        run_settings(Path("p.elf"), system("energy.dram_activate_pj=5"))
    with pytest.raises(EngineError, match="one background energy"):
        run_settings(Path("p.elf"), system("energy.dram_open_mw=0"))
    run_settings(Path("p.elf"), system("energy.dram_activate_pj=0"))
    run_settings(Path("p.elf"), system("energy.dram_activate_pj=5", "memory.banks=8"))


def test_all_shipped_energies_are_the_classes() -> None:
    for name in list_presets()["energy"]:
        energy = system(f"energy={name}").energy
        assert isinstance(energy, EnergyConfig)
        check_dram_energy(dram_model(memory()), energy, name)


def test_a_class_is_named_by_shipped_memories_alone(tmp_path: Path) -> None:
    file = tmp_path / "slow.yaml"
    file.write_text((PRESETS / "memory" / "ddr4-2400.yaml").read_text(encoding="utf-8"))
    with pytest.raises(ConfigError, match="unknown key 'gem5'"):
        read_preset("memory", file)
