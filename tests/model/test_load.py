"""Networks by name or path."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harness.errors import DataError, ModelError
from harness.model.builtin import NAMES, build
from harness.model.checkpoint import save_checkpoint
from harness.model.export import to_onnx
from harness.model.load import load_model
from harness.model.shapes import validate
from harness.operators.batch_norm import BatchNorm
from harness.operators.conv import Conv
from tests.model.onnx_models import model, node, save


@pytest.mark.parametrize("name", NAMES)
def test_built_in_networks_are_folded(name: str) -> None:
    graph = load_model(name, seed=3)
    validate(graph)
    assert graph.random_weights
    assert not any(isinstance(node, BatchNorm) for node in graph.nodes)


def test_the_seed_is_that_of_the_weights() -> None:
    first, same, other = (load_model("lenet5", seed=seed).nodes[0] for seed in (1, 1, 2))
    assert isinstance(first, Conv) and isinstance(same, Conv) and isinstance(other, Conv)
    assert np.array_equal(first.weight, same.weight)
    assert not np.array_equal(first.weight, other.weight)


def test_a_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    trained = build("lenet5", seed=5)
    save_checkpoint(trained, path)
    graph = load_model("lenet5", checkpoint=path)
    assert not graph.random_weights
    first, expected = graph.nodes[0], trained.nodes[0]
    assert isinstance(first, Conv) and isinstance(expected, Conv)
    assert np.array_equal(first.weight, expected.weight)
    with pytest.raises(DataError, match="does not fit"):
        load_model("mlp", checkpoint=path)
    with pytest.raises(DataError, match="cannot read"):
        load_model("lenet5", checkpoint=tmp_path / "missing")
    with pytest.raises(ModelError, match="brings its own weights"):
        load_model("net.onnx", checkpoint=path)


def test_a_file(tmp_path: Path) -> None:
    path = save(to_onnx(build("resnet20")), tmp_path)
    graph = load_model(str(path))
    assert graph.name == "net"
    assert len(graph.nodes) == len(load_model("resnet20").nodes)
    open_size = save(model([node("Relu", ["x"])], ["N", 3, "H", "W"]), tmp_path, "open.onnx")
    assert load_model(str(open_size), input_size=8).shapes["x"] == (1, 3, 8, 8)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("vgg-16", "did you mean vgg16?"),
        ("RESNET20", "did you mean resnet20?"),
        ("zzz", "valid names: lenet5"),
        ("", "valid names: lenet5"),
        ("net.pt", "not an .onnx file"),
        ("folder/vgg16", "not an .onnx file"),
        ("missing.onnx", "cannot read the model"),
        ("a\x00.onnx", "not a path"),
        ("x" * 100_000, "valid names"),
        ("\x1b[31m", "valid names"),
    ],
)
def test_unknown_names(name: str, message: str) -> None:
    with pytest.raises(ModelError) as caught:
        load_model(name)
    text = str(caught.value)
    assert message in text
    assert len(text) < 1000
    assert all(line.isprintable() for line in text.splitlines())
