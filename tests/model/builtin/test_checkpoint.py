"""Checkpoints fit exactly or are refused, whatever is in the file."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from harness.errors import DataError
from harness.model.builtin import build
from harness.model.checkpoint import (
    as_stored,
    checkpoint_metadata,
    load_checkpoint,
    save_checkpoint,
)
from harness.model.graph import Graph
from harness.operators.dense import Dense
from harness.operators.node import arrays_of

fuzzed = settings(
    deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def arrays(graph: Graph) -> dict[str, np.ndarray]:
    return {f"{node.name}.{key}": value for node in graph.nodes for key, value in arrays_of(node)}


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    path = tmp_path / "mlp.safetensors"
    save_checkpoint(build("mlp", seed=7), path, metadata={"dataset": "digits"})
    return path


@pytest.mark.parametrize("name", ["mlp", "lenet5", "resnet20"])
def test_round_trip_is_exact(name: str, tmp_path: Path) -> None:
    saved = build(name, seed=3)
    save_checkpoint(saved, tmp_path / "net.safetensors")
    loaded = load_checkpoint(build(name), tmp_path / "net.safetensors")
    assert not loaded.random_weights
    assert build(name).random_weights
    expected = arrays(saved)
    assert arrays(loaded).keys() == expected.keys()
    for key, value in arrays(loaded).items():
        assert value.dtype == np.float32
        assert np.array_equal(value, expected[key])


def test_float16_rounds_once_and_reads_back_as_float32(tmp_path: Path) -> None:
    saved = build("mlp")
    save_checkpoint(saved, tmp_path / "half.safetensors", dtype="float16")
    loaded = arrays(load_checkpoint(build("mlp", seed=1), tmp_path / "half.safetensors"))
    for key, value in arrays(saved).items():
        assert loaded[key].dtype == np.float32
        assert np.array_equal(loaded[key], value.astype(np.float16).astype(np.float32))


def test_int8_rounds_to_steps_of_each_channels_largest_weight(tmp_path: Path) -> None:
    saved = build("resnet20", seed=5)
    path = tmp_path / "steps.safetensors"
    save_checkpoint(saved, path, dtype="int8")
    loaded = arrays(load_checkpoint(build("resnet20"), path))
    for key, value in arrays(saved).items():
        if value.ndim == 1:
            assert np.array_equal(loaded[key], value)
            continue
        largest = np.abs(value.reshape(len(value), -1)).max(axis=1)
        error = np.abs(loaded[key] - value).reshape(len(value), -1).max(axis=1)
        assert (error <= largest / 254 * 1.0001).all()
        reached = np.abs(loaded[key].reshape(len(value), -1)).max(axis=1)
        assert np.allclose(reached, largest, rtol=1e-6)
    assert path.stat().st_size < 0.4 * sum(4 * value.size for value in arrays(saved).values())


def test_what_is_stored_is_what_is_read_back(tmp_path: Path) -> None:
    saved = build("lenet5", seed=5)
    for dtype in ("int8", "float16", "float32"):
        save_checkpoint(saved, tmp_path / "net.safetensors", dtype=dtype)
        loaded = arrays(load_checkpoint(build("lenet5"), tmp_path / "net.safetensors"))
        for key, value in arrays(as_stored(saved, dtype)).items():
            assert np.array_equal(loaded[key], value)


def test_an_all_zero_channel_survives_int8() -> None:
    graph = build("mlp")
    nodes = list(graph.nodes)
    assert isinstance(nodes[1], Dense)
    nodes[1] = dataclasses.replace(nodes[1], weight=np.zeros_like(nodes[1].weight))
    stored = as_stored(dataclasses.replace(graph, nodes=tuple(nodes)), "int8")
    assert not arrays(stored)["fc1.weight"].any()


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("fc1.weight.step", None, "missing: fc1.weight.step"),
        ("fc1.weight.step", np.ones(3, np.float32), r"fc1.weight.step is float32 \[3\], not"),
        ("fc1.weight.step", np.ones(256, np.float16), "fc1.weight.step is float16"),
        ("fc1.weight.step", np.full(256, np.nan, np.float32), "not finite"),
        ("fc1.weight.step", np.full(256, 1e38, np.float32), "not finite"),
        ("fc1.bias", np.ones(256, np.int8), "fc1.bias is int8"),
        ("fc1.bias.step", np.ones(256, np.float32), "not in the network: fc1.bias.step"),
    ],
)
def test_int8_without_fitting_steps_is_refused(
    key: str, value: np.ndarray | None, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "steps.safetensors"
    save_checkpoint(build("mlp"), path, dtype="int8")
    tensors = load_file(path)
    tensors.pop(key, None)
    if value is not None:
        tensors[key] = value
    save_file(tensors, path)
    with pytest.raises(DataError, match=message):
        load_checkpoint(build("mlp"), path)


def test_metadata_stands_in_the_header(shipped: Path) -> None:
    assert checkpoint_metadata(shipped) == {
        "format": "aimc-harness",
        "dataset": "digits",
        "model": "mlp",
    }


def test_files_are_reproducible(tmp_path: Path) -> None:
    metadata = {f"key{index}": "ü\n'" for index in range(20)}
    path = tmp_path / "mlp.safetensors"
    save_checkpoint(build("mlp"), path, metadata=metadata)
    first = path.read_bytes()
    for _ in range(5):
        save_checkpoint(build("mlp"), path, metadata=dict(reversed(metadata.items())))
        assert path.read_bytes() == first
    assert checkpoint_metadata(path) == metadata | {"format": "aimc-harness", "model": "mlp"}


def test_all_misfits_are_named(shipped: Path) -> None:
    tensors = load_file(shipped)
    tensors["fc9.weight"] = tensors.pop("fc2.bias")
    tensors["fc1.weight"] = np.ascontiguousarray(tensors["fc1.weight"].T)
    tensors["fc1.bias"] = tensors["fc1.bias"].astype(np.float64)
    tensors["fc3.bias"] = np.full_like(tensors["fc3.bias"], np.nan)
    save_file(tensors, shipped)
    with pytest.raises(DataError) as error:
        load_checkpoint(build("mlp"), shipped)
    message = str(error.value)
    assert str(shipped) in message
    assert "missing: fc2.bias" in message
    assert "not in the network: fc9.weight" in message
    assert "fc1.weight is [64, 256], not [256, 64]" in message
    assert "fc1.bias is float64" in message
    assert "fc3.bias has values that are not finite" in message


def test_checkpoint_of_another_network_is_refused(shipped: Path) -> None:
    with pytest.raises(DataError, match="does not fit the network lenet5"):
        load_checkpoint(build("lenet5"), shipped)


def test_weights_beyond_float16_are_not_saved(tmp_path: Path) -> None:
    graph = build("mlp")
    nodes = list(graph.nodes)
    assert isinstance(nodes[1], Dense)
    nodes[1] = dataclasses.replace(nodes[1], bias=np.full(256, 1e6, np.float32))
    huge = dataclasses.replace(graph, nodes=tuple(nodes))
    with pytest.raises(DataError, match=r"fc1\.bias"):
        save_checkpoint(huge, tmp_path / "huge.safetensors", dtype="float16")
    assert not list(tmp_path.iterdir())


def test_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot read"):
        load_checkpoint(build("mlp"), tmp_path / "none.safetensors")
    with pytest.raises(DataError, match="cannot read"):
        checkpoint_metadata(tmp_path)


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"[]",
        b"{",
        b'{"__metadata__": 3}',
        b"[" * 50_000,
        json.dumps({"a": {"dtype": "BF16", "shape": [0], "data_offsets": [0, 0]}}).encode(),
        json.dumps({"a": {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 4]}}).encode(),
        json.dumps({"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}).encode(),
    ],
)
def test_hostile_headers_are_refused(header: bytes, tmp_path: Path) -> None:
    path = tmp_path / "hostile.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    with pytest.raises(DataError):
        load_checkpoint(build("mlp"), path)


@fuzzed
@given(cut=st.floats(0.0, 1.0, exclude_max=True))
def test_truncated_files_are_refused(shipped: Path, cut: float) -> None:
    data = shipped.read_bytes()
    path = shipped.with_name("cut.safetensors")
    path.write_bytes(data[: int(cut * len(data))])
    with pytest.raises(DataError):
        load_checkpoint(build("mlp"), path)


@fuzzed
@given(position=st.integers(0, 700), value=st.integers(0, 255))
def test_damaged_headers_never_escape_as_other_errors(
    shipped: Path, position: int, value: int
) -> None:
    data = bytearray(shipped.read_bytes())
    data[position] = value
    path = shipped.with_name("damaged.safetensors")
    path.write_bytes(data)
    for read in (checkpoint_metadata, lambda p: load_checkpoint(build("mlp"), p)):
        try:
            read(path)
        except DataError as error:
            assert str(path) in str(error)
