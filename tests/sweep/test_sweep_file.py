"""What sweep files mean: the points that come of them; and nothing but our errors comes out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.config.load import load_config
from harness.errors import HarnessError
from harness.pipeline.identity import run_identity
from harness.sweep.points import Sweep
from harness.sweep.sweep_file import read_sweep, sweep_from_mapping
from harness.sweep.where import parse_condition

SQUARE = "where: system.tile.rows == system.tile.columns\n"


def sweep_of(text: str, folder: Path) -> Sweep:
    path = folder / "sizes.yaml"
    path.write_text(text)
    return read_sweep(path)


def values(sweep: Sweep, *axes: str) -> list[tuple[object, ...]]:
    return [tuple(point.axes[axis] for axis in axes) for point in sweep.points]


def test_grid_zip_and_order(tmp_path: Path) -> None:
    sweep = sweep_of(
        "base: {images: 2, set: {system.tile.io: dma}}\n"
        "grid: {model: [lenet5, mlp]}\n"
        "zip:\n  system.tile.rows: [64, 128]\n  system.tile.columns: [32, 16]\n",
        tmp_path,
    )
    assert sweep.name == "sizes"
    assert sweep.axes == ("model", "system.tile.rows", "system.tile.columns")
    assert values(sweep, *sweep.axes) == [
        ("lenet5", 64, 32),
        ("lenet5", 128, 16),
        ("mlp", 64, 32),
        ("mlp", 128, 16),
    ]
    config = sweep.points[1].config
    assert (config.run.model, config.run.images, config.run.mapping) == ("lenet5", 2, "analog")
    assert (config.system.tile.rows, config.system.tile.columns) == (128, 16)
    assert config.system.tile.io == "dma"
    assert config.system.tile.name == "alpine.modified"


def test_two_zips_are_independent(tmp_path: Path) -> None:
    sweep = sweep_of(
        "base: {model: mlp}\n"
        "zip:\n- {images: [1, 2], run.warmup: [3, 4]}\n- {system.tiles: [5, 6]}\n",
        tmp_path,
    )
    assert values(sweep, *sweep.axes) == [(1, 3, 5), (1, 3, 6), (2, 4, 5), (2, 4, 6)]


def test_a_point_is_the_configuration_of_the_command_line(tmp_path: Path) -> None:
    sweep = sweep_of("base: {model: lenet5}\ngrid: {system.tile.adc_bits: [6]}\n", tmp_path)
    expected = load_config(
        system="alpine-hp",
        overrides=["system.tile.adc_bits=6"],
        run={"model": "lenet5", "mapping": "analog", "images": 1},
    )
    (point,) = sweep.points
    images = point.config.run.images
    expected = expected.model_copy(
        update={"run": expected.run.model_copy(update={"images": images})}
    )
    assert point.config == expected
    assert point.identity == run_identity(expected)
    assert point.search is None


def test_sections_are_swapped_before_values(tmp_path: Path) -> None:
    sweep = sweep_of(
        "base: {model: mlp, system: alpine-lp}\n"
        "grid: {system.tile.rows: [64], system.tile: [hermes-256]}\n",
        tmp_path,
    )
    tile = sweep.points[0].config.system.tile
    assert (tile.name, tile.rows, tile.columns) == ("hermes-256.modified", 64, 256)


def test_ranges(tmp_path: Path) -> None:
    sweep = sweep_of(
        "base: {model: mlp}\n"
        "zip:\n"
        "  system.tiles: [0, {from: 1, to: 9, factor: 2}, 5]\n"
        "  system.tile.adc_latency_ns: [{from: 0.1, to: 0.3, step: 0.1}, 7, 8, 9]\n",
        tmp_path,
    )
    assert values(sweep, *sweep.axes) == [(0, 0.1), (1, 0.2), (2, 0.3), (4, 7), (8, 8), (5, 9)]


def test_enough_tiles(tmp_path: Path) -> None:
    sweep = sweep_of(
        "grid:\n  model: [lenet5, mlp]\n  system.tile.rows: [64, 128]\n"
        "  system.tiles: [{from: 1, to: enough, factor: 4}, 3]\n",
        tmp_path,
    )
    tiles: dict[tuple[object, object], list[object]] = {}
    for model, rows, count in values(sweep, *sweep.axes):
        tiles.setdefault((model, rows), []).append(count)
    # lenet5 has matrices of 25, 150, 400, 120 and 84 rows, and at most 120 columns.
    assert tiles["lenet5", 64] == [1, 4, 15, 3]
    assert tiles["lenet5", 128] == [1, 4, 9, 3]
    # mlp has matrices of 64, 256 and 256 rows and at most 256 columns.
    assert tiles["mlp", 64] == [1, 4, 9, 3]
    assert tiles["mlp", 128] == [1, 4, 5, 3]


def test_enough_is_what_placement_wants(tmp_path: Path) -> None:
    from harness.mapping.resolve import resolve_mapping
    from harness.pipeline.prepare import draw_samples, load
    from harness.placement.select import demands
    from harness.quant.quantize import quantize

    sweep = sweep_of("grid: {model: [lenet5, resnet20]}\nzip: {system.tiles: [enough]}\n", tmp_path)
    for point in sweep.points:
        loaded = load(point.config)
        network = quantize(loaded.graph, draw_samples(point.config, loaded).calibration)
        mapping = resolve_mapping("analog", network)
        wanted = demands(network, mapping, point.config.system.tile)
        assert point.config.system.tiles == sum(demand.tiles for demand in wanted)


@pytest.mark.parametrize(
    ("condition", "kept"),
    [
        ("images == 1", [(1, "a"), (1, "b")]),
        ("images != 1 and run.dataset == 'a'", [(2, "a"), (3, "a")]),
        ("images == 1 or images == 3 and run.dataset == b", [(1, "a"), (1, "b"), (3, "b")]),
        ("(images == 1 or images == 3) and run.dataset == b", [(1, "b"), (3, "b")]),
        ("not images in [1, 2]", [(3, "a"), (3, "b")]),
        ("images not in [1,2]", [(3, "a"), (3, "b")]),
        ("images>=2 and images<3", [(2, "a"), (2, "b")]),
        ("images <= run.warmup", [(1, "a"), (1, "b"), (2, "a"), (2, "b")]),
        (["images > 1", 'run.dataset in ["b"]'], [(2, "b"), (3, "b")]),
    ],
    ids=str,
)
def test_conditions(condition: object, kept: list[object], tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
    content = {
        "base": {"model": "mlp"},
        "grid": {"images": [1, 2, 3], "run.dataset": ["a", "b"]},
        "zip": {"run.warmup": [2]},
        "where": condition,
    }
    sweep = sweep_of(yaml.safe_dump(content, sort_keys=False), tmp_path)
    assert values(sweep, "images", "run.dataset") == kept


def test_files_are_looked_for_beside_the_file(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    sweep = sweep_of("base: {model: mlp, dataset: data}\ngrid: {images: [1]}\n", tmp_path)
    assert sweep.points[0].config.run.dataset == str(folder)
    sweep = sweep_of("base: {model: mlp, dataset: digits}\ngrid: {images: [1]}\n", tmp_path)
    assert sweep.points[0].config.run.dataset == "digits"


def test_bounds_are_searches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("aihwkit")
    sweep = sweep_of(
        "base: {model: lenet5, strategy: benefit, set: {search.retrain_epochs: 0}}\n"
        "grid: {drop: [0.5, 2], noise.t_eval_s: [3600]}\n",
        tmp_path,
    )
    searches = [point.search for point in sweep.points]
    assert [s.search.drop_points for s in searches if s is not None] == [0.5, 2.0]
    for search in searches:
        assert search is not None
        assert (search.search.strategy, search.search.retrain_epochs) == ("benefit", 0)
        assert search.noise.t_eval_s == 3600
    assert len({point.identity for point in sweep.points}) == 2
    monkeypatch.delenv("AIMC_DATA", raising=False)
    with pytest.raises(
        HarnessError, match=r"grid\.drop: finding a mapping of vgg16 needs labelled"
    ):
        sweep_of("base: {model: vgg16}\ngrid: {drop: [1]}\n", tmp_path)
    with pytest.raises(HarnessError, match="there is no search strategy 'best'"):
        sweep_of("base: {model: mlp}\ngrid: {drop: [1], strategy: [best]}\n", tmp_path)


def test_bounds_need_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(
        HarnessError, match=r"line 2, grid\.drop: finding a mapping needs torch and"
    ):
        sweep_of("base: {model: mlp}\ngrid: {drop: [1]}\n", tmp_path)


def test_from_python(tmp_path: Path) -> None:
    content = {
        "name": "quick",
        "base": {"model": "mlp"},
        "grid": {"system.tiles": range(1, 3), "system.tile.adc_bits": np.array([4, 8])},
        "zip": {"run.seed": (np.int64(3),)},
    }
    sweep = sweep_from_mapping(content)
    assert sweep.name == "quick"
    assert values(sweep, *sweep.axes) == [(1, 4, 3), (1, 8, 3), (2, 4, 3), (2, 8, 3)]
    (tmp_path / "again.yaml").write_text(sweep.text)
    assert read_sweep(tmp_path / "again.yaml").points == sweep.points
    with pytest.raises(HarnessError, match=r"^grid\.system\.tiles: 5000 is not in the range"):
        sweep_from_mapping({"base": {"model": "mlp"}, "grid": {"system.tiles": [5000]}})
    with pytest.raises(HarnessError, match="is no value of a sweep"):
        sweep_from_mapping({"base": {"model": object()}})


KEYS = st.sampled_from(
    (
        *("model", "images", "system", "system.tiles", "system.tile", "system.tile.rows", "drop"),
        *("run.seed", "noise", "mapping", "from", "to", "step", "factor", "", "x.y", "run", "set"),
    )
)
SCALARS = st.one_of(
    st.sampled_from(["mlp", "enough", "analog", "digital", "alpine", "a.json", "b.onnx", "..", ""]),
    st.integers(-2, 2000),
    st.floats(),
    st.booleans(),
    st.none(),
    st.text(max_size=4),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)
SIGNS = ("(", ")", "[", "]", ",", "and", "or", "not", "in", "==", "!=", "<", "<=", "=", "'x'", '"')
WORDS = st.sampled_from((*SIGNS, "model", "images", "system.tiles", "3", "mlp")) | st.text()
CONDITIONS = st.lists(WORDS, max_size=9).map(" ".join)
SWEEPS = st.fixed_dictionaries(
    {
        "base": st.just({"model": "mlp"}) | VALUES,
        "grid": st.dictionaries(KEYS, st.lists(SCALARS, max_size=3) | VALUES, max_size=3) | VALUES,
    },
    optional={
        "zip": VALUES,
        "where": CONDITIONS | VALUES,
        "name": SCALARS,
    },
)


@settings(max_examples=200, deadline=None)
@given(CONDITIONS)
def test_conditions_of_any_text(text: str) -> None:
    axes = {"model": ("mlp",), "images": (1, 3), "system.tiles": None}
    try:
        condition = parse_condition(text, axes)
    except HarnessError as error:
        assert error.what
    else:
        assert condition({"model": "mlp", "images": 3, "system.tiles": 1}) in (True, False)


def test_deep_conditions() -> None:
    for text in ("(" * 200 + "images == 1" + ")" * 200, "not " * 200 + "images == 1", "x" * 5000):
        with pytest.raises(HarnessError):
            parse_condition(text, {"images": (1,)})


@settings(max_examples=300, deadline=None)
@given(SWEEPS)
def test_nothing_but_our_errors_comes_out(content: dict[str, object]) -> None:
    try:
        sweep = sweep_from_mapping(content)
    except HarnessError as error:
        assert error.what
    else:
        assert sweep.points
        assert all(tuple(point.axes) == sweep.axes for point in sweep.points)
