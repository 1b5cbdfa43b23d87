"""What reports call the causes of time."""

from __future__ import annotations

from harness.report.split import CAUSES, cause_names


def test_an_engine_that_cannot_tell_causes_apart_is_not_said_to_compute() -> None:
    assert cause_names("embedded") == CAUSES
    names = cause_names("gem5")
    assert "rest" in names["compute"]
    assert {key: name for key, name in names.items() if key != "compute"} == {
        key: name for key, name in CAUSES.items() if key != "compute"
    }
