"""The main job: its folder, serving it again, and what a failure leaves."""

from __future__ import annotations

import errno
import json
import os
import threading
from pathlib import Path

import pytest

from harness.checksums import damage, seal
from harness.config.load import load_config
from harness.config.schema import Config
from harness.errors import DataError, PlacementError
from harness.locks import lock_file
from harness.model.builtin import build
from harness.model.export import to_onnx
from harness.pipeline.fp32 import build_fp32
from harness.pipeline.job import Finished, run_job
from harness.pipeline.prepare import prepare
from harness.report.comparison import accuracy_statement
from tests.heard import Heard

LENET = {"model": "lenet5", "images": 3, "warmup": 1}


def job(out: Path, config: Config, *, fresh: bool = False) -> tuple[Finished, list[str]]:
    progress = Heard()
    finished = run_job(config, out, command=("test",), progress=progress, fresh=fresh)
    return finished, progress.stages


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


def test_a_damaged_folder_is_not_served_but_made_whole(
    lenet: tuple[Path, Config, Finished],
) -> None:
    out, config, finished = lenet
    changed = [finished.folder / name for name in ("digital/program.elf", "layers.csv")]
    missing = [finished.folder / name for name in ("mapped/src/main.c", "report.png")]
    sound = {path: path.read_bytes() for path in changed + missing}
    for path in changed:
        path.write_bytes(sound[path][:100] + bytes([sound[path][100] ^ 1]) + sound[path][101:])
    for path in missing:
        path.unlink()
    repaired, stages = job(out, config)
    assert not repaired.cached
    assert stages[0] == (
        "the earlier result is not used (digital/program.elf has changed, layers.csv has changed, "
        "mapped/src/main.c is missing and 1 more); simulating again"
    )
    assert {path: path.read_bytes() for path in sound} == sound
    assert damage(finished.folder) == []
    (finished.folder / "result.json").write_text("{}")
    seal(finished.folder)
    again, stages = job(out, config)
    assert not again.cached
    assert "the earlier result is not used" in stages[0]
    assert job(out, config)[0].cached


def test_a_second_equal_run_waits_and_is_served(
    lenet: tuple[Path, Config, Finished], tmp_path: Path
) -> None:
    _, config, _ = lenet
    waits = threading.Event()

    class Second(Heard):
        def stage(self, text: str) -> None:
            super().stage(text)
            waits.set()

    second, served = Second(), []
    thread = threading.Thread(
        target=lambda: served.append(run_job(config, tmp_path, command=(), progress=second))
    )

    class First(Heard):
        def stage(self, text: str) -> None:
            super().stage(text)
            if thread.ident is None:
                thread.start()
            assert waits.wait(60)

    made = run_job(config, tmp_path, command=(), progress=First())
    thread.join()
    assert not made.cached
    assert served[0].cached
    assert served[0].comparison == made.comparison
    (told,) = second.stages
    assert told.startswith("another process (host ")
    assert f", process {os.getpid()}, since " in told
    assert [path.name for path in tmp_path.iterdir()] == [made.folder.name]


def test_a_served_run_needs_no_write_access_and_clears_up(
    lenet: tuple[Path, Config, Finished], monkeypatch: pytest.MonkeyPatch
) -> None:
    out, config, finished = lenet
    staging = out / ".staging-0123456789abcdef"
    (staging / finished.folder.name).mkdir(parents=True)
    lock_file(staging).touch()
    lock_file(finished.folder).touch()
    theirs = out / ".theirs.lock"
    theirs.touch()
    for path in (lock_file(staging), lock_file(finished.folder), theirs):
        os.utime(path, (0, 0))
    assert job(out, config)[0].cached
    assert {path.name for path in out.iterdir() if path.name[0] == "."} == {theirs.name}
    theirs.unlink()

    def refuse(path: object, *_: object) -> int:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)

    monkeypatch.setattr("harness.locks._open", refuse)
    assert job(out, config)[0].cached


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
