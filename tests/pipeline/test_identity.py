"""A run's identity changes with everything that its numbers depend on."""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from harness.config.load import load_config
from harness.errors import HarnessError, MappingError
from harness.pipeline import identity
from harness.pipeline.identity import inputs_of, run_identity
from harness.resources import resource

_SOURCES = (
    "harness/pipeline/job.py",
    "harness/config/presets/system/any.yaml",
    "kernels/src/conv.c",
    "kernels/include/aimc_ops.h",
    "kernels/runtime/start.S",
    "kernels/runtime/link.ld",
    "kernels/templates/main.c.j2",
    "workloads/lenet5.yaml",
    "workloads/checkpoints/lenet5.safetensors",
    "aimc_tile/core/registers.h",
)
_MODULES = (
    "harness._tile",
    "harness._headers",
    "harness.accuracy._codes",
    "harness.engines.embedded._engine",
)
_NO_SOURCES = {
    ".md",
    ".pyc",
    ".json",
    ".csv",
    ".png",
    ".typed",
}  # none of these enters a number by itself
_BUILT_IN = {".cc", ".hh", ".txt", ".pyi", ".so"}  # in the native modules


@pytest.fixture
def harness_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a file of every kind of source and every native module; no dataset is named."""
    root = tmp_path / "checkout"
    for name in (*_SOURCES, "gem5_configs/board.py", *(f"{name}.so" for name in _MODULES)):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("as it was")
    monkeypatch.setattr(identity, "_PACKAGE", root / "harness")
    monkeypatch.setattr(identity, "resource", lambda name: root / name)
    monkeypatch.setattr(identity, "_module_file", lambda name: root / f"{name}.so")
    monkeypatch.delenv("AIMC_DATA", raising=False)
    return root


def of_lenet(*overrides: str, **run: object) -> str:
    config = load_config(system="alpine-hp", overrides=overrides, run={"model": "lenet5", **run})
    return run_identity(config)


@pytest.mark.parametrize("name", [*_SOURCES, *(f"{name}.so" for name in _MODULES)])
def test_every_source_and_native_module_counts(harness_of: Path, name: str) -> None:
    before = of_lenet()
    assert of_lenet() == before
    (harness_of / name).write_text("changed")
    assert of_lenet() != before
    (harness_of / name).write_text("as it was")
    assert of_lenet() == before
    if name in _SOURCES and name != "aimc_tile/core/registers.h":
        (harness_of / name).rename((harness_of / name).with_stem("renamed"))
        assert of_lenet() != before


def test_sources_have_no_other_suffix() -> None:
    package = Path(identity.__file__).parents[1]
    for root, known in (
        (package, _BUILT_IN),
        (resource("kernels"), set()),
        (resource("workloads"), set()),
    ):
        suffixes = {path.suffix for path in root.rglob("*") if path.is_file()}
        assert suffixes - known - _NO_SOURCES <= {Path(name).suffix for name in _SOURCES}


def test_every_native_module_counts() -> None:
    package = Path(identity.__file__).parents[1]
    for stub in package.rglob("_*.pyi"):
        name = ".".join((package.name, *stub.relative_to(package).with_suffix("").parts))
        assert name in _MODULES
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert identity._module_file(name) == Path(str(spec.origin))


@pytest.mark.parametrize(
    "library", ["jinja2", "numpy", "onnx", "pillow", "scikit-learn", "unicorn", "ziglang"]
)
@pytest.mark.usefixtures("harness_of")
def test_the_version_of_every_library_counts(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = of_lenet()
    installed: Callable[[str], str] = metadata.version
    monkeypatch.setattr(
        metadata, "version", lambda name: installed(name) + ("+1" if name == library else "")
    )
    assert of_lenet() != before


@pytest.mark.usefixtures("harness_of")
def test_the_configuration_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    others = [
        of_lenet("system.tile.adc_bits=7"),
        of_lenet("run.seed=3"),
        of_lenet(images=2),
        of_lenet(mapping="digital"),
    ]
    assert len({of_lenet(), *others}) == 5
    before = of_lenet()
    monkeypatch.setattr(identity, "__version__", "another")
    assert of_lenet() != before


@pytest.mark.usefixtures("harness_of")
def test_the_engine_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    embedded = of_lenet()
    found = [embedded]
    for number in ("one", "two"):
        another = SimpleNamespace(identity=lambda number=number: {"binary": number})
        monkeypatch.setattr(identity, "engine_called", lambda *_, another=another: another)
        found.append(of_lenet())
    assert len(set(found)) == 3


@pytest.mark.usefixtures("harness_of")
def test_a_checkpoint_and_a_dataset_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = tmp_path / "weights.safetensors"
    weights.write_text("one")
    data = tmp_path / "data"
    (data / "cifar-10-batches-py").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (data / "linked").symlink_to(tmp_path / "elsewhere")
    files = [
        data / "some.npz",
        data / "cifar-10-batches-py" / "data_batch_1",
        tmp_path / "elsewhere" / "data_batch_1",
        weights,
    ]
    for path in files:
        path.write_text("one")
    seen = {of_lenet()}
    seen.add(of_lenet(checkpoint=str(weights), dataset=str(data)))
    for path in files:
        path.write_text("two")
        seen.add(of_lenet(checkpoint=str(weights), dataset=str(data)))
    seen.add(of_lenet(dataset=str(files[0])))
    monkeypatch.setenv("AIMC_DATA", str(data))
    seen.add(of_lenet())
    assert len(seen) == 8


@pytest.mark.usefixtures("harness_of")
def test_a_large_data_file_cannot_change_unseen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity, "_SMALL_FILE", 2)
    data = tmp_path / "data.npz"
    data.write_text("one")
    times = data.stat().st_atime_ns, data.stat().st_mtime_ns
    before = of_lenet(dataset=str(data))
    assert of_lenet(dataset=str(data)) == before
    while data.stat().st_ctime_ns == times[1]:  # until the file system's clock has gone on
        data.write_text("two")
    os.utime(data, ns=times)
    assert of_lenet(dataset=str(data)) != before


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
    assert "model" in inputs_of(config.run)


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
        inputs_of(config.run)
    (tmp_path / "programmed").mkdir()
    conductances = tmp_path / "programmed" / "g.safetensors"
    conductances.write_bytes(b"one")
    before = inputs_of(config.run)
    conductances.write_bytes(b"two")
    after = inputs_of(config.run)
    assert before["mapping"] == after["mapping"]
    assert before["mapping/conductances"] != after["mapping/conductances"]


def test_bundled_digits_are_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = load_config(system="alpine-hp", run={"model": "mlp", "dataset": "digits"})
    assert "dataset" not in inputs_of(config.run)
    missing = load_config(system="alpine-hp", run={"model": "mlp", "dataset": "numbers"})
    with pytest.raises(HarnessError, match="cannot be read"):
        inputs_of(missing.run)
