"""The gem5 of this machine for the tests that need one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.engines.gem5.installation import VARIABLE, describe, find_binary
from harness.errors import EngineError


@pytest.fixture(scope="session")
def gem5() -> Path:
    """A gem5 that can run the harness's programs; skipped where none is found.

    One that is named but cannot do it is a failure, not a reason to skip.
    """
    try:
        binary = find_binary()
    except EngineError as error:
        if os.environ.get(VARIABLE):
            raise
        pytest.skip(f"{error.what}: name one to run this test")
    return describe(binary).binary
