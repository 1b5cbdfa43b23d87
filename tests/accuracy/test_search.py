"""Searches from end to end on the bundled digits: what they decide and what they leave."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from statistics import fmean

import numpy as np
import pytest
from safetensors.numpy import load_file

from harness.accuracy.evaluate import Evaluator
from harness.accuracy.noise import with_noise
from harness.accuracy.run import Found
from harness.accuracy.session import TEST_SEED
from harness.accuracy.task import load_task
from harness.config.load import load_config
from harness.data.workloads import workload_for
from harness.errors import DataError, HarnessError, MappingError, ModelError
from harness.mapping.checkpoint import checkpoint_file
from harness.mapping.file_format import read_mapping_file
from harness.model.export import to_onnx
from harness.model.fold import fold
from harness.pipeline.identity import inputs_of
from harness.pipeline.prepare import prepare
from harness.placement.reference import infer_plan
from harness.quant.reference import top1
from tests.accuracy.searches import (
    files,
    loop_config,
    run_config,
    search,
    search_several,
)
from tests.heard import Heard


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    return search(tmp_path_factory.mktemp("found") / "mapping", "search.drop_points=3")


def table(folder: Path) -> list[dict[str, str]]:
    with (folder / "accuracy.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_folder_is_complete_and_nothing_else_is_left(found: Found) -> None:
    names = {path.name for path in found.folder.iterdir()}
    assert names == {
        "mapping.json",
        "mapping.safetensors",
        "mlp.safetensors",
        "accuracy.csv",
        "accuracy.png",
        "summary.json",
        "checksums.json",
    }
    assert [path.name for path in found.folder.parent.iterdir()] == ["mapping"]
    assert not found.earlier


def test_every_decision_follows_from_its_accuracies(found: Found) -> None:
    rows = table(found.folder)
    bound = found.summary["bound_percent"]
    decisions = [row for row in rows if row["phase"] == "search"]
    assert {row["layer"] for row in decisions} == {"fc1", "fc2", "fc3"}
    kept = 0
    for row in decisions:
        accepted = float(row["mean_percent"]) >= bound
        assert (row["accepted"] == "yes") == accepted
        assert int(row["analog_layers"]) == kept + 1
        kept += accepted
    assert kept == len(found.summary["analog_layers"])
    assert bound == pytest.approx(found.summary["baseline_percent"] - 3)


def test_losses_are_given_with_their_errors(found: Found) -> None:
    for row in table(found.folder):
        if row["phase"] == "baseline":
            assert row["lost_points"] == row["lost_error_points"] == ""
            continue
        split = [r for r in table(found.folder) if r["split"] == row["split"]]
        reference = next(r for r in split if r["phase"] == "baseline")
        lost = float(reference["mean_percent"]) - float(row["mean_percent"])
        assert float(row["lost_points"]) == pytest.approx(lost, abs=1e-3)
        assert 0 <= float(row["lost_error_points"]) < 5


def test_layers_are_tried_in_order_of_macs(found: Found) -> None:
    tried = [row["layer"] for row in table(found.folder) if row["phase"] == "search"]
    assert tried == ["fc2", "fc1", "fc3"]  # 8,192, 4,096 and 640


def test_the_test_split_is_measured_now_after_a_day_and_after_a_year(found: Found) -> None:
    rows = [row for row in table(found.folder) if row["split"] == "test"]
    assert [(row["phase"], row["time_s"]) for row in rows] == [
        ("baseline", ""),
        ("digital", ""),
        ("test", "1"),
        ("test", "86400"),
        ("test", "3.1536e+07"),
    ]
    assert {row["images"] for row in rows} == {"360"}
    assert [row["repetitions"] for row in rows] == ["1", "1", "2", "2", "2"]


def test_the_curve_goes_from_a_second_to_a_year_on_validation(found: Found) -> None:
    rows = [row for row in table(found.folder) if row["phase"] == "time"]
    times = [float(row["time_s"]) for row in rows]
    assert times == sorted(times)
    assert (times[0], times[-1]) == (1, 365 * 86400)
    at_evaluation = next(row for row in rows if row["time_s"] == "86400")
    kept = (row for row in table(found.folder) if row["accepted"] == "yes")
    last = [row for row in kept if row["phase"] == "search"][-1]
    assert at_evaluation["mean_percent"] == last["mean_percent"]  # the same devices


def test_the_mapping_says_how_it_came_about(found: Found) -> None:
    provenance = read_mapping_file(found.folder / "mapping.json").provenance
    assert provenance["command"] == "aimc map mlp"
    assert provenance["strategy"] == "macs"
    assert provenance["drop_points"] == 3.0
    assert provenance["dataset"] == "digits"
    checksums, search_settings = provenance["checksums"], provenance["search"]
    assert isinstance(checksums, dict)
    splits = {f"{name}_split" for name in ("train", "calibration", "validation", "test")}
    assert splits | {"dataset", "weights"} == set(checksums)
    assert len(set(checksums.values())) == len(checksums)
    assert isinstance(search_settings, dict)
    assert search_settings["repetitions"] == 2
    for key in ("noise", "tile", "libraries", "threads", "conductances"):
        assert key in provenance


def test_its_picture_is_a_png(found: Found) -> None:
    data = (found.folder / "accuracy.png").read_bytes()
    assert data.startswith(b"\x89PNG")
    assert len(data) > 20_000


def test_a_run_uses_the_retrained_weights_and_the_conductances(found: Found) -> None:
    mapping = found.folder / "mapping.json"
    config = run_config("mlp", mapping=str(mapping))
    prepared = prepare(config)
    assert prepared.model.checkpoint == found.folder / "mlp.safetensors"
    assert prepared.mapped is not None
    assert list(prepared.mapped.analog) == found.summary["analog_layers"]
    inputs = inputs_of(config.run)
    assert {"mapping", "mapping/checkpoint"} <= set(inputs)
    shipped = prepare(run_config("mlp"))
    assert shipped.model.checkpoint != prepared.model.checkpoint


def test_the_simulated_mapping_predicts_as_the_search_evaluated(found: Found) -> None:
    """Without converter noise, on the whole test split, image by image."""
    config = run_config("mlp", mapping=str(found.folder / "mapping.json"))
    prepared = prepare(config)
    assert prepared.mapped is not None
    assert prepared.samples.labels is not None
    reference = top1(infer_plan(prepared.mapped, config.system, prepared.images))
    loop = loop_config("search.drop_points=3")
    silent = loop.noise.model_copy(update={"output_noise": 0.0})
    evaluator = Evaluator(
        prepared.network,
        prepared.samples.images,
        prepared.samples.labels,
        system=with_noise(config.system, silent),
        noise=silent,
        threads=1,
    )
    predicted = evaluator.predictions(
        found.summary["analog_layers"],
        t_s=loop.noise.t_eval_s,
        seed=loop.search.seed + TEST_SEED,
        repetition=0,
    )
    assert np.mean(predicted != reference) < 0.01  # float32 sums; a tie may fall the other way


def test_named_weights_come_before_the_mappings(found: Found) -> None:
    workload = workload_for("mlp")
    assert workload is not None
    shipped = workload.checkpoint_path()
    config = run_config("mlp", mapping=str(found.folder / "mapping.json"), checkpoint=str(shipped))
    with pytest.raises(MappingError, match="other weights"):
        prepare(config)


def test_a_checkpoint_must_be_there_and_inside_the_folder(found: Found, tmp_path: Path) -> None:
    content = json.loads((found.folder / "mapping.json").read_text())
    mapping = tmp_path / "mapping.json"
    for name, message in (
        ("gone.safetensors", "does not exist"),
        ("../x.safetensors", "leaves"),
        ("/etc/passwd", "leaves"),
    ):
        mapping.write_text(json.dumps(content | {"checkpoint": name}))
        with pytest.raises(MappingError, match=f"checkpoint .*{message}"):
            checkpoint_file(mapping, "mlp")
    mapping.write_text(json.dumps(content | {"checkpoint": 3}))
    with pytest.raises(MappingError, match="checkpoint"):
        checkpoint_file(mapping, "mlp")
    with pytest.raises(MappingError, match="for the network 'mlp'"):
        checkpoint_file(found.folder / "mapping.json", "lenet5")


def test_an_equal_search_is_served_and_another_replaces_it(found: Found) -> None:
    progress = Heard()
    again = search(found.folder, "search.drop_points=3", progress=progress)
    assert again.earlier
    assert again.summary == found.summary
    assert progress.notes == []


def test_the_same_search_finds_the_same(found: Found, tmp_path: Path) -> None:
    again = search(tmp_path / "mapping", "search.drop_points=3")
    assert files(again.folder) == files(found.folder)


def test_another_folder_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("keep")
    with pytest.raises(HarnessError, match="not the result of a search"):
        search(tmp_path / "mine")
    assert (tmp_path / "mine" / "notes.txt").read_text() == "keep"


def test_without_retraining_the_weights_stay(tmp_path: Path) -> None:
    found = search(tmp_path / "m", "search.warmup_epochs=0", "search.retrain_epochs=0")
    assert not [row for row in table(found.folder) if row["phase"] == "warm-up"]
    retrained = load_task(run_config("mlp", checkpoint=str(found.folder / "mlp.safetensors")))
    shipped = load_task(run_config("mlp"))
    for a, b in zip(retrained.graph.nodes, shipped.graph.nodes, strict=True):
        if hasattr(a, "weight") and hasattr(b, "weight"):
            np.testing.assert_allclose(a.weight, b.weight, rtol=1e-3, atol=1e-6)


def test_what_breaks_the_bound_is_rolled_back_with_its_weights(tmp_path: Path) -> None:
    """Noise that no layer survives: everything stays digital, and so do the weights."""
    found = search(
        tmp_path / "m",
        "search.drop_points=0.5",
        "search.warmup_epochs=0",
        "noise.prog_noise_scale=40",
    )
    assert found.summary["analog_layers"] == []
    content = read_mapping_file(found.folder / "mapping.json")
    assert set(content.layers.values()) == {"digital"}
    assert content.conductances is None
    retrained = load_task(run_config("mlp", checkpoint=str(found.folder / "mlp.safetensors")))
    weights = [n.weight for n in load_task(run_config("mlp")).graph.nodes if n.name == "fc1"]  # type: ignore[attr-defined]
    after = [n.weight for n in retrained.graph.nodes if n.name == "fc1"]  # type: ignore[attr-defined]
    np.testing.assert_allclose(after[0], weights[0], rtol=1e-3, atol=1e-6)
    prepared = prepare(run_config("mlp", mapping=str(found.folder / "mapping.json")))
    assert prepared.mapped is not None
    assert not prepared.mapped.analog


def test_layers_without_a_tile_stay_digital(tmp_path: Path) -> None:
    progress = Heard()
    config = run_config("mlp", "system.tiles=2")
    found = search(tmp_path / "m", "search.drop_points=50", config=config, progress=progress)
    assert found.summary["analog_layers"] == ["fc1", "fc2"]
    assert "fc3: no tiles left, digital" in progress.notes


def test_benefit_converts_only_what_saves_time(tmp_path: Path) -> None:
    """Tiles so slow that they never pay, and tiles that always do."""
    slow = run_config("mlp", "system.tile.crossbar_latency_ns=1000000")
    found = search(tmp_path / "slow", "search.strategy=benefit", config=slow)
    assert found.summary["analog_layers"] == []
    assert not [row for row in table(found.folder) if row["phase"] == "search"]
    quick = run_config(
        "mlp", "system.tile.crossbar_latency_ns=0", "system.tile.io=dma", "system.attach=core"
    )
    found = search(
        tmp_path / "quick",
        "search.strategy=benefit",
        "search.drop_points=20",
        "search.costly_layers=true",
        config=quick,
    )
    assert len(found.summary["analog_layers"]) == 3
    alone = [row["layer"] for row in table(found.folder) if row["phase"] == "alone"]
    assert sorted(alone) == ["fc1", "fc2", "fc3"]


def test_sensitivity_tries_the_least_sensitive_first(tmp_path: Path) -> None:
    found = search(
        tmp_path / "m",
        "search.strategy=sensitivity",
        "search.drop_points=4",
        "noise.prog_noise_scale=6",
    )
    rows = table(found.folder)
    alone = {r["layer"]: float(r["divergence_nats"]) for r in rows if r["phase"] == "alone"}
    tried = [alone[row["layer"]] for row in rows if row["phase"] == "search"]
    assert len(tried) == 3
    assert tried == sorted(tried)
    assert tried[0] > 0
    measured = [row for row in rows if row["phase"] in ("alone", "digital")]
    assert {row["images"] for row in measured if row["split"] == "validation"} == {"40"}
    assert not any(row["divergence_nats"] for row in rows if row["phase"] != "alone")


def test_the_work_left_is_told(tmp_path: Path) -> None:
    progress = Heard()
    search(tmp_path / "m", progress=progress)
    shares = [done / total for done, total, _ in progress.work_done if total]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)


def test_untrained_networks_and_missing_data_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no trained weights"):
        search(tmp_path / "m", config=run_config("alexnet", input_size=224))
    with pytest.raises(DataError, match="checkpoint"):
        search(
            tmp_path / "m", config=run_config("mlp", checkpoint=str(tmp_path / "no.safetensors"))
        )
    onnx = own_network(tmp_path)
    with pytest.raises(DataError, match="labelled images"):
        search(tmp_path / "m", config=run_config(str(onnx)))
    images = np.zeros((8, 1, 8, 8), np.float32)
    np.savez(tmp_path / "unlabelled.npz", images=images)
    with pytest.raises(DataError, match="no labelled images"):
        search(
            tmp_path / "m",
            config=run_config(str(onnx), dataset=str(tmp_path / "unlabelled.npz")),
        )
    assert not (tmp_path / "m").exists()


def own_network(folder: Path) -> Path:
    path = folder / "own.onnx"
    path.write_bytes(to_onnx(fold(load_task(run_config("mlp")).graph)).SerializeToString())
    return path


def test_a_users_network_is_mapped_without_retraining(tmp_path: Path) -> None:
    task = load_task(run_config("mlp"))
    labelled = task.validation
    np.savez(tmp_path / "own.npz", images=labelled.images, labels=labelled.labels)
    onnx = own_network(tmp_path)
    config = run_config(str(onnx), dataset=str(tmp_path / "own.npz"))
    found = search(tmp_path / "m", "search.drop_points=5", config=config)
    assert found.summary["analog_layers"]
    assert read_mapping_file(found.folder / "mapping.json").checkpoint is None
    rows = {row["split"]: int(row["images"]) for row in table(found.folder)}
    assert rows == {"validation": 58, "test": 58}  # of 180, 64 calibrate
    run = load_config(
        system="alpine-hp",
        run={
            "model": str(onnx),
            "dataset": str(tmp_path / "own.npz"),
            "mapping": str(found.folder / "mapping.json"),
            "images": 1,
        },
    )
    assert prepare(run).mapped is not None


def test_a_user_may_ask_for_one_repetition(tmp_path: Path) -> None:
    found = search(tmp_path / "m", "search.repetitions=1")
    mapped = [row for row in found.summary["accuracy"] if row["phase"] == "test"]
    assert [row["deviation_points"] for row in mapped] == [None, None, None]
    assert 50 < fmean(row["mean_percent"] for row in mapped) <= 100


def test_several_bounds_find_what_each_finds_alone(tmp_path: Path) -> None:
    """Every trial is made once, and what is left is what single searches leave."""
    settings = ("search.confidence=0.8", "noise.prog_noise_scale=8", "search.retrain_epochs=0.05")
    outs = {drop: tmp_path / f"several-{drop:g}" for drop in (0.5, 2.0, 20.0)}
    progress = Heard()
    several = search_several(outs, *settings, state=tmp_path / "state", progress=progress)
    assert {path.name for path in tmp_path.iterdir()} == {out.name for out in outs.values()}
    analog = [len(found.summary["analog_layers"]) for found in several]
    assert analog == sorted(analog)
    assert analog[0] < analog[-1]
    known = [text for text in progress.notes if "measured before" in text]
    assert known
    for found in several:
        drop = found.summary["drop_points"]
        assert found.folder == outs[drop]
        alone = search(tmp_path / f"alone-{drop:g}", *settings, f"search.drop_points={drop}")
        assert files(alone.folder) == files(found.folder)
    again = search_several(outs, *settings, state=tmp_path / "state")
    assert all(found.earlier for found in again)


def test_a_confidence_leaves_a_margin(tmp_path: Path) -> None:
    settings = ("search.warmup_epochs=0", "search.drop_points=3", "noise.prog_noise_scale=4")
    sure = search(tmp_path / "sure", *settings, "search.confidence=0.95")
    assert sure.summary["confidence"] == 0.95
    for row in table(sure.folder):
        if row["accepted"] == "yes":
            assert float(row["lost_points"]) + float(row["lost_error_points"]) < 3
    plain, half = (
        search(tmp_path / name, *settings, *more)
        for name, more in (("plain", ()), ("half", ("search.confidence=0.5",)))
    )
    assert half.summary["analog_layers"] == plain.summary["analog_layers"]
    assert (half.folder / "accuracy.csv").read_bytes() == (
        plain.folder / "accuracy.csv"
    ).read_bytes()


def rows_rolled_back(rows: list[dict[str, str]]) -> int:
    return sum((r["phase"], r["accepted"]) == ("confirmation", "no") for r in rows)


def test_what_other_devices_do_not_confirm_is_rolled_back(tmp_path: Path) -> None:
    """One set of devices decides, badly; ten others say which layers may stay."""
    settings = (
        "search.repetitions=1",
        "search.confirm_repetitions=10",
        "search.warmup_epochs=0",
        "search.retrain_epochs=0.1",
        "search.drop_points=3",
        "noise.prog_noise_scale=5",
    )
    rolled_back = compared = 0
    for seed in (3, 4, 5):
        found = search(tmp_path / str(seed), *settings, f"search.seed={seed}")
        rows, bound = table(found.folder), found.summary["bound_percent"]
        kept = [r["layer"] for r in rows if r["phase"] == "search" and r["accepted"] == "yes"]
        for row in (row for row in rows if row["phase"] == "confirmation"):
            assert row["repetitions"] == "10"
            assert row["layer"] == kept[-1]
            assert int(row["analog_layers"]) == len(kept)
            holds = float(row["mean_percent"]) >= bound
            assert row["accepted"] == ("yes" if holds else "no")
            if holds:
                break
            kept.pop()
        else:
            assert not kept
        assert sorted(kept) == sorted(found.summary["analog_layers"])
        confirmed = [r for r in found.summary["accuracy"] if r["phase"] == "confirmation"]
        assert len(confirmed) == bool(kept)
        time = next(r for r in rows if r["phase"] == "time" and r["time_s"] == "86400")
        assert int(time["analog_layers"]) == len(kept)
        if kept and rows_rolled_back(rows):
            # Where no tile is left for more layers, their weights were never made.
            few = run_config("mlp", f"system.tiles={len(kept)}")
            short = search(tmp_path / f"few-{seed}", *settings, f"search.seed={seed}", config=few)
            assert short.summary["analog_layers"] == found.summary["analog_layers"]
            assert not rows_rolled_back(table(short.folder))
            weights = [load_file(one.folder / "mlp.safetensors") for one in (found, short)]
            for name, array in weights[0].items():
                np.testing.assert_array_equal(array, weights[1][name])
            compared += 1
        rolled_back += rows_rolled_back(rows)
    assert rolled_back > 0
    assert compared > 0


def test_a_search_may_do_without_confirmation(tmp_path: Path) -> None:
    found = search(tmp_path / "m", "search.confirm_repetitions=0")
    assert found.summary["analog_layers"]
    assert not [row for row in table(found.folder) if row["phase"] == "confirmation"]
