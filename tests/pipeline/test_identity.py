"""A run's identity changes with everything that its numbers depend on."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from harness.config.load import load_config
from harness.errors import HarnessError, MappingError
from harness.pipeline.identity import inputs_of, run_identity


def dense_with_external_weights(folder: Path) -> Path:
    """A dense layer whose weights lie in ``parts/w.bin``, a name that nobody agreed on."""
    weight = numpy_helper.from_array(np.ones((8, 64), np.float32), "w")
    graph = helper.make_graph(
        [helper.make_node("Gemm", ["x", "w"], ["y"], transB=1)],
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 64])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 8])],
        [weight],
    )
    (folder / "parts").mkdir(parents=True)
    path = folder / "net.onnx"
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    onnx.save_model(
        model, path, save_as_external_data=True, location="parts/w.bin", size_threshold=0
    )
    return path


def test_weights_in_any_external_file_count(tmp_path: Path) -> None:
    path = dense_with_external_weights(tmp_path)
    config = load_config(system="alpine-hp", run={"model": str(path)})
    before = run_identity(config)
    weights = tmp_path / "parts" / "w.bin"
    data = bytearray(weights.read_bytes())
    data[3] ^= 1
    weights.write_bytes(data)
    assert run_identity(config) != before
    path.write_bytes(path.read_bytes()[:40])
    assert "model" in inputs_of(config)


def test_conductances_in_any_folder_below_the_mapping_count(tmp_path: Path) -> None:
    mapping = tmp_path / "mapping.json"
    content = {
        "format": "aimc-mapping",
        "version": 1,
        "model": "lenet5",
        "layers": {"fc1": "analog"},
        "conductances": "programmed/g.safetensors",
        "provenance": {},
    }
    mapping.write_text(json.dumps(content))
    config = load_config(system="alpine-hp", run={"model": "lenet5", "mapping": str(mapping)})
    with pytest.raises(MappingError, match="conductance"):
        inputs_of(config)
    (tmp_path / "programmed").mkdir()
    conductances = tmp_path / "programmed" / "g.safetensors"
    conductances.write_bytes(b"one")
    before = inputs_of(config)
    conductances.write_bytes(b"two")
    after = inputs_of(config)
    assert before["mapping"] == after["mapping"]
    assert before["mapping/conductances"] != after["mapping/conductances"]


def test_bundled_digits_are_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = load_config(system="alpine-hp", run={"model": "mlp", "dataset": "digits"})
    assert "dataset" not in inputs_of(config)
    missing = load_config(system="alpine-hp", run={"model": "mlp", "dataset": "numbers"})
    with pytest.raises(HarnessError, match="cannot be read"):
        inputs_of(missing)
