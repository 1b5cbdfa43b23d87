"""What `make` says before and while it installs."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parents[2]
CHOOSE = ROOT / "setup" / "choose_python.sh"


def choose(**environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/bash", str(CHOOSE)],
        env={"PATH": os.environ["PATH"], "PYTHON": sys.executable, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def without_headers(tmp_path: Path) -> str:
    """A folder for PYTHONPATH with which no Python finds its headers."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sysconfig\nsysconfig.get_config_vars()['INCLUDEPY'] = '/nowhere'\n"
    )
    return str(tmp_path)


def test_a_python_with_all_that_is_needed_is_taken() -> None:
    found = choose()
    assert (found.returncode, found.stdout.strip()) == (0, sys.executable), found.stderr


def test_missing_headers_are_named_with_their_package(without_headers: str) -> None:
    found = choose(PYTHONPATH=without_headers)
    assert found.returncode == 2
    minor = sys.version_info[1]
    assert "without its headers (Python.h)\n" in found.stderr
    assert found.stderr.endswith(f"apt-get install python3.{minor}-dev\n")


def test_all_that_is_missing_is_told_at_once(without_headers: str) -> None:
    found = choose(PYTHONPATH=without_headers, CXX="no-such-compiler -O2")
    assert found.returncode == 2
    assert "its headers (Python.h), a C++ compiler" in found.stderr
    assert found.stderr.rstrip().endswith("-dev g++")


@pytest.mark.parametrize(
    ("version", "says"),
    [("10", "old is 3.10"), ("15", "old is 3.15"), ("", "old does not run")],
)
def test_another_python_is_refused_with_the_packages(
    version: str, says: str, tmp_path: Path
) -> None:
    python = tmp_path / "old"
    python.write_text(f"#!/bin/sh\necho {version}\n")
    python.chmod(0o755)
    found = choose(PYTHON=str(python))
    assert found.returncode == 2
    assert says in found.stderr
    for packages in re.findall(r"apt-get install (.*?)[;\n]", found.stderr):
        assert set(packages.split()) <= set(re.split(r"[\s`]+", (ROOT / "README.md").read_text()))


def test_without_a_name_the_first_fit_one_on_the_path_is_taken(tmp_path: Path) -> None:
    for name, target in (("python3.11", "/bin/false"), ("python3", sys.executable)):
        (tmp_path / name).symlink_to(target)
    for tool in ("bash", "c++"):
        (tmp_path / tool).symlink_to(shutil.which(tool) or "/bin/false")
    found = choose(PYTHON="", PATH=str(tmp_path))
    assert (found.returncode, found.stdout.strip()) == (0, str(tmp_path / "python3")), found.stderr


def test_every_place_names_the_same_versions_of_python() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = SpecifierSet(project["project"]["requires-python"])
    supported = [minor for minor in range(30) if wanted.contains(f"3.{minor}")]
    found = re.search(r"OLDEST=(\d+) NEWEST=(\d+)", CHOOSE.read_text())
    assert found is not None
    assert supported == list(range(int(found[1]), int(found[2]) + 1))
    assert project["tool"]["mypy"]["python_version"] == f"3.{supported[0]}"
    assert project["tool"]["ruff"]["target-version"] == f"py3{supported[0]}"
    assert f"3.{supported[0]} to 3.{supported[-1]}" in " ".join(
        (ROOT / "README.md").read_text().split()
    )


@pytest.fixture
def install() -> Iterator[ModuleType]:
    """The module setup/install.py."""
    spec = importlib.util.spec_from_file_location("install", ROOT / "setup" / "install.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["install"] = module  # dataclasses look there
    spec.loader.exec_module(module)
    yield module
    del sys.modules["install"]


def test_a_path_that_is_not_ascii_is_not_read_at_every_start(
    install: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages = tmp_path / "lib" / "python3.11" / "site-packages"
    packages.mkdir(parents=True)
    ours, other = packages / "_editable_skbc_aimc_harness.pth", packages / "other.pth"
    ours.write_text("import _editable_skbc_aimc_harness\n/home/grün\n", encoding="utf-8")
    other.write_text("/home/grün\n", encoding="utf-8")
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    install._keep_ascii_paths()
    assert ours.read_text(encoding="utf-8") == "import _editable_skbc_aimc_harness\n"
    assert other.read_text(encoding="utf-8") == "/home/grün\n"


def test_a_failed_installation_shows_the_lines_that_tell_why(install: ModuleType) -> None:
    log = "Collecting x\nERROR: no space\nmore\nERROR: no space\nCMake Error at 3\n"
    assert install._telling(log) == ["ERROR: no space", "CMake Error at 3"]
    assert install._telling("one\ntwo") == ["one", "two"]


def test_what_pip_prints_is_told_in_short(install: ModuleType) -> None:
    state = install.Installation()
    for line in (
        "Collecting numpy>=2.1 (from aimc-harness==0.1.0)",
        "  Downloading numpy-2.4.6-cp313-cp313-linux_x86_64.whl.metadata (6.6 kB)",
        "Collecting ziglang==0.17.1 (from aimc-harness==0.1.0)",
        "Downloading numpy-2.4.6-cp313-cp313-linux_x86_64.whl (16.5 MB)",
        "Using cached torch-2.13.0-cp313-cp313-linux_x86_64.whl (1.2 GB)",
    ):
        state.hear(line)
    assert state.summary() == "2 packages found, 16 MB downloaded; fetching torch (1.2 GB)"
    state.hear("  Building editable for aimc-harness (pyproject.toml): started")
    assert "compiling the native modules" in state.summary()
    state.hear("Installing collected packages: numpy, ziglang")
    assert state.summary().endswith("unpacking 2 packages")
