"""The plan of a sweep on disk: read back as written, and refused where it is damaged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.sweep.plan_file import PLAN_FILE, TEXT_FILE, plan_of, read_plan, write_plan
from harness.sweep.sweep_file import sweep_from_mapping

CONTENT = {
    "name": "mixed",
    "base": {"model": "mlp"},
    "grid": {
        "system.tiles": [1, 2],
        "input_size": [None, 8],
        "system.tile.noise": [True, False],
        "system.tile.adc_latency_ns": [0.5, 1, 2],
        "system.tile.io": ["pio", "dma"],
    },
}


def test_round_trip(tmp_path: Path) -> None:
    sweep = sweep_from_mapping(CONTENT)
    write_plan(sweep, tmp_path)
    plan = read_plan(tmp_path)
    assert plan == plan_of(sweep)
    assert plan.identities == tuple(point.identity for point in sweep.points)
    for key, values in plan.axes.items():
        assert [(type(v), v) for v in values] == [
            (type(point.axes[key]), point.axes[key]) for point in sweep.points
        ]
    assert (tmp_path / TEXT_FILE).read_text() == sweep.text


def test_a_folder_without_a_plan(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=r"no sweep's folder: it has no sweep\.json"):
        read_plan(tmp_path)


@pytest.mark.parametrize(
    "damage",
    [
        lambda plan: plan["axes"][0]["points"].pop(),
        lambda plan: plan["axes"][0]["values"].pop(),
        lambda plan: plan["axes"][0]["points"].__setitem__(0, 10**6),
        lambda plan: plan["axes"][0]["points"].__setitem__(0, True),
        lambda plan: plan["axes"][1].update(key="system.tiles"),
        lambda plan: plan["identities"].__setitem__(0, "../x"),
        lambda plan: plan.update(version=2),
        lambda plan: plan.update(more=1),
        lambda plan: plan.pop("name"),
        lambda plan: plan["axes"][0]["values"].__setitem__(0, [1]),
    ],
)
def test_damage_is_told(damage: object, tmp_path: Path) -> None:
    write_plan(sweep_from_mapping(CONTENT), tmp_path)
    plan = json.loads((tmp_path / PLAN_FILE).read_text())
    damage(plan)  # type: ignore[operator]
    (tmp_path / PLAN_FILE).write_text(json.dumps(plan))
    with pytest.raises(HarnessError, match="the plan is damaged"):
        read_plan(tmp_path)


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff", b"null"])
def test_other_content(data: bytes, tmp_path: Path) -> None:
    (tmp_path / PLAN_FILE).write_bytes(data)
    with pytest.raises(HarnessError, match="the plan is damaged"):
        read_plan(tmp_path)
