"""What a machine lacks is named with what to do about it."""

from __future__ import annotations

from pathlib import Path

import pytest

from aimc.cli.doctor import check_machine
from aimc.extras import need, unavailable
from harness.errors import HarnessError, ToolchainError
from harness.toolchain.compiler import find_compiler


def test_a_cache_that_cannot_be_written_is_told_with_its_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    file.touch()
    monkeypatch.setenv("AIMC_CACHE", str(file / "cache"))
    findings = {finding.what: finding for finding in check_machine()}
    assert findings["Python"].verdict == "ok"
    assert findings["native modules"].verdict == "ok"
    for what in ("cache folder", "cross-compiler"):
        assert findings[what].verdict == "missing"
        assert str(file / "cache") in findings[what].detail
        assert "AIMC_CACHE" in findings[what].detail
    with pytest.raises(ToolchainError, match="AIMC_CACHE"):
        find_compiler(file / "cache")


def test_aihwkit_is_for_python_3_11_and_3_12() -> None:
    assert unavailable("aihwkit", "3.11") is unavailable("aihwkit", "3.12") is None
    for python in ("3.13", "3.14"):
        reason = unavailable("aihwkit", python)
        assert reason is not None
        assert reason.startswith(f"aihwkit 1.1.0 has no wheel for Python {python}; docs/")
        assert unavailable("torch", python) is None


def test_what_is_missing_is_told_with_its_purpose() -> None:
    need("a test", "pytest")
    with pytest.raises(HarnessError, match="a test needs no_such_package, not installed here"):
        need("a test", "pytest", "no_such_package")
