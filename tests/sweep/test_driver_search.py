"""Points whose mapping is searched under a bound on accuracy."""

from __future__ import annotations

from pathlib import Path

from harness.config.load import config_hash
from harness.strict_json import parse_json_object
from harness.sweep.driver import run_sweep
from harness.sweep.points import Point
from harness.sweep.room import Room
from harness.sweep.store import read_points
from tests.accuracy.searches import loop_config, run_config
from tests.heard import Heard
from tests.sweep.schedulers import scheduler_in_this_process
from tests.sweep.sweeps import point, sweep

_LOOP = loop_config("search.warmup_epochs=0", "search.retrain_epochs=0", "search.drop_points=3")


def _point(model: str = "mlp", **run: object) -> Point:
    config = run_config(model, **run)
    axes = point(0).axes
    return Point(config_hash(config), axes, config, _LOOP)


def test_points_share_a_search_and_measure_what_it_finds(tmp_path: Path) -> None:
    one, two = _point(images=1), _point(images=2)
    random = _point("lenet5", input_size=40)  # has random weights: nothing to search by
    folder = tmp_path / "sweep"
    with scheduler_in_this_process() as cluster:
        room = Room(scheduler=cluster.scheduler_address)
        outcome = run_sweep(sweep([one, two, random, point(1)]), folder, room, Heard())
        assert (outcome.done, outcome.failed) == (3, 1)
        (found,) = (path.parent for path in (folder / "mappings").glob("*/mapping.json"))
        written = (found / "mapping.json").stat().st_mtime_ns
        assert run_sweep(sweep([one, two]), folder, room, Heard()).measured == 0
        three = _point(images=3)
        assert run_sweep(sweep([one, two, three]), folder, room, Heard()).measured == 1
        assert (found / "mapping.json").stat().st_mtime_ns == written
    rows = read_points(folder).set_index("identity")
    wanted = parse_json_object((found / "mapping.json").read_bytes())["layers"]
    analog = sum(unit == "analog" for unit in wanted.values())
    assert analog
    for identity in (one.identity, two.identity, three.identity):
        assert rows.loc[identity, "mapping"] == str(found / "mapping.json")
        assert rows.loc[identity, "analog_layers"] == analog
    error = rows.loc[random.identity, "error"]
    assert error.startswith("no mapping was found: ") and "defect" not in error
