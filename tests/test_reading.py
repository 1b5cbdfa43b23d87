"""No reader waits for a pipe, reads a device without end, or takes a folder for a file."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from harness.reading import open_regular, read_regular

_READ_ALL = """
import json, sys
from pathlib import Path
from typing import Any
import numpy as np
from harness.digest import sha256_file
from aimc.cli.stage_commands import _read_regions
from harness.config.load import load_config
from harness.config.preset_files import find_preset
from harness.config.yaml_reader import read_yaml
from harness.data.cifar import open_binary, open_python
from harness.data.detect import open_dataset
from harness.data.npz import open_npz
from harness.engines.embedded.elf import read_program
from harness.errors import HarnessError
from harness.mapping.conductance_file import read_conductances
from harness.mapping.file_format import read_mapping_file
from harness.model.builtin import build
from harness.model.checkpoint import checkpoint_metadata, load_checkpoint
from harness.model.load import load_model
from harness.pipeline.identity import run_identity
from harness.report.result_file import read_result

folder = Path(sys.argv[1])
lenet = build("lenet5")
def identity(**run: str) -> None:
    run_identity(load_config(system="alpine-hp", run={"model": "lenet5", **run}))
readers: dict[str, Any] = {
    "model": lambda p: load_model(str(p)),
    "external data": lambda p: load_model(str(p.parent / "external" / p.name)),
    "identity of a model": lambda p: identity(model=str(p)),
    "identity of a dataset": lambda p: identity(dataset=str(p)),
    "identity of a checkpoint": lambda p: identity(checkpoint=str(p)),
    "identity of a mapping": lambda p: identity(mapping=str(p.with_suffix(".json"))),
    "archive": open_npz,
    "dataset": lambda p: open_dataset(p, ("digits",)),
    "python batches": lambda p: open_python(p.parent / f"python-{p.stem}"),
    "binary batches": lambda p: open_binary(p.parent / f"binary-{p.stem}"),
    "checkpoint": lambda p: load_checkpoint(lenet, p),
    "checkpoint's metadata": checkpoint_metadata,
    "conductances": lambda p: read_conductances([p], {"a": (2, 2)}),
    "mapping": read_mapping_file,
    "configuration": read_yaml,
    "preset": lambda p: find_preset("tile", str(p.with_suffix(".yaml")), relative_to=None),
    "result": read_result,
    "regions": _read_regions,
    "program": read_program,
    "digest": sha256_file,
}
for kind in ("pipe", "zero", "folder"):
    for name, read in readers.items():
        try:
            read(folder / f"{kind}.onnx")
            print(json.dumps([kind, name, "was read"]), flush=True)
        except (HarnessError, OSError) as error:
            print(json.dumps([kind, name, str(error)]), flush=True)
"""


def _make(kind: str, path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "zero":
        path.symlink_to("/dev/zero")
    else:
        path.mkdir()


def _external_model(location: str) -> bytes:
    import onnx

    from tests.model.onnx_models import model, node

    proto = model([node("Gemm", ["x", "w"])], [1, 4])
    tensor = onnx.TensorProto(name="w", data_type=1, dims=[4, 2])
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    proto.graph.initializer.append(tensor)
    return proto.SerializeToString()


def test_every_reader_takes_regular_files_only(tmp_path: Path) -> None:
    (tmp_path / "external").mkdir()
    for kind in ("pipe", "zero", "folder"):
        for suffix in (".onnx", ".json", ".yaml"):
            _make(kind, tmp_path / f"{kind}{suffix}")
        _make(kind, tmp_path / "external" / f"{kind}.bin")
        (tmp_path / "external" / f"{kind}.onnx").write_bytes(_external_model(f"{kind}.bin"))
        for version, suffix in (("python", ""), ("binary", ".bin")):
            _make(kind, tmp_path / f"{version}-{kind}" / f"data_batch_1{suffix}")
    done = subprocess.run(
        [sys.executable, "-c", _READ_ALL, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=120,  # a reader that waits would wait for ever
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == 3 * 20
    for kind, name, text in answers:
        # The identity of a dataset leaves out what is no file; opening the dataset refuses it.
        if name == "identity of a dataset" or (kind, name) == ("folder", "dataset"):
            continue
        if (kind, name) == ("zero", "external data"):
            assert "does not lie in the model's folder" in text
            continue
        assert "not a regular file" in text, (kind, name, text)


def test_a_socket_and_a_missing_file(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as end:
        end.bind(str(tmp_path / "s"))
        with pytest.raises(OSError, match="a socket, not a regular file"):
            open_regular(tmp_path / "s")
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "missing")
    with pytest.raises(OSError, match="not a path"):
        open_regular(Path("a\0b"))


def test_a_file_is_read_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"12345")
    (tmp_path / "link").symlink_to(path)
    assert read_regular(tmp_path / "link", 5) == b"12345"
    with pytest.raises(OSError, match="5 bytes are more than 4"):
        read_regular(path, 4)
