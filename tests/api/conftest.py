"""A folder of runs that nothing else uses, and a network nobody tuned for."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AIMC_DATA", raising=False)
    monkeypatch.delenv("GEM5", raising=False)
    return tmp_path
