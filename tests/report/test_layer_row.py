"""The rows of layers that every table is made from."""

from __future__ import annotations

import re
from dataclasses import fields, replace

import pytest

from harness.report.layer_row import LayerRow, layer_rows, total_row
from tests.report.comparisons import comparison


def test_every_field_is_explained() -> None:
    explained = re.findall(r"^        (\w+): \S", LayerRow.__doc__ or "", re.MULTILINE)
    assert explained == [field.name for field in fields(LayerRow)]


def test_the_total_is_the_sum_of_the_layers() -> None:
    made = comparison()
    for program in made.programs:
        rows, total = layer_rows(made, program), total_row(made, program)
        for name in ("time_ns", "cycles", "energy_pj", "macs"):
            assert sum(getattr(row, name) for row in rows) == pytest.approx(getattr(total, name))
        assert sum(row.time_share for row in rows) == pytest.approx(total.time_share)
        assert sum(total.causes_ns.values()) == pytest.approx(total.time_ns)
        for event, count in total.events.items():
            assert count == sum(row.events[event] for row in rows)


def test_only_the_mapped_program_gains_and_says_why_a_layer_is_digital() -> None:
    made = comparison()
    assert made.mapped is not None and made.plan is not None
    assert all(row.gain is None for row in layer_rows(made, made.digital))
    mapped = layer_rows(made, made.mapped)
    assert all(row.speed_up is not None for row in mapped)
    assert all(row.why_digital is None for row in mapped)
    kept = replace(made.plan, kept_digital={"conv0": "it is too large"})
    (first, *others) = layer_rows(again := replace(made, plan=kept), again.mapped)
    assert first.why_digital == "it is too large"
    assert all(row.why_digital is None for row in others)
