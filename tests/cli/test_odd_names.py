"""Paths with spaces, quotes, commas and letters beyond ASCII, under LC_ALL=C, work everywhere."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from harness.cache.folder import cache_dir
from harness.report.result_file import read_result

ODD = "ü ß'\",$x; é"


def write_network(path: Path) -> None:
    weight = numpy_helper.from_array(np.eye(4, 6, dtype=np.float32), "w")
    graph = helper.make_graph(
        [helper.make_node("Gemm", ["x", "w"], ["y"], name="fc")],
        "odd",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 6])],
        [weight],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    odd = tmp_path / ODD
    odd.mkdir()
    # The compiled kernels of all tests, under an odd name.
    cache_dir().mkdir(parents=True, exist_ok=True)
    (odd / f"cache {ODD}").symlink_to(cache_dir().absolute())
    write_network(odd / f"net {ODD}.onnx")
    generator = np.random.default_rng(1)
    np.savez(
        odd / f"data {ODD}.npz",
        images=generator.normal(size=(24, 4)).astype(np.float32),
        labels=generator.integers(0, 6, 24),
    )
    return odd


def test_a_run_among_odd_names(folder: Path) -> None:
    home = folder / f"home {ODD}"
    home.mkdir()
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "LC_ALL": "C",
        "HOME": str(home),
        "AIMC_CACHE": str(folder / f"cache {ODD}"),
    }
    model, data, out = f"net {ODD}.onnx", folder / f"data {ODD}.npz", f"out {ODD}"
    command = [sys.executable, "-m", "aimc.cli.main", "run", model, "--dataset", str(data)]
    finished = subprocess.run(
        [*command, "--images", "2", "--out", out],
        cwd=folder,
        env=environment,
        capture_output=True,
        timeout=300,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr.decode()
    (run,) = (path for path in (folder / out).iterdir() if (path / "result.json").is_file())
    result = read_result(run / "result.json")
    assert [(check.images, check.mismatches) for check in result.outputs] == [(2, 0), (2, 0)]
    assert result.accuracy is not None and result.accuracy.entries[0].images == 2
    assert shlex.quote(str(Path(out) / run.name)).encode() in finished.stdout
