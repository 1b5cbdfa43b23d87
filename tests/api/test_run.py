"""`aimc.run` gives what the report gives, and shares its runs with the command line."""

from __future__ import annotations

import csv
import json
import math
import os
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

import aimc
from aimc.cli.app import app
from aimc.notebook import result_html
from harness.errors import ConfigError, StatsError


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def result(out: Path) -> aimc.Result:
    few_tiles = {"system.tiles": 2, "system.tile.io": "dma", "run.fp32_baseline": True}
    return aimc.run("mlp", images=3, out=out, set=few_tiles)


@pytest.fixture(scope="module")
def digital(out: Path) -> aimc.Result:
    return aimc.run("mlp", mapping="digital", images=3, out=out)


def summary(result: aimc.Result) -> dict[str, object]:
    return json.loads((result.folder / "result.json").read_text())["summary"]  # type: ignore[no-any-return]


def test_the_gains_are_those_of_the_file(result: aimc.Result, digital: aimc.Result) -> None:
    assert not result.served
    assert result.speed_up == summary(result)["speed_up"]
    assert result.energy_gain == summary(result)["energy_gain"]
    assert (digital.speed_up, digital.energy_gain) == (None, None)
    assert summary(digital)["speed_up"] is None


def test_layers_are_those_of_the_csv(result: aimc.Result) -> None:
    layers = result.layers
    with (result.folder / "layers.csv").open() as stream:
        rows = [row for row in csv.DictReader(stream) if row["layer"] != "TOTAL"]
    for program, prefix in (("digital", "digital"), ("mapped", "mapped"), ("fp32", "fp32")):
        of_program = [row for row in rows if row["program"] == program]
        assert [row["layer"] for row in of_program] == list(layers.index)
        for name in ("time_ns", "cycles", "energy_pj"):
            assert layers[f"{prefix}_{name}"].tolist() == [float(row[name]) for row in of_program]
    mapped = [row for row in rows if row["program"] == "mapped"]
    for column, name in (("unit", "unit"), ("operator", "op")):
        assert layers[column].tolist() == [row[name] for row in mapped]
    for name in ("tiles", "macs", "speed_up", "energy_gain", "time_over_bound"):
        expected = [float(row[name] or "nan") for row in mapped]
        pd.testing.assert_series_equal(
            layers[name], pd.Series(expected, layers.index, name=name), check_dtype=False
        )
    assert set(layers["unit"]) == {"analog", "digital"}
    kept = layers["why_digital"] != ""
    assert kept.tolist() == (layers["unit"] == "digital").tolist()


@pytest.mark.parametrize("program", ["digital", "mapped"])
def test_parts_of_a_layer_sum_to_it(result: aimc.Result, program: str) -> None:
    layers = result.layers.filter(like=f"{program}_")
    for unit in ("time_ns", "energy_pj"):
        whole = layers[f"{program}_{unit}"]
        parts = layers.filter(regex=f"_{unit}$").drop(columns=whole.name)
        assert parts.shape[1] in (4, 5)
        pd.testing.assert_series_equal(parts.sum(axis="columns"), whole, check_names=False)


def test_totals_are_those_of_the_csv(result: aimc.Result) -> None:
    with (result.folder / "layers.csv").open() as stream:
        rows = [row for row in csv.DictReader(stream) if row["layer"] == "TOTAL"]
    totals = result.totals
    assert list(totals.index) == [row["program"] for row in rows] == ["digital", "mapped", "fp32"]
    for name in ("time_ns", "cycles", "energy_pj", "macs", "tiles"):
        assert totals[name].tolist() == [float(row[name]) for row in rows]
    assert totals.loc["mapped", "speed_up"] == result.speed_up


def test_totals_give_the_speed_up(result: aimc.Result) -> None:
    sums = result.layers[["digital_time_ns", "mapped_time_ns"]].sum()
    assert result.speed_up == pytest.approx(sums["digital_time_ns"] / sums["mapped_time_ns"])


def test_an_all_digital_run_has_no_mapped_figures(digital: aimc.Result) -> None:
    layers = digital.layers
    assert layers.filter(like="mapped_").isna().all(axis=None)
    assert layers[["speed_up", "energy_gain", "time_over_bound"]].isna().all(axis=None)
    assert set(layers["unit"]) == {"digital"} and set(layers["tiles"]) == {0}
    assert (layers["digital_time_ns"] > 0).all()


def test_accuracy_is_a_table_and_empty_without_labels(result: aimc.Result) -> None:
    table = result.accuracy
    assert result.comparison.accuracy is not None
    assert table["what"].tolist()[0] == "float network"
    assert (table["accuracy_percent"] == 100 * table["correct"] / table["images"]).all()
    unknown = replace(result, comparison=replace(result.comparison, accuracy=None))
    assert unknown.accuracy.empty and list(unknown.accuracy.columns) == list(table.columns)
    assert "not evaluated" in unknown.statements[0]


def test_a_result_is_shown_briefly_and_printed_in_full(
    result: aimc.Result, digital: aimc.Result
) -> None:
    assert re.fullmatch(
        r"<aimc.Result mlp on alpine-hp.modified: analog, speed-up [\d.]+x, energy gain [\d.]+x; "
        r"'.*/mlp-analog-[0-9a-f]{12}'>",
        repr(result),
    )
    assert "all-digital" in repr(digital)
    assert "Outputs equal the integer reference, byte for byte" in str(result)
    assert str(result).startswith("mlp: input")


def test_html_has_the_figures_and_escapes_names(result: aimc.Result, digital: aimc.Result) -> None:
    html = result._repr_html_()
    assert html.count("<tr>") == 1 + len(result.layers) + 1
    assert "speed-up" in html and "speed-up" not in digital._repr_html_()
    evil = "<script>alert('&')</script>"
    comparison = result.comparison
    mapped = comparison.mapped
    assert mapped is not None
    layers = tuple(replace(layer, name=evil, unit="digital") for layer in mapped.layers)
    hostile = replace(
        comparison,
        model=replace(comparison.model, name=evil),
        mapped=replace(mapped, layers=layers * 20),
    )
    html = result_html(hostile, Path(evil))
    assert "<script" not in html and html.count("&lt;script&gt;") >= 30
    assert f"{len(layers) * 20 - 30} more" in html


def test_a_loaded_result_is_the_same(result: aimc.Result, tmp_path: Path) -> None:
    loaded = aimc.load_result(str(result.folder))
    assert loaded.served and loaded.comparison == result.comparison
    with pytest.raises(StatsError, match="no such file"):
        aimc.load_result(tmp_path)
    broken = tmp_path / "broken"
    shutil.copytree(result.folder, broken)
    text = (broken / "result.json").read_text()
    (broken / "result.json").write_text(text.replace('"images": 3', '"images": 4', 1))
    with pytest.raises(StatsError, match="checksum"):
        aimc.load_result(broken)


def command_line(*arguments: str) -> str:
    finished = CliRunner().invoke(app, list(arguments))
    assert finished.exit_code == 0, finished.exception
    return finished.output


def test_the_command_line_is_served_what_python_ran() -> None:
    first = aimc.run("mlp", images=2, set={"system.tile.io": "dma", "run.warmup": 0})
    (told,) = first.comparison.manifest.command
    assert told == ("aimc.run('mlp', images=2, set={'system.tile.io': 'dma', 'run.warmup': 0})")
    settings = ("--set", "system.tile.io=dma", "--set", "run.warmup=0")
    said = command_line("run", "mlp", "--images", "2", *settings)
    assert f"Run folder: {first.folder} (from an earlier, equal run" in said
    again = aimc.run(
        "mlp",
        mapping="analog",
        system="alpine-hp",
        engine="embedded",
        out=Path("runs"),
        set={"run.images": 2, "run.warmup": "0", "system.tile.io": "dma"},
    )
    assert again.served and again.folder == first.folder
    assert os.listdir("runs") == [first.folder.name]


def test_python_is_served_what_the_command_line_ran(capfd: pytest.CaptureFixture[str]) -> None:
    command_line("run", "mlp", "--images", "1", "--out", "here")
    capfd.readouterr()
    assert aimc.run("mlp", images=1, out="here").served
    assert not aimc.run("mlp", images=1, out="here", fresh=True).served
    assert capfd.readouterr() == ("", "")


def test_progress_is_told_on_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    aimc.run("mlp", images=1, mapping="digital", progress=True)
    said = capfd.readouterr()
    assert said.out == "" and "simulating the digital program ..." in said.err


def test_presets_and_models_are_tables() -> None:
    presets = aimc.presets()
    assert {"system", "tile", "noise"} <= set(presets["section"])
    assert (presets["source"].str.len() > 0).all()
    hermes = aimc.presets("tile", "hermes-256").set_index("key")
    assert hermes.loc["rows", "value"] == 256
    assert hermes.loc["adc_latency_ns", "unit"] == "ns"
    for arguments, says in (
        (("tyle",), "'tile'"),
        (("tile", "gold"), "gold"),
        ((None, "x"), "sec"),
    ):
        with pytest.raises(ConfigError, match=says):
            aimc.presets(*arguments)
    models = aimc.models()
    assert models.loc["lenet5", "input_shape"] == (1, 1, 32, 32)
    assert models.loc["vgg16", "other_sizes"] == (224,)
    assert models.loc["lenet5", "trained_on"] == "digits"
    assert not math.isnan(models.loc["lenet5", "test_accuracy_percent"])
