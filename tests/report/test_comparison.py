"""A comparison that contradicts itself cannot be made."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from harness.config.load import config_hash, load_config
from harness.errors import MismatchError, StatsError
from harness.report.comparison import (
    AccuracyEntry,
    accuracy_statement,
    outputs_statement,
)
from harness.report.manifest import collect_manifest
from harness.report.terminal import format_report
from tests.report.comparisons import ACCURACY, CONFIG, comparison
from tests.stats.runs import ADD, run


def test_random_weights_have_no_accuracy() -> None:
    original = comparison(random=True)
    with pytest.raises(StatsError, match="random weights have no accuracy"):
        replace(original, accuracy=ACCURACY)
    assert "random" in accuracy_statement(original)
    assert "%" not in accuracy_statement(original)


def test_accuracy_in_words() -> None:
    text = accuracy_statement(comparison())
    assert "largest of 10 values against labels 0 to 9:" in text
    assert "float network 98.00 % (980 of 1000)" in text
    assert "analog, simulated 100.00 % (2 of 2)" in text
    assert "tie" not in text
    assert "WARNING" not in text
    silent = replace(comparison(), accuracy=None, no_accuracy="the output is a map")
    assert "not evaluated (the output is a map)" in accuracy_statement(silent)


def test_ties_and_a_final_softmax_are_told() -> None:
    entry = AccuracyEntry("digital, reference", 7, 8, 3)
    accuracy = replace(ACCURACY, entries=(entry,), softmax="LogSoftmax")
    original = comparison()
    told = replace(
        original, accuracy=accuracy, model=replace(original.model, left_out="LogSoftmax")
    )
    text = accuracy_statement(told)
    assert "largest of 10 values before the final LogSoftmax against" in text
    assert "digital, reference 87.50 % (7 of 8, 3 ties)" in text
    assert "the first of the classes" in text
    assert "LogSoftmax is left out of the programs" in outputs_statement(told)
    assert "left out" not in outputs_statement(original)


@pytest.mark.parametrize(
    ("correct", "doubted"), [(0, True), (100, True), (118, True), (119, False)]
)
def test_a_float_network_at_chance_is_warned_of(correct: int, doubted: bool) -> None:
    guessing = AccuracyEntry("float network", correct, 1000, 0)
    told = replace(comparison(), accuracy=replace(ACCURACY, float_network=guessing))
    for text in (accuracy_statement(told), format_report(told)):
        assert ("no better than guessing one of" in " ".join(text.split())) == doubted


def test_outputs_in_words() -> None:
    assert "digital 20 bytes of 2 images; analog 20 bytes" in outputs_statement(comparison())


def test_contradictions_are_errors() -> None:
    original = comparison()
    with pytest.raises(MismatchError, match="3 of 20 output bytes differ"):
        outputs = (replace(original.outputs[0], mismatches=3), original.outputs[1])
        replace(original, outputs=outputs)
    with pytest.raises(StatsError, match="were not compared"):
        replace(original, outputs=original.outputs[:1])
    with pytest.raises(StatsError, match="were not compared"):
        replace(original, outputs=tuple(replace(c, compared_bytes=0) for c in original.outputs))
    with pytest.raises(StatsError, match="needs a plan"):
        replace(original, plan=None)
    with pytest.raises(StatsError, match="another configuration"):
        replace(original, config=load_config(system="alpine-lp"))
    with pytest.raises(StatsError, match="two programs have one name"):
        replace(original, mapped=original.digital, outputs=original.outputs)
    for wrong, message in (
        ({"entries": (AccuracyEntry("x", 5, 4, 0),)}, "5 of 4"),
        ({"float_network": AccuracyEntry("x", 0, 0, 0)}, "0 of 0"),
        ({"entries": (AccuracyEntry("x", 3, 4, 5),)}, "ties of x: 5 of 4"),
        ({"last_label": 10}, "labels from 0 to 10 for 10 classes"),
    ):
        with pytest.raises(StatsError, match=message):
            replace(original, accuracy=replace(ACCURACY, **wrong))  # type: ignore[arg-type]


def test_gain_is_digital_over_mapped() -> None:
    original = comparison()
    assert original.mapped is not None
    assert original.gain is not None
    assert original.gain.speed_up == original.digital.time_ns / original.mapped.time_ns
    assert comparison(mapped=False).gain is None


def test_manifest_of_this_machine(tmp_path: Path) -> None:
    data = tmp_path / "net.onnx"
    data.write_bytes(b"abc")
    manifest = collect_manifest(
        CONFIG,
        run(ADD),
        command=["aimc", "run"],
        seeds={"run": 1},
        inputs=[data],
        samples={"images": "test images"},
        earlier_simulations={"digital": 0.0},
    )
    assert manifest.earlier_simulations == {"digital": "1970-01-01T00:00:00Z"}
    assert manifest.config_hash == config_hash(CONFIG)
    assert manifest.engine == "constructed"
    assert manifest.inputs[0].sha256 == hashlib.sha256(b"abc").hexdigest()
    assert manifest.inputs[0].bytes == 3
    assert manifest.samples == {"images": "test images"}
    assert {"python", "numpy", "pydantic", "matplotlib"} <= set(manifest.packages)
    assert manifest.created_utc.endswith("Z")
    with pytest.raises(StatsError, match="checksum"):
        collect_manifest(
            CONFIG,
            run(ADD),
            command=[],
            seeds={},
            inputs=[tmp_path / "gone"],
            samples={},
            earlier_simulations={},
        )
