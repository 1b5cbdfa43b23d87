"""gem5 reads every field of a system, or the schema says that it does not."""

from __future__ import annotations

import json
from pathlib import Path

from harness.config.fields import canonical
from harness.config.load import load_config
from harness.config.schema import SystemConfig
from harness.engines.gem5.engine import run_settings
from harness.engines.visible import visible_system
from harness.errors import EngineError
from tests.engines.embedded.other_values import FIELDS, changed, read_by
from tests.engines.gem5.recorded_m5 import machine, recorded_m5


def system(*overrides: str) -> SystemConfig:
    chosen = ["system.tiles=2", *(f"system.{override}" for override in overrides)]
    return load_config(system="alpine-hp", overrides=chosen, run={"engine": "gem5"}).system


def test_gem5_gets_the_canonical_json() -> None:
    config = system()
    assert run_settings(Path("p.elf"), config)["system"] == canonical(config)


BASES = [
    (),
    ("attach=bus", "tile.io=dma"),
    ("core=o3-high-power", "tile.noise=on", "memory.same_bank_ns=6"),
]


def test_gem5_builds_another_machine_for_every_field_that_it_reads() -> None:
    found: set[str] = set()
    with recorded_m5():
        from gem5_configs.board import make_root
        from gem5_configs.settings import Settings, SettingsError, _objects

        def built(config: SystemConfig) -> object:
            try:
                wanted = run_settings(Path("p.elf"), visible_system(config, config.tiles, "gem5"))
                settings: Settings = _objects(json.loads(json.dumps(wanted)), "")
                return machine(make_root(settings))
            except (EngineError, SettingsError) as refused:
                return str(refused)

        for overrides in BASES:
            base = system(*overrides)
            before = built(base)
            assert not isinstance(before, str), before
            found |= {path for path in FIELDS if built(changed(base, path)) != before}
    assert found == read_by("gem5")
