"""The input files of a command and their sizes, in words."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from harness.data.digits import BUNDLED
from harness.data.workloads import FOLDER_VARIABLE, workload_for

_COUNTED_FILES: Final = 1000  # of a folder


def inputs_in_words(model: str, dataset: str | None) -> str:
    """Network and dataset of a run, for instance ``net.onnx (98 MB) and images.npz (163 MB)``.

    Args:
        model: A built-in network's name or the path of a file.
        dataset: File or folder; None is, for a network that needs one, what AIMC_DATA names.
    """
    if Path(model).suffix:
        network, default = in_words(Path(model)), None
    else:
        workload = workload_for(model)
        needs_folder = workload is not None and workload.dataset != BUNDLED
        network, default = model, os.environ.get(FOLDER_VARIABLE) if needs_folder else None
    named = dataset or default
    return f"{network} and {in_words(Path(named))}" if named else network


def in_words(path: Path) -> str:
    """The name of a file or folder and, from a megabyte on, its size."""
    try:
        files = [path] if path.is_file() else list(path.iterdir())[:_COUNTED_FILES]
        size_mb = sum(file.stat().st_size for file in files if file.is_file()) / 1e6
    except OSError:
        return path.name
    return f"{path.name} ({size_mb:.0f} MB)" if size_mb >= 1.0 else path.name
