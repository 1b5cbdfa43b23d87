"""`aimc.search` finds what `aimc map --drop` finds, under one bound or several."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from typer.testing import CliRunner

import aimc
from aimc.cli.app import app
from harness.errors import EngineError, HarnessError, MappingError
from tests.engines.gem5.fake_gem5 import fake_gem5

QUICK = {
    "search.validation_images": 60,
    "search.warmup_epochs": 0.1,
    "search.retrain_epochs": 0,
    "search.repetitions": 2,
}


def test_a_found_mapping_is_served_to_both_and_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    found = aimc.search("mlp", 3, threads=1, set=QUICK)
    assert not found.served and found.drop_points == 3
    assert found.folder == Path("mappings/mlp-macs-3")
    assert found.analog_layers
    assert found.summary["provenance"]["command"].startswith("aimc.search('mlp', drop=3, set={")
    assert repr(found).startswith("<aimc.SearchResult mlp, 3 points: ")
    with (found.folder / "accuracy.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    table = found.accuracy
    assert table["phase"].tolist() == [row["phase"] for row in rows]
    assert table["mean_percent"].tolist() == [float(row["mean_percent"]) for row in rows]
    assert table["accepted"].eq(True).sum() == [row["accepted"] for row in rows].count("yes")
    settings = [part for key, value in QUICK.items() for part in ("--set", f"{key}={value}")]
    again = CliRunner().invoke(app, ["map", "mlp", "--drop", "3", "--threads", "1", *settings])
    assert again.exit_code == 0 and "found earlier" in again.output
    result = aimc.run("mlp", mapping=found.mapping, images=1)
    analog = result.layers.query("unit == 'analog'")
    assert set(analog.index) == set(found.analog_layers)
    monkeypatch.setattr("harness.accuracy.result.broken_bound", lambda _: "it is broken")
    with pytest.raises(MappingError, match=r"no mapping holds the bound: it is broken\n.*drop="):
        aimc.search("mlp", 3, threads=1, set=QUICK)
    found.folder.joinpath("accuracy.csv").write_text("phase\n")
    with pytest.raises(HarnessError, match=r"accuracy\.csv: the table of a search cannot be read"):
        found.accuracy  # noqa: B018


def test_several_bounds_give_results_by_bound() -> None:
    found = aimc.search("mlp", [1, 30.0], threads=1, set=QUICK, out="found")
    assert list(found) == [1.0, 30.0]
    assert [result.folder.name for result in found.values()] == ["mlp-macs-1", "mlp-macs-30"]
    assert all(result.mapping.is_file() for result in found.values())


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"drop": 101}, "drop_points"),
        ({"drop": [1, 101]}, "drop_points"),
        ({"drop": []}, "drop=: no bound is given"),
        ({"drop": None}, "drop_points"),
        ({"drop": [1, None]}, "drop_points"),
        ({"strategy": "best"}, "valid: macs"),
        ({"noise": "loud"}, "no noise preset 'loud'"),
        ({"preset": "dog"}, "no search preset 'dog'"),
        ({"threads": 0}, "threads=: 0 is not in the range"),
        ({"t_eval_s": -1}, "t_eval_s"),
        ({"dataset": "nowhere"}, "nowhere"),
        ({"gem5": "nowhere"}, r"gem5=: the engine is embedded.*set\['run.engine'\]"),
        ({"set": {"run.images": 2}}, r"set\['run.images'\]: this function does not use it"),
        ({"set": {"search.drop_points": 2}}, "an argument says it already"),
        ({"strategy": "macs", "set": {"search.strategy": "macs"}}, "an argument says it already"),
        ({"set": {"search.speed": 2}}, "unknown key 'speed'"),
    ],
    ids=str,
)
def test_what_is_impossible_is_refused(
    arguments: dict[str, object], says: str, empty_folder: Path
) -> None:
    with pytest.raises(HarnessError, match=f"(?s){says}"):
        aimc.search("mlp", **arguments)  # type: ignore[call-overload]
    assert list(empty_folder.iterdir()) == []


def test_the_named_gem5_simulates_the_savings(empty_folder: Path) -> None:
    program = fake_gem5(empty_folder / "own_gem5", f"touch {empty_folder}/started; exit 7")
    arguments = {"strategy": "benefit", "threads": 1, "set": QUICK | {"run.engine": "gem5"}}
    with pytest.raises(EngineError, match="no gem5"):
        aimc.search("mlp", 3, **arguments)  # type: ignore[call-overload]
    with pytest.raises(EngineError, match="7"):
        aimc.search("mlp", 3, **arguments, gem5=program)  # type: ignore[call-overload]
    assert (empty_folder / "started").exists()
