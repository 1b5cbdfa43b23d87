"""Finding gem5, and saying exactly what is missing."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from harness.config.load import load_config
from harness.engines.gem5.installation import describe, find_binary, identity
from harness.errors import EngineError
from harness.pipeline.identity import run_identity
from tests.engines.gem5.fake_gem5 import fake_gem5


def test_the_variable_wins_over_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = fake_gem5(tmp_path / "mine", "exit 0")
    on_path = tmp_path / "bin"
    on_path.mkdir()
    second = fake_gem5(on_path / "gem5.opt", "exit 0")
    monkeypatch.setenv("PATH", str(on_path))
    monkeypatch.setenv("GEM5", str(first))
    assert find_binary() == first.resolve()
    monkeypatch.delenv("GEM5")
    assert find_binary() == second.resolve()


def test_what_gem5_cannot_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = tmp_path / "text"
    plain.write_text("hello")
    plain.chmod(0o644)
    for value, message in (
        (tmp_path, "a folder"),
        (tmp_path / "none", "no such file"),
        (plain, "not an executable"),
    ):
        monkeypatch.setenv("GEM5", str(value))
        with pytest.raises(EngineError, match=message) as caught:
            find_binary()
        assert str(value) in str(caught.value)
    monkeypatch.delenv("GEM5")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineError, match="no gem5 found") as caught:
        find_binary()
    for part in ("--gem5", "GEM5", "ARM", "aimc_tile", "EXTRAS", "www.gem5.org"):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("description", "code", "message"),
    [
        ({"gem5_version": "23.1.0.0", "missing": []}, 0, "23.1.0.0 is too old"),
        ({"gem5_version": "unknown", "missing": []}, 0, "too old"),
        ({"gem5_version": "24.0.0.1", "missing": ["AimcTile (x)"]}, 0, r"lacks AimcTile \(x\)"),
        ({"gem5_version": "24.0.0.1", "missing": ["ARM", "AimcTile"]}, 0, "ARM and AimcTile"),
        ({"version": 24}, 0, "its description is"),
        ("no JSON at all", 0, "does not say what it is"),
        ("Traceback: KeyError", 1, r"exit code 1\):\n    Traceback: KeyError"),
    ],
)
def test_what_is_missing_is_said(
    tmp_path: Path, description: object, code: int, message: str
) -> None:
    binary = fake_gem5(tmp_path / "gem5", "", description=description, describe_code=code)
    with pytest.raises(EngineError, match=message) as caught:
        describe(binary)
    assert str(binary) in str(caught.value)
    assert "aimc_tile among its EXTRAS" in str(caught.value)


@pytest.mark.parametrize("version", ["24.0.0.1", "25.1", "[DEVELOP-FOR-25.0]"])
def test_versions_that_are_new_enough(tmp_path: Path, version: str) -> None:
    description = {"gem5_version": version, "missing": []}
    assert describe(fake_gem5(tmp_path / "g", "", description=description)).version == version


def test_a_program_that_cannot_be_started(tmp_path: Path) -> None:
    binary = tmp_path / "gem5.opt"
    binary.write_bytes(b"\x7fELF not really")
    binary.chmod(0o755)
    with pytest.raises(EngineError, match="cannot be started"):
        describe(binary)


def test_identity_is_the_programs_and_not_the_paths(tmp_path: Path) -> None:
    program = Path(shutil.which("ls") or sys.executable).resolve()
    copy = tmp_path / "other name"
    shutil.copyfile(program, copy)
    assert identity(program) == identity(copy)
    assert set(identity(copy)) == {"build_id"}
    script = fake_gem5(tmp_path / "script", "")
    moved = tmp_path / "moved"
    shutil.copy2(script, moved)
    assert identity(script) == identity(moved)
    assert set(identity(script)) == {"bytes", "modified_ns"}
    longer = fake_gem5(tmp_path / "longer", "true")
    assert identity(longer) != identity(script)


def test_another_gem5_is_another_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = load_config(system="alpine-hp", run={"model": "mlp", "engine": "gem5"})
    found = []
    for version in ("24.0.0.1", "24.1.0.0"):
        description = {"gem5_version": version, "missing": []}
        binary = fake_gem5(tmp_path / version, "", description=description)
        monkeypatch.setenv("GEM5", str(binary))
        found.append(run_identity(config))
        assert run_identity(config) == found[-1]
    assert found[0] != found[1]
    monkeypatch.setenv("GEM5", str(tmp_path / "none"))
    with pytest.raises(EngineError, match="no such file"):
        run_identity(config)
