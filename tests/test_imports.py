"""Imports go left to right, as docs/architecture.md says and pyproject.toml has it checked."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

from harness.resources import resource

PYPROJECT = resource("pyproject.toml")
ARCHITECTURE = resource("docs/architecture.md")
STAGE_FOLDERS = {"engine": "engines"}  # where a folder's name is not the stage's


def contracts() -> dict[str, dict[str, Any]]:
    settings = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))
    return {contract["id"]: contract for contract in settings["tool"]["importlinter"]["contracts"]}


def layers() -> list[list[str]]:
    """The folders and modules of `harness`, leftmost first; those of one layer are independent."""
    return [re.split(r" *\| *", layer) for layer in reversed(contracts()["layers"]["layers"])]


def test_no_import_breaks_a_contract() -> None:
    assert lint_imports(config_filename=str(PYPROJECT), no_cache=True) == EXIT_STATUS_SUCCESS


def test_the_stages_are_layers_in_the_order_of_the_architecture() -> None:
    lines = ARCHITECTURE.read_text(encoding="utf-8").splitlines()
    stages = next(line for line in lines if line.startswith("    model -> ")).strip().split(" -> ")
    order = [name for layer in layers() for name in layer]
    places = [order.index(STAGE_FOLDERS.get(stage, stage)) for stage in stages]
    assert len(stages) == 9 and places == sorted(places)


def test_the_architecture_lists_the_same_layers() -> None:
    text = ARCHITECTURE.read_text(encoding="utf-8")
    block = text.split("<!-- layers: leftmost first -->")[1].split("```")[1]
    listed = [line.split() for line in block.strip().splitlines()]
    assert listed == layers()


def test_torch_is_forbidden_to_every_layer_but_two() -> None:
    forbidden = {name.removeprefix("harness.") for name in contracts()["torch"]["source_modules"]}
    folders = {path.parent.name for path in Path(resource("harness")).glob("*/__init__.py")}
    assert folders - forbidden == {"accuracy", "training"}
