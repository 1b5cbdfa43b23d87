"""What the engine tells the run script is what the run script reads."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from gem5_configs.settings import SettingsError, read_settings
from harness.config.load import list_presets, load_config
from harness.engines.gem5.engine import run_settings


@pytest.mark.parametrize("name", list_presets()["system"])
def test_every_system_is_read_back(tmp_path: Path, name: str) -> None:
    system = load_config(system=name, run={"engine": "gem5", "model": "mlp"}).system
    wanted = run_settings(tmp_path / "p.elf", system)
    file = tmp_path / "settings.json"
    file.write_text(json.dumps(wanted))
    settings = read_settings(file)
    assert json.loads(json.dumps(dataclasses.asdict(settings))) == wanted
    assert dataclasses.asdict(settings.system) == system.model_dump()


def test_a_key_too_many_or_too_few_is_refused(tmp_path: Path) -> None:
    system = load_config(system="alpine-hp").system
    wanted = run_settings(tmp_path / "p.elf", system)
    file = tmp_path / "settings.json"
    for key in wanted:
        file.write_text(json.dumps({k: v for k, v in wanted.items() if k != key}))
        with pytest.raises(SettingsError, match=key):
            read_settings(file)
    file.write_text(json.dumps({**wanted, "speed": 2}))
    with pytest.raises(SettingsError, match="speed"):
        read_settings(file)
