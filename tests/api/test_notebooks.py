"""The notebooks run as they are, from top to bottom, in this environment's own kernel."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

FOLDER = Path(__file__).parents[2] / "docs" / "notebooks"


def shown(notebook: nbformat.NotebookNode, kind: str) -> list[str]:
    """What the cells show in the form ``kind``."""
    outputs = (output for cell in notebook.cells for output in cell.get("outputs", ()))
    return [output.data[kind] for output in outputs if kind in output.get("data", {})]


def run(name: str, folder: Path) -> nbformat.NotebookNode:
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    nbformat.validate(notebook)
    # Without folders of kernels there is the one of this interpreter only.
    kernels = KernelSpecManager(kernel_dirs=[])
    manager = AsyncKernelManager(kernel_spec_manager=kernels, kernel_name="python3")
    client = NotebookClient(
        notebook, km=manager, timeout=300, resources={"metadata": {"path": str(folder)}}
    )
    return client.execute()


@pytest.fixture(autouse=True)
def no_settings_of_a_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(variable, str(tmp_path / "jupyter"))


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.ipynb")), ids=lambda path: path.stem)
def test_notebooks_are_kept_without_outputs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert cells and not any(cell.outputs or cell.execution_count for cell in cells)


def test_first_run(tmp_path: Path) -> None:
    notebook = run("first-run", tmp_path)
    tables = shown(notebook, "text/html")
    assert len(tables) == 3
    assert "<b>lenet5 on alpine-hp, mapping analog</b>" in tables[0]
    assert "<b>sequential on alpine-hp.modified, mapping analog</b>" in tables[2]
    assert len(shown(notebook, "image/png")) == 1
    assert shown(notebook, "text/plain")[-1].startswith("(True,\n <aimc.Result sequential")
    assert len([*(tmp_path / "runs").glob("*/result.json")]) == 3


def test_sweep(tmp_path: Path) -> None:
    notebook = run("sweep", tmp_path)
    (table,) = shown(notebook, "text/html")
    assert "4 of 4 points done" in table
    assert len(shown(notebook, "image/png")) == 2
    assert (tmp_path / "sweeps" / "notebook" / "points.csv").is_file()
