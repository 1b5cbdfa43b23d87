"""The test program with every operator, compiled once a session."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.toolchain import compile_program
from tests.kernels.debug_types import read_types
from tests.kernels.operators import Operators

DRIVER = Path(__file__).parent / "driver.c"


@pytest.fixture(scope="session")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compiler's cache, shared by this folder's tests."""
    return tmp_path_factory.mktemp("toolchain")


@pytest.fixture(scope="session")
def operators(tmp_path_factory: pytest.TempPathFactory, cache_dir: Path) -> Operators:
    out = tmp_path_factory.mktemp("driver") / "driver.elf"
    compile_program([DRIVER], [], out, defines={}, cache_dir=cache_dir)
    return Operators(out, read_types(DRIVER, cache_dir))
