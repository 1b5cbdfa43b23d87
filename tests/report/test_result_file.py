"""result.json reads back as what was written, or is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.config.load import values_hash
from harness.errors import StatsError
from harness.report.comparison import Comparison
from harness.report.result_file import digest, read_result, result_text
from tests.report.comparisons import comparison, renamed, with_fp32

TEXT = result_text(comparison())
RESULTS = sorted((Path(__file__).parents[2] / "results").glob("*/*/result.json"))


def read_text(folder: Path, text: str | bytes) -> Comparison:
    path = folder / "result.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    return read_result(path)


def refusal(folder: Path, text: str | bytes) -> str:
    with pytest.raises(StatsError) as caught:
        read_text(folder, text)
    assert caught.value.where == str(folder / "result.json")
    return caught.value.what


@pytest.mark.parametrize(
    "original",
    [
        comparison(),
        comparison(30, long_names=True, random=True),
        comparison(mapped=False),
        with_fp32(comparison()),
        renamed(comparison(random=True), 'a "quoted"\n../\x1b[31m ☃ name'),
    ],
    ids=["mapped", "random", "digital only", "fp32", "hostile name"],
)
def test_round_trip(tmp_path: Path, original: Comparison) -> None:
    read = read_text(tmp_path, result_text(original))
    assert read == original
    assert result_text(read) == result_text(original)


def test_the_summary_compares_with_fp32() -> None:
    assert json.loads(TEXT)["summary"]["over_fp32"] == {}
    summary = json.loads(result_text(with_fp32(comparison())))["summary"]
    over = summary["over_fp32"]
    assert over["digital"]["speed_up"] == pytest.approx(4)
    assert over["analog"]["speed_up"] == pytest.approx(4 * summary["speed_up"])
    assert over["fp32"]["speed_up"] == 1


def test_the_summary_is_what_a_script_needs() -> None:
    content = json.loads(TEXT)
    digital, analog = content["summary"]["programs"].values()
    assert content["summary"]["speed_up"] == digital["time_ns"] / analog["time_ns"]
    assert content["summary"]["energy_gain"] == digital["energy_pj"] / analog["energy_pj"]
    assert sum(digital["cycles_by_cause"].values()) == digital["cycles"]
    assert content["summary"]["weights"] == "trained"
    assert "98.00 % (980 of 1000)" in content["statements"]["accuracy"]


def test_random_weights_are_said_in_words() -> None:
    content = json.loads(result_text(comparison(random=True)))
    assert content["summary"]["weights"] == "random"
    assert "no accuracy is given" in content["statements"]["accuracy"]


def test_figures_that_are_not_finite_are_not_written() -> None:
    original = comparison()
    broken = replace(original.digital, host_seconds=float("nan"))
    with pytest.raises(StatsError, match="not finite"):
        result_text(replace(original, digital=broken))


def test_files_that_are_not_results(tmp_path: Path) -> None:
    with pytest.raises(StatsError, match="no such file"):
        read_result(tmp_path / "missing.json")
    with pytest.raises(StatsError, match="a folder, not a regular file"):
        read_result(tmp_path)
    assert "truncated" in refusal(tmp_path, "")
    assert "truncated" in refusal(tmp_path, b"\xff\xfe")
    assert "truncated" in refusal(tmp_path, "[" * 100_000)
    assert "twice" in refusal(tmp_path, '{"schema": 1, "schema": 1}')
    assert "NaN is not JSON" in refusal(tmp_path, '{"schema": NaN}')
    assert "1e999 is out of range" in refusal(tmp_path, '{"schema": 1e999}')
    for foreign in ("[]", "3", "{}", '{"schema": "other"}', "null"):
        assert "not a result of this program" in refusal(tmp_path, foreign)


def version_3() -> dict[str, Any]:
    """``TEXT`` as it was before configurations had ``run.placement``."""
    content: dict[str, Any] = json.loads(TEXT)
    content["version"] = 3
    parts = content["comparison"]
    del parts["config"]["run"]["placement"]
    parts["manifest"]["config_hash"] = values_hash(parts["config"])
    for layer in parts["plan"]["analog_layers"]:
        del layer["copies"], layer["reloaded"]
    return content


def sealed(content: dict[str, Any]) -> str:
    content = {key: value for key, value in content.items() if key != "sha256"}
    return json.dumps({**content, "sha256": digest(content)})


def test_results_of_version_3_were_resident(tmp_path: Path) -> None:
    assert read_text(tmp_path, sealed(version_3())) == comparison()
    other = version_3()
    other["comparison"]["config"]["run"]["seed"] = 99
    assert "another configuration" in refusal(tmp_path, sealed(other))
    for key in ("config", "manifest", "plan"):
        broken = version_3()
        broken["comparison"][key] = [3]
        assert "impossible content" in refusal(tmp_path, sealed(broken))
    broken = version_3()
    broken["comparison"] = 3
    assert "impossible content" in refusal(tmp_path, sealed(broken))


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.parent.name)
def test_the_results_in_the_repository_can_be_read(path: Path) -> None:
    read = read_result(path)
    assert read.config.run.placement == "resident"
    assert json.loads(result_text(read))["summary"] == json.loads(path.read_text())["summary"]


def changed(edit: Callable[[dict[str, Any]], object], *, with_checksum: bool = True) -> str:
    """The file after ``edit``; its checksum made good again, so that later checks are met."""
    content = json.loads(TEXT)
    edit(content)
    if with_checksum:
        content.pop("sha256", None)
        content["sha256"] = digest(content)
    return json.dumps(content)


def test_edits_are_noticed_by_the_checksum(tmp_path: Path) -> None:
    def edit(content: dict[str, Any]) -> None:
        content["comparison"]["digital"]["layers"][0]["time_ns"] += 1.0

    assert "checksum" in refusal(tmp_path, changed(edit, with_checksum=False))


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda c: c.update(version=1), "version 1"),
        (lambda c: c.update(extra=1), "exactly the keys"),
        (lambda c: c["comparison"].pop("manifest"), "impossible content at manifest"),
        (lambda c: c["comparison"].update(extra=1), "does not know"),
        (lambda c: c["comparison"]["model"].update(extra=1), "does not know"),
        (lambda c: c["comparison"]["model"].update(macs="5"), "model.macs"),
        (lambda c: c["comparison"]["model"].update(random_weights=True), "have no accuracy"),
        (lambda c: c["comparison"]["digital"].update(host_seconds=None), "host_seconds"),
        (lambda c: c["comparison"]["config"]["system"]["tile"].update(rows=0), "tile.rows"),
        (lambda c: c["comparison"]["config"]["run"].update(seed=99), "another configuration"),
        (lambda c: c["comparison"]["outputs"][0].update(mismatches=1), "output bytes differ"),
        (lambda c: c["comparison"]["outputs"].pop(), "were not compared"),
        (lambda c: c["comparison"].update(plan=None), "needs a plan"),
        (lambda c: c["summary"].update(speed_up=100.0), "does not follow"),
        (lambda c: c["comparison"]["digital"].update(peak_macs_per_cycle=0), "does not follow"),
    ],
)
def test_impossible_content_is_refused(
    tmp_path: Path, edit: Callable[[dict[str, Any]], object], message: str
) -> None:
    assert message in refusal(tmp_path, changed(edit))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.integers(0, len(TEXT) - 2))
def test_every_truncation_is_refused(tmp_path: Path, length: int) -> None:
    refusal(tmp_path, TEXT[:length])


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.integers(0, len(TEXT) - 2), st.characters(codec="ascii"))
def test_a_changed_character_is_refused_or_means_the_same(
    tmp_path: Path, position: int, character: str
) -> None:
    text = TEXT[:position] + character + TEXT[position + 1 :]
    try:
        read = read_text(tmp_path, text)
    except StatsError:
        return
    assert result_text(read) == TEXT  # white space only


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.binary(max_size=100) | st.text(max_size=100).map(lambda text: text.encode()))
def test_any_bytes_are_refused(tmp_path: Path, data: bytes) -> None:
    refusal(tmp_path, data)
