"""`import aimc` loads next to nothing, and every name of the interface is there."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import aimc

HEAVY = {"dask", "matplotlib", "numpy", "onnx", "pandas", "pydantic", "rich", "torch", "typer"}
PACKAGE = Path(aimc.__file__).parent


def loaded_by(code: str) -> set[str]:
    """The modules of a new interpreter after ``code``, without those that it starts with."""
    program = f"import sys\nbefore = set(sys.modules)\n{code}\nprint(*set(sys.modules) - before)"
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120
    )
    return set(result.stdout.split())


def test_the_import_loads_two_packages_only() -> None:
    loaded = loaded_by("import aimc")
    assert {"aimc", "harness"} <= loaded
    ours = {name for name in loaded if name.startswith(("aimc.", "harness."))}
    assert ours == set()
    assert {name.partition(".")[0] for name in loaded} & HEAVY == set()


def test_a_call_loads_no_torch_and_a_result_no_pandas() -> None:
    loaded = loaded_by("import aimc; aimc.run; aimc.search; aimc.load_result")
    assert {name.partition(".")[0] for name in loaded} & {"torch", "pandas", "matplotlib"} == set()


def test_every_name_is_there_and_stays() -> None:
    for name in aimc.__all__:
        assert getattr(aimc, name) is getattr(aimc, name)
        assert name in dir(aimc)
    assert callable(aimc.run) and callable(aimc.search)
    with pytest.raises(AttributeError, match="no attribute 'walk'"):
        aimc.walk  # noqa: B018


def test_type_checkers_see_the_same_names_in_the_same_modules() -> None:
    tree = ast.parse((PACKAGE / "__init__.py").read_text())
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    typed = {
        alias.name: node.module
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert typed == aimc._MODULE_OF
    assert set(aimc.__all__) == {*typed, "__version__"}


def test_no_module_has_the_name_of_a_function() -> None:
    """Importing ``aimc.run``, a module, would put it in the place of the function."""
    assert not [name for name in aimc.__all__ if (PACKAGE / f"{name}.py").exists()]


def test_type_checkers_may_use_both_packages() -> None:
    assert (PACKAGE / "py.typed").exists()
    assert (PACKAGE.parent / "harness" / "py.typed").exists()
