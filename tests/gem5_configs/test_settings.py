"""What gem5's run script accepts; these tests need no gem5."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gem5_configs.settings import Settings, SettingsError, read_settings
from harness.config.fields import canonical
from harness.config.preset_files import list_presets
from tests.gem5_configs.gem5_runs import settings, system


def read(folder: Path, document: object) -> Settings:
    file = folder / "settings.json"
    file.write_text(json.dumps(document))
    return read_settings(file)


def changed(document: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    copy: dict[str, Any] = json.loads(json.dumps(document))
    *folders, key = path.split(".")
    part = copy
    for folder in folders:
        part = part[folder]
    part[key] = value
    return copy


def plain(value: object) -> object:
    """What was read, as JSON again."""
    if isinstance(value, Settings):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


@pytest.fixture(name="document")
def _document() -> dict[str, Any]:
    return settings(Path("a.elf"), system())


@pytest.mark.parametrize("name", list_presets()["system"])
def test_every_system_preset_is_read_as_it_is(tmp_path: Path, name: str) -> None:
    config = system(name=name)
    wanted = settings(Path("a.elf"), config)
    found = read(tmp_path, wanted)
    assert plain(found) == wanted
    assert plain(found.system) == canonical(config)


@pytest.mark.parametrize("path", ["elf", "system.tiles", "system.caches.l2.ways", "dram.ranks"])
def test_a_missing_key_is_named_when_it_is_read(
    tmp_path: Path, document: dict[str, Any], path: str
) -> None:
    *folders, key = path.split(".")
    part = document
    for folder in folders:
        part = part[folder]
    del part[key]
    with pytest.raises(SettingsError, match=f"^{path}: missing$"):
        found = read(tmp_path, document)
        for name in path.split("."):
            found = getattr(found, name)


@pytest.mark.parametrize("key", ["format", "restore", "checkpoint", "fast_forward_to"])
def test_a_missing_key_of_the_run_is_named(
    tmp_path: Path, document: dict[str, Any], key: str
) -> None:
    document.update(fast_forward_to=1)
    del document[key]
    with pytest.raises(SettingsError, match=f"^{key}: missing$"):
        read(tmp_path, document)


@pytest.mark.parametrize(
    ("path", "value"), [("format", "3"), ("format", 2), ("restore", "no/such/folder")]
)
def test_wrong_values_are_named(
    tmp_path: Path, document: dict[str, Any], path: str, value: object
) -> None:
    with pytest.raises(SettingsError, match=rf"^{path}: "):
        read(tmp_path, changed(document, path, value))


def test_a_checkpoint_excludes_fast_forward(tmp_path: Path, document: dict[str, Any]) -> None:
    document["fast_forward_to"] = 1
    assert read(tmp_path, document).fast_forward_to == 1
    document["checkpoint"] = {"at_ns": 5, "stop": True}
    with pytest.raises(SettingsError, match=r"^fast_forward_to: "):
        read(tmp_path, document)


@pytest.mark.parametrize("text", ["", "[]", "{", "null", '{"format": 1}', "\x00"])
def test_damaged_files_are_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "settings.json"
    file.write_text(text)
    with pytest.raises(SettingsError):
        read_settings(file)
    with pytest.raises(SettingsError):
        read_settings(tmp_path / "absent.json")
