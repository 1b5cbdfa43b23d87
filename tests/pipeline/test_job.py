"""The main job: its folder, serving it again, and what a failure leaves."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from harness.config.load import load_config
from harness.config.schema import Config
from harness.errors import DataError, PlacementError
from harness.model.builtin import build
from harness.model.export import to_onnx
from harness.pipeline.folder import staged_folder
from harness.pipeline.fp32 import build_fp32
from harness.pipeline.job import Finished, run_job
from harness.pipeline.prepare import prepare
from harness.report.comparison import accuracy_statement

LENET = {"model": "lenet5", "images": 3, "warmup": 1}


class Silent:
    """A reporter that remembers the stages."""

    def __init__(self) -> None:
        self.stages: list[str] = []

    def stage(self, text: str) -> None:
        self.stages.append(text)

    def simulated(
        self, instructions: int, simulated_ns: float, layer: str | None = None, /
    ) -> None:
        assert instructions >= 0
        assert layer != ""
        assert simulated_ns >= 0


def job(out: Path, config: Config, *, fresh: bool = False) -> tuple[Finished, list[str]]:
    reporter = Silent()
    finished = run_job(config, out, command=("test",), reporter=reporter, fresh=fresh)
    return finished, reporter.stages


@pytest.fixture(scope="module")
def lenet(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Config, Finished]:
    out = tmp_path_factory.mktemp("runs")
    config = load_config(system="alpine-hp", run=LENET)
    return out, config, job(out, config)[0]


def test_the_folder_has_every_artifact(lenet: tuple[Path, Config, Finished]) -> None:
    _, _, finished = lenet
    assert not finished.cached
    names = {str(path.relative_to(finished.folder)) for path in finished.folder.rglob("*")}
    assert {
        "result.json",
        "layers.csv",
        "report.png",
        "manifest.json",
        "config.yaml",
        "network.json",
        "plan.json",
        "digital/src/main.c",
        "digital/program.elf",
        "digital/console.txt",
        "mapped/program.elf",
        "mapped/programming.json",
    } <= names
    assert [path.name for path in finished.folder.parent.iterdir()] == [finished.folder.name]


def test_an_equal_run_is_served_and_a_different_one_is_not(
    lenet: tuple[Path, Config, Finished],
) -> None:
    out, config, finished = lenet
    again, stages = job(out, config)
    assert again.cached
    assert stages == []
    assert again.comparison == finished.comparison
    other = load_config(
        system="alpine-hp", run=LENET, overrides=["system.tile.crossbar_latency_ns=5000"]
    )
    slower, _ = job(out, other)
    assert not slower.cached
    assert slower.folder != finished.folder
    assert slower.comparison.mapped is not None
    assert finished.comparison.mapped is not None
    assert slower.comparison.mapped.time_ns > finished.comparison.mapped.time_ns
    assert slower.comparison.digital == finished.comparison.digital or (
        slower.comparison.digital.cycles == finished.comparison.digital.cycles
    )


def test_runs_are_deterministic(lenet: tuple[Path, Config, Finished], tmp_path: Path) -> None:
    _, config, finished = lenet
    repeated, _ = job(tmp_path, config)
    for first, second in zip(
        finished.comparison.programs, repeated.comparison.programs, strict=True
    ):
        assert first.layers == second.layers
        assert first.simulated_ns == second.simulated_ns


def test_trained_weights_have_an_accuracy(lenet: tuple[Path, Config, Finished]) -> None:
    _, _, finished = lenet
    accuracy = finished.comparison.accuracy
    assert accuracy is not None
    samples = finished.comparison.manifest.samples
    assert len({samples[f"{part}_sha256"] for part in ("dataset", "test_split")}) == 2
    entries = {entry.what: entry for entry in accuracy.entries}
    assert entries["digital, simulated"].images == 3
    reference = entries["digital, reference"]
    assert reference.images > 300
    assert reference.percent > 90.0
    assert entries["mapped, reference"].percent > 80.0


def test_random_weights_have_none(tmp_path: Path) -> None:
    network = tmp_path / "untrained.onnx"
    network.write_bytes(to_onnx(build("mlp")).SerializeToString())
    config = load_config(system="alpine-hp", run={**LENET, "model": str(network), "images": 1})
    finished, _ = job(tmp_path, config)
    assert finished.comparison.accuracy is None
    assert "random" in accuracy_statement(finished.comparison)
    assert "not images" in finished.comparison.manifest.samples["images"]
    assert json.loads((finished.folder / "result.json").read_text())


def test_a_failed_run_leaves_nothing_and_loses_nothing(
    lenet: tuple[Path, Config, Finished],
) -> None:
    out, _, finished = lenet
    before = sorted(str(path) for path in out.rglob("*"))
    config = load_config(system="alpine-hp", run={**LENET, "images": 9999})
    with pytest.raises(DataError, match="test split"):
        job(out, config)
    assert sorted(str(path) for path in out.rglob("*")) == before
    assert finished.folder.is_dir()


def test_a_damaged_result_is_not_served(
    lenet: tuple[Path, Config, Finished], tmp_path: Path
) -> None:
    _, config, _ = lenet
    finished, _ = job(tmp_path, config)
    path = finished.folder / "result.json"
    path.write_bytes(path.read_bytes()[:-100])
    repaired, stages = job(tmp_path, config)
    assert not repaired.cached
    assert "not used" in stages[0]
    assert job(tmp_path, config)[0].cached


def test_an_interrupt_keeps_the_earlier_folder(tmp_path: Path) -> None:
    target = tmp_path / "run"
    with staged_folder(target) as staging:
        (staging / "number").write_text("1")
    with pytest.raises(KeyboardInterrupt), staged_folder(target) as staging:
        (staging / "number").write_text("2")
        raise KeyboardInterrupt
    assert (target / "number").read_text() == "1"
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    with staged_folder(target) as staging:
        (staging / "number").write_text("3")
    assert (target / "number").read_text() == "3"
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_what_a_killed_run_left_is_removed_and_a_living_one_is_not(tmp_path: Path) -> None:
    child = subprocess.Popen(["true"])
    child.wait()
    dead = tmp_path / f".run.{child.pid}.abcd"
    alive = tmp_path / f".run.{os.getpid()}.abcd"
    other = tmp_path / f".another.{child.pid}.abcd"
    for folder in (dead, alive, other):
        folder.mkdir()
    with staged_folder(tmp_path / "run"):
        assert not dead.exists()
    assert {path.name for path in tmp_path.iterdir()} == {"run", alive.name, other.name}


def test_the_fp32_program_stands_beside_the_others(tmp_path: Path) -> None:
    config = load_config(
        system="alpine-hp", run={**LENET, "mapping": "digital", "fp32_baseline": True}
    )
    finished, stages = job(tmp_path, config)
    assert "simulating the fp32 program" in stages
    comparison = finished.comparison
    assert [program.name for program in comparison.programs] == ["digital", "fp32"]
    fp32 = comparison.programs[1]
    assert [layer.name for layer in fp32.layers] == [
        layer.name for layer in comparison.digital.layers
    ]
    assert fp32.peak_macs_per_cycle == 4
    assert "fp32: largest deviation" in (finished.folder / "fp32" / "console.txt").read_text()
    assert comparison.fp32_gain(comparison.digital) is not None
    again, _ = job(tmp_path, config)
    assert again.cached
    assert again.comparison == comparison


def test_float_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    config = load_config(system="alpine-hp", run={**LENET, "mapping": "digital"})
    prepared = prepare(config)
    memory = config.system.memory.model_copy(update={"size_mib": 0})
    system = config.system.model_copy(update={"memory": memory})
    with pytest.raises(PlacementError, match="fp32 weights"):
        build_fp32(prepared, config.model_copy(update={"system": system}), tmp_path)
    assert list(tmp_path.iterdir()) == []
