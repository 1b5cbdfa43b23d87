"""When gem5's own energy model of the DRAM applies; these tests need no gem5."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from harness.config.load import load_config
from harness.config.schema import MemoryConfig
from harness.engines.gem5.dram import has_energy_model

CONFIGS = Path(__file__).parents[2] / "gem5_configs"


def memory(*overrides: str) -> MemoryConfig:
    return load_config(system="alpine-hp", overrides=overrides).system.memory


def test_gem5s_ddr4_2400_is_the_presets() -> None:
    tree = ast.parse((CONFIGS / "memory.py").read_text(encoding="utf-8"))
    (call,) = (
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "MemorySettings"
    )
    stated = {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords}
    assert stated == memory().model_dump()


def test_the_presets_timing_has_its_energy() -> None:
    assert has_energy_model(memory())
    assert has_energy_model(memory("system.memory.size_mib=512"))


@pytest.mark.parametrize("change", ["latency_ns=70", "bandwidth_gb_per_s=12.8", "banks=8"])
def test_another_timing_has_none(change: str) -> None:
    assert not has_energy_model(memory(f"system.memory.{change}"))
