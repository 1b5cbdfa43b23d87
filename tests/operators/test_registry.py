"""The folder of operators is searched: a module is found by being there."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import onnx
import pytest

import harness.operators
from harness.operators.registry import onnx_readers

MODULE = """
from harness.operators.onnx.reader import OnnxReader

ONNX_READERS = {"%s": OnnxReader(lambda node, builder: node.activation(0))}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A further folder of the package; modules in it are forgotten afterwards."""
    monkeypatch.setattr(harness.operators, "__path__", [*harness.operators.__path__, str(tmp_path)])
    onnx_readers.cache_clear()
    yield tmp_path
    onnx_readers.cache_clear()
    for path in tmp_path.glob("*.py"):
        sys.modules.pop(f"harness.operators.{path.stem}", None)
        if hasattr(harness.operators, path.stem):
            delattr(harness.operators, path.stem)


def test_every_operator_is_one_of_onnx() -> None:
    known = {schema.name for schema in onnx.defs.get_all_schemas() if schema.domain == ""}
    readers = list(onnx_readers())
    assert set(readers) <= known
    assert readers == sorted(readers)


def test_a_new_module_is_found(folder: Path) -> None:
    before = set(onnx_readers())
    onnx_readers.cache_clear()
    (folder / "softsign.py").write_text(MODULE % "Softsign")
    assert set(onnx_readers()) - before == {"Softsign"}


def test_two_modules_cannot_read_one_operator(folder: Path) -> None:
    (folder / "other_add.py").write_text(MODULE % "Add")
    with pytest.raises(ValueError, match="reads Add"):
        onnx_readers()
