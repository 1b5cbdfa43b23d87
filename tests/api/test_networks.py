"""Networks in memory become files by content, which stay, and are read as any other file."""

from __future__ import annotations

import hashlib
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

import aimc
from aimc.networks import name_network
from harness.errors import HarnessError, ModelError
from tests.pipeline.networks import RandomNetwork


def random_network(seed: int, path: Path) -> onnx.ModelProto:
    RandomNetwork(seed).write(path)
    return onnx.load(path)


def test_a_model_is_run_from_a_file_that_stays(empty_folder: Path) -> None:
    model = random_network(3, empty_folder / "own.onnx")
    first = aimc.run(model, images=1)
    (stored,) = (empty_folder / "runs" / "models").rglob("*.onnx")
    assert first.comparison.config.run.model == str(stored.relative_to(empty_folder))
    digits = hashlib.sha256(stored.read_bytes()).hexdigest()[:12]
    assert stored.parent.name == digits
    again = aimc.run(onnx.load(empty_folder / "own.onnx"), images=1)
    assert again.served and again.folder == first.folder
    assert aimc.run(first.comparison.config.run.model, images=1).served
    own = aimc.run(empty_folder / "own.onnx", images=1)
    assert not own.served  # another path
    assert own.layers.equals(first.layers)
    assert (own.speed_up, own.energy_gain) == (first.speed_up, first.energy_gain)


def test_a_file_that_was_edited_is_written_again(empty_folder: Path) -> None:
    network = name_network(random_network(4, empty_folder / "own.onnx"), empty_folder / "models")
    network.store()
    stored = Path(network.name)
    whole = stored.read_bytes()
    stored.write_bytes(whole[:100])
    network.store()
    assert stored.read_bytes() == whole
    assert list(stored.parent.iterdir()) == [stored]


@pytest.mark.parametrize("title", ["", "../../../etc/x", "ü ß'\",$x; é", "con\n\0", "a" * 5000])
def test_a_title_from_a_file_is_no_path(title: str, empty_folder: Path) -> None:
    model = random_network(4, empty_folder / "own.onnx")
    model.graph.name = title
    path = Path(name_network(model, Path("models")).name)
    assert path.parts[0] == "models" and len(path.parts) == 3
    assert path.stem.isascii() and path.stem.isidentifier() and len(path.stem) <= 48


def test_weights_in_other_files_are_not_lost(empty_folder: Path) -> None:
    model = random_network(4, empty_folder / "own.onnx")
    onnx.save(model, "outside.onnx", save_as_external_data=True, size_threshold=0)
    loaded = onnx.load("outside.onnx")
    assert name_network(loaded, Path("models")).content is not None
    partial = onnx.load("outside.onnx", load_external_data=False)
    with pytest.raises(ModelError, match="in files beside"):
        aimc.run(partial)
    assert not (empty_folder / "runs").exists()


def test_what_is_no_network_is_refused(empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = random_network(4, empty_folder / "own.onnx")
    for wrong, says in (
        (5, "int is no network"),
        (None, "NoneType is no network"),
        (model.graph, "GraphProto is no network"),
        (onnx.ModelProto(), "holds no network"),
        ("lenet6", "lenet5"),
        (Path("missing.onnx"), "missing.onnx"),
    ):
        with pytest.raises(HarnessError, match=says):
            aimc.run(wrong)  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="example_inputs= is for a torch module"):
        aimc.run(model, example_inputs=1)
    monkeypatch.setattr("aimc.networks.MODEL_FILE_BYTES", 1 << 8)
    with pytest.raises(ModelError, match="the largest that is read"):
        aimc.run(model)
    assert not (empty_folder / "runs" / "models").exists()


def test_an_operator_that_is_not_known_is_told() -> None:
    tensors = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 4]) for name in "xy"]
    graph = helper.make_graph(
        [helper.make_node("Erf", ["x"], ["y"], name="odd")], "g", tensors[:1], tensors[1:]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    with pytest.raises(ModelError, match=r"g\.onnx: 1 node is not supported:\n  odd \(Erf"):
        aimc.run(model)
