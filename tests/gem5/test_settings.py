"""What gem5's run script accepts; these tests need no gem5."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from gem5_configs import settings as gem5_settings
from gem5_configs.settings import SettingsError, read_settings
from harness.config import schema
from harness.config.preset_files import list_presets
from tests.gem5.gem5_runs import settings, system

SECTIONS = ("Core", "Cache", "Caches", "Memory", "Attach", "Tile", "Energy", "System")


def read(folder: Path, document: object) -> gem5_settings.RunSettings:
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


@pytest.fixture(name="document")
def _document() -> dict[str, Any]:
    return settings(Path("a.elf"), system())


@pytest.mark.parametrize("section", SECTIONS)
def test_sections_have_the_fields_of_the_schema(section: str) -> None:
    model: type[BaseModel] = getattr(schema, f"{section}Config")
    record = getattr(gem5_settings, f"{section}Settings")
    assert [field.name for field in dataclasses.fields(record)] == list(model.model_fields)


@pytest.mark.parametrize("name", list_presets()["system"])
def test_every_system_preset_is_read_as_it_is(tmp_path: Path, name: str) -> None:
    config = system(name=name)
    found = read(tmp_path, settings(Path("a.elf"), config))
    assert dataclasses.asdict(found.system) == config.model_dump()


@pytest.mark.parametrize("path", ["", "system", "system.core", "system.caches.l1d", "system.tile"])
def test_unknown_keys_are_named(tmp_path: Path, document: dict[str, Any], path: str) -> None:
    key = f"{path}.colour".lstrip(".")
    with pytest.raises(SettingsError, match=f"^{key}: unknown key; valid: "):
        read(tmp_path, changed(document, key, 1))


@pytest.mark.parametrize("path", ["elf", "restore", "system.tiles", "system.caches.l2.ways"])
def test_missing_keys_are_named(tmp_path: Path, document: dict[str, Any], path: str) -> None:
    *folders, key = path.split(".")
    part = document
    for folder in folders:
        part = part[folder]
    del part[key]
    with pytest.raises(SettingsError, match=f"^{path}: missing$"):
        read(tmp_path, document)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("elf", 3),
        ("elf", None),
        ("format", "1"),
        ("format", 1),
        ("system.cores", 2.0),
        ("system.cores", True),
        ("system.cores", 9),
        ("system.tiles", 1025),
        ("system.core.clock_ghz", "2.3"),
        ("system.core.kind", "vliw"),
        ("system.tile.double_buffer", 1),
        ("system.tile.io", "usb"),
        ("system.attach.point", "elsewhere"),
        ("system.caches", []),
        ("fast_forward_to", "1"),
        ("checkpoint", {"at_ns": 5}),
        ("checkpoint", {"at_ns": 5, "stop": True, "then": 1}),
        ("restore", "no/such/folder"),
    ],
)
def test_wrong_values_are_named(
    tmp_path: Path, document: dict[str, Any], path: str, value: object
) -> None:
    with pytest.raises(SettingsError, match=rf"^{path}[.:\[]"):
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
