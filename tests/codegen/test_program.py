"""Generated sources: readable, complete, and safe whatever a network is called."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness.codegen.blob import Blob
from harness.codegen.program import GeneratedProgram, generate
from harness.config.load import load_config
from harness.errors import CodegenError
from harness.model.builtin import build
from harness.model.fold import fold
from harness.placement.plan import Plan
from harness.quant.program import QNetwork
from harness.quant.quantize import quantize
from harness.quant.reference import infer

TILE = load_config(system="alpine-hp").system.tile


@pytest.fixture(scope="module")
def network() -> QNetwork:
    graph = fold(build("lenet5"))
    samples = np.random.default_rng(1).standard_normal((4, *graph.shapes[graph.input][1:]))
    return quantize(graph, samples.astype(np.float32))


def write(network: QNetwork, folder: Path) -> GeneratedProgram:
    images = network.calibration_inputs[:2]
    return generate(
        Plan(network, {}, 0, {}),
        TILE,
        images=images,
        expected=infer(network, images),
        warmup=0,
        kernels="neon",
        out_dir=folder,
    )


def test_main_follows_the_network(network: QNetwork, tmp_path: Path) -> None:
    program = write(network, tmp_path)
    text = (tmp_path / "main.c").read_text()
    positions = [text.index(f"&{node.name}_layer") for node in network.nodes]
    assert positions == sorted(positions)
    regions = json.loads((tmp_path / "regions.json").read_text())
    assert {int(key): value for key, value in regions.items()} == dict(program.regions)
    assert list(program.regions.values()) == [node.name for node in network.nodes]


def test_generation_is_deterministic(network: QNetwork, tmp_path: Path) -> None:
    write(network, tmp_path / "a")
    write(network, tmp_path / "b")
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes(), path.name


@pytest.mark.parametrize("name", ['x"; system("id', "a b", "Ünicode", "", "a\nb", "int main"])
def test_a_layer_name_that_is_no_identifier_is_refused(
    network: QNetwork, tmp_path: Path, name: str
) -> None:
    nodes = (replace(network.nodes[0], name=name), *network.nodes[1:])
    with pytest.raises(CodegenError, match="identifier"):
        write(replace(network, nodes=nodes), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_hostile_network_name_stays_inside_its_comment(network: QNetwork, tmp_path: Path) -> None:
    write(replace(network, name='*/ #include "/etc/passwd"'), tmp_path)
    for path in tmp_path.glob("*.[chS]"):
        assert "passwd" not in path.read_text().replace("___include___etc_passwd_", "")


def test_images_of_another_shape_are_refused(network: QNetwork, tmp_path: Path) -> None:
    with pytest.raises(CodegenError, match="do not fit"):
        generate(
            Plan(network, {}, 0, {}),
            TILE,
            images=np.zeros((1, 3, 3, 3), np.int8),
            expected=np.zeros((1, 10), np.int8),
            warmup=0,
            kernels="neon",
            out_dir=tmp_path,
        )


def test_equal_arrays_are_stored_once_and_aligned() -> None:
    blob = Blob()
    first, second, again = blob.add(b"a" * 65), blob.add(b"b"), blob.add(b"a" * 65)
    assert (first, second, again) == (0, 128, 0)
    assert blob.size == len(blob.data()) == 192
    assert blob.data()[128:129] == b"b"
