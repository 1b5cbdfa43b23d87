"""Every name of the interface says what it takes, gives and raises, with an example."""

from __future__ import annotations

import ast
import inspect
import json
import re
import textwrap
from pathlib import Path

import pytest

import aimc

NAMES = sorted({*aimc.__all__} - {"__version__"})
FUNCTIONS = [name for name in NAMES if inspect.isfunction(getattr(aimc, name))]
CLASSES = [name for name in NAMES if inspect.isclass(getattr(aimc, name))]
NOTEBOOKS = sorted((Path(__file__).parents[2] / "docs" / "notebooks").glob("*.ipynb"))
SECTION = re.compile(r"^(Args|Attributes|Returns|Raises|Example):$", re.MULTILINE)


def sections(name: str) -> dict[str, str]:
    """The parts of a docstring by their headings."""
    text = inspect.getdoc(getattr(aimc, name)) or ""
    _, *parts = SECTION.split(text)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def documented(text: str) -> set[str]:
    """The names that a section explains."""
    return set(re.findall(r"^    (\w+):", text, re.MULTILINE))


@pytest.mark.parametrize("name", NAMES)
def test_the_example_is_a_use_of_the_interface(name: str) -> None:
    code = textwrap.dedent(sections(name)["Example"])
    ast.parse(code)
    assert set(re.findall(r"aimc\.(\w+)", code)) & {*NAMES}
    assert "harness" not in code


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_explains_its_arguments_result_and_errors(name: str) -> None:
    found = sections(name)
    parameters = inspect.signature(getattr(aimc, name)).parameters
    assert documented(found.get("Args", "")) == set(parameters)
    assert {"Returns", "Raises"} <= set(found)
    assert "Error" in found["Raises"]


@pytest.mark.parametrize("name", [name for name in CLASSES if name != "HarnessError"])
def test_a_class_explains_its_attributes(name: str) -> None:
    found: type = getattr(aimc, name)
    fields = set(inspect.get_annotations(found))
    assert fields <= documented(sections(name)["Attributes"])
    for member, value in vars(found).items():
        if not member.startswith("_") and member not in fields:
            assert inspect.getdoc(value), member


def test_units_are_said_where_figures_come_from() -> None:
    for name in ("run", "Result", "SweepResult"):
        text = inspect.getdoc(getattr(aimc, name)) or ""
        assert "ns" in text and "pj" in text.lower() and "inference" in text, name


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_needs_nothing_below_the_interface(path: Path) -> None:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    imported = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module or "")
    assert "aimc" in imported
    assert not [name for name in imported if re.match(r"harness|aimc\.", name)]
