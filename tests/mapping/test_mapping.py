"""Mapping files: what they mean, what is refused, and that nothing else comes out of a reader."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save

from harness.budget import MAPPING_BYTES
from harness.errors import MappingError
from harness.mapping.conductance import conductances_of
from harness.mapping.mapping import matrix_layers
from harness.mapping.resolve import resolve_mapping
from harness.mapping.write import write_mapping
from harness.operators.conv import QConv
from harness.quant.digest import network_digest
from harness.quant.program import QNetwork
from harness.quant.quantize import quantize
from tests.quant.networks import branching, samples

MATRICES = {
    "stem": (27, 8),
    "left": (72, 8),
    "left_skip": (24, 8),
    "hidden": (120, 16),
    "logits": (16, 10),
}


@pytest.fixture(scope="module")
def network() -> QNetwork:
    graph = branching()
    return quantize(graph, samples(graph, 4))


def document(**changes: object) -> dict[str, Any]:
    base: dict[str, Any] = {
        "format": "aimc-mapping",
        "version": 1,
        "model": "net",
        "layers": {"left": "analog", "stem": "digital", "logits": "analog"},
    }
    return base | changes


@pytest.fixture
def write(tmp_path: Path) -> Callable[[object], str]:
    def write_file(content: object) -> str:
        path = tmp_path / "mapping.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return str(path)

    return write_file


def test_words(network: QNetwork) -> None:
    assert matrix_layers(network) == MATRICES
    digital, analog = resolve_mapping("digital", network), resolve_mapping("analog", network)
    assert digital.analog == ()
    assert analog.analog == tuple(MATRICES)
    assert not digital.insists
    assert not analog.insists


def test_a_file_insists(network: QNetwork, write: Callable[[object], str]) -> None:
    mapping = resolve_mapping(write(document(provenance={"by": ["hand", 1]})), network)
    assert mapping.analog == ("left", "logits")  # in the network's order
    assert mapping.layers["hidden"] == "digital"  # not named
    assert mapping.insists
    assert mapping.conductances is None
    assert mapping.provenance == {"by": ["hand", 1]}


def test_written_mappings_read_back(network: QNetwork, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    values = {name: rng.normal(size=shape).astype(np.float32) for name, shape in MATRICES.items()}
    mapping = replace(
        resolve_mapping("analog", network),
        conductances=values,
        graph_sha256=network_digest(network),
        provenance={"drift_s": 86400},
    )
    path = tmp_path / "deep" / "found.json"
    write_mapping(mapping, path)
    back = resolve_mapping(str(path), network)
    assert back.layers == mapping.layers
    assert back.insists
    assert back.provenance == {"drift_s": 86400}
    assert back.conductances is not None
    for name in MATRICES:
        steps, unit = conductances_of(values[name])
        assert np.array_equal(conductances_of(back.conductances[name])[0], steps)
        assert (np.abs(back.conductances[name] - values[name]) <= 0.501 * unit).all()
    write_mapping(resolve_mapping("digital", network), path)
    assert resolve_mapping(str(path), network).analog == ()


def test_weights_may_be_insisted_on(network: QNetwork, write: Callable[[object], str]) -> None:
    digest = network_digest(network)
    path = write(document(graph_sha256=digest))
    resolve_mapping(path, network)
    first = network.nodes[0]
    assert isinstance(first, QConv)
    changed = replace(first, weight_float=first.weight_float * np.float32(1.001))
    other = replace(network, nodes=(changed, *network.nodes[1:]))
    with pytest.raises(MappingError, match="other weights"):
        resolve_mapping(path, other)
    recalibrated = quantize(branching(), samples(branching(), 4, seed=8))
    assert network_digest(recalibrated) == digest


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ({"nowhere": "analog"}, "no such layers: nowhere"),
        ({"nowhere": "digital"}, "no such layers: nowhere"),
        ({"stem_relu": "analog"}, "no such layers: stem_relu"),
        ({"depthwise": "analog"}, r"depthwise \(Conv of 8 groups\)"),
        ({"grouped": "analog"}, r"grouped \(Conv of 2 groups\)"),
        ({"max": "analog"}, r"max \(MaxPool\)"),
    ],
)
def test_layers_that_do_not_fit(
    network: QNetwork, write: Callable[[object], str], layers: dict[str, str], message: str
) -> None:
    with pytest.raises(MappingError, match=message) as caught:
        resolve_mapping(write(document(layers=layers)), network)
    assert "stem, left, left_skip, hidden, logits" in str(caught.value) or caught.value.hint
    assert caught.value.hint is not None
    assert all(name in caught.value.hint for name in MATRICES)


def test_digital_is_allowed_for_layers_that_no_tile_computes(
    network: QNetwork, write: Callable[[object], str]
) -> None:
    path = write(document(layers={"depthwise": "digital", "max": "digital"}))
    assert resolve_mapping(path, network).analog == ()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "not a JSON file"),
        ("{", "not a JSON file"),
        ("[]", "not a JSON object"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a":' * 100_000, "nested too deeply"),
        ('{"format": "aimc-mapping", "format": "aimc-mapping"}', "twice"),
        ('{"provenance": {"x": {"y": 1, "y": 2}}}', "twice"),
        ('{"version": NaN}', "NaN"),
        ('{"version": 1e999}', "out of range"),
        ('{"version": ' + "9" * 5000 + "}", "not a JSON file"),
        (json.dumps(document(version=2)), "version"),
        (json.dumps(document(version=True)), "version"),
        (json.dumps(document(format="other")), "format"),
        (json.dumps(document(layers=["left"])), "layers"),
        (json.dumps(document(layers={"left": "Analog"})), "layers.left"),
        (json.dumps(document(layers={"le\nft": "tile"})), r"layers.le\\nft"),
        (json.dumps(document(extra=1)), "extra"),
        (json.dumps(document(model="other")), "network 'other'"),
        (json.dumps(document(graph_sha256="abc")), "graph_sha256"),
        (json.dumps(document(layers={f"l{i}": "x" for i in range(99)})), "and 91 more"),
        (" " * (MAPPING_BYTES + 1), "more than"),
        (json.dumps(document()).replace("left", "\\udcff"), "unicode"),
    ],
)
def test_malformed_files(
    network: QNetwork, write: Callable[[object], str], content: str, message: str
) -> None:
    with pytest.raises(MappingError, match=message) as caught:
        resolve_mapping(write(content), network)
    assert len(str(caught.value).encode()) < 3000  # and it can be printed


def test_files_that_cannot_be_read(network: QNetwork, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "latin.json").write_bytes(b'{"model": "\xff"}')
    for spec in ("", "analogue", str(tmp_path), "a\0b", "x" * 5000, str(tmp_path / "pipe.json")):
        with pytest.raises(MappingError):
            resolve_mapping(spec, network)
    with pytest.raises(MappingError, match="not a JSON file"):
        resolve_mapping(str(tmp_path / "latin.json"), network)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_files_give_one_error_or_a_mapping(
    network: QNetwork, tmp_path: Path, data: st.DataObject
) -> None:
    text = json.dumps(document(provenance={"a": [1.5, None, {"b": "c"}]})).encode()
    kind = data.draw(st.sampled_from(["cut", "flip", "splice", "noise"]))
    if kind == "cut":
        text = text[: data.draw(st.integers(0, len(text)))]
    elif kind == "noise":
        text = data.draw(st.binary(max_size=200))
    else:
        start = data.draw(st.integers(0, len(text) - 1))
        length = 1 if kind == "flip" else data.draw(st.integers(0, 20))
        text = text[:start] + data.draw(st.binary(max_size=8)) + text[start + length :]
    path = tmp_path / "fuzz.json"
    path.write_bytes(text)
    try:
        mapping = resolve_mapping(str(path), network)
    except MappingError as error:
        assert str(error)
    else:
        assert set(mapping.layers) == set(MATRICES)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(key=st.sampled_from(["format", "version", "model", "layers", "x"]), value=JSON_VALUES)
def test_fields_of_any_type(network: QNetwork, tmp_path: Path, key: str, value: object) -> None:
    path = tmp_path / "fuzz.json"
    path.write_text(json.dumps(document(**{key: value})))
    try:
        mapping = resolve_mapping(str(path), network)
    except MappingError as error:
        assert str(error)
    else:
        assert key == "layers" or value == document()[key]
        assert set(mapping.layers) == set(MATRICES)


GOOD = {"left": (72, 8), "logits": (16, 10)}


def tensors(**changes: object) -> dict[str, np.ndarray]:
    arrays: dict[str, Any] = {name: np.ones(shape, np.float32) for name, shape in GOOD.items()}
    return {name: value for name, value in (arrays | changes).items() if value is not None}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (save(tensors(left=None)), "missing for \\['left'\\]"),
        (save(tensors(other=np.ones(3, np.float32))), "not wanted for \\['other'\\]"),
        (save(tensors(left=np.ones((8, 72), np.float32))), "left is F32 \\[8, 72\\]"),
        (save(tensors(left=np.ones((72, 8), np.float64))), "left is F64"),
        (save(tensors(left=np.full((72, 8), np.nan, np.float32))), "not finite"),
        (save(tensors())[:-5], "not a safetensors file"),
        (b"", "not a safetensors file"),
        (b"\xff" * 64, "not a safetensors file"),
    ],
)
def test_bad_conductance_files(
    network: QNetwork,
    write: Callable[[object], str],
    tmp_path: Path,
    content: bytes,
    message: str,
) -> None:
    (tmp_path / "g.safetensors").write_bytes(content)
    with pytest.raises(MappingError, match=message):
        resolve_mapping(write(document(conductances="g.safetensors")), network)


def test_conductances_stay_in_the_folder(
    network: QNetwork, write: Callable[[object], str], tmp_path: Path
) -> None:
    outside = tmp_path.parent / f"{tmp_path.name}.safetensors"
    outside.write_bytes(save(tensors()))
    (tmp_path / "link.safetensors").symlink_to(outside)
    (tmp_path / "good.safetensors").write_bytes(save(tensors()))
    assert resolve_mapping(write(document(conductances="good.safetensors")), network).conductances
    for name in (str(outside), f"../{outside.name}", "link.safetensors", "a\0b", "x\\..\\y"):
        with pytest.raises(MappingError, match="leaves the mapping's folder"):
            resolve_mapping(write(document(conductances=name)), network)
    for name in ("missing.safetensors", "."):
        with pytest.raises(MappingError, match="does not exist"):
            resolve_mapping(write(document(conductances=name)), network)
    outside.unlink()
