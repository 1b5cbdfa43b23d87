"""What a sweep shows: its table, its listing, and pictures by the axes that vary."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from harness.errors import HarnessError
from harness.sweep.columns import POINT_COLUMNS
from harness.sweep.plan_file import SweepPlan
from harness.sweep.show.choose import draw_pictures
from harness.sweep.show.labels import axis_label, setting_text, short_names
from harness.sweep.show.listing import failed_lines, point_lines, sorted_by
from harness.sweep.show.pareto import front
from harness.sweep.show.style import Picture
from harness.sweep.show.varying import varying
from harness.sweep.show.write import write_outputs
from harness.sweep.table import point_table

NETWORKS = ("vgg16", "resnet20")
TILES = (0, 1, 2, 4, 8, 11)


def plan_of(axes: Mapping[str, Sequence[object]], name: str = "test") -> SweepPlan:
    """A plan of all combinations."""
    combinations = list(itertools.product(*axes.values()))
    columns = {key: tuple(c[i] for c in combinations) for i, key in enumerate(axes)}
    identities = tuple(f"{number:064x}" for number in range(len(combinations)))
    return SweepPlan(name, columns, identities)  # type: ignore[arg-type]


def rows_of(plan: SweepPlan, **figures: Sequence[object]) -> pd.DataFrame:
    """Measured rows: the gain of a point is its number and one, unless ``figures`` say."""
    count = len(plan.identities)
    gains = [1.0 + number for number in range(count)]
    networks = plan.axes.get("model", ("lenet5",) * count)
    rows: dict[str, Sequence[object]] = {
        "identity": plan.identities,
        "status": ["done"] * count,
        "network": networks,
        "speed_up": gains,
        "energy_gain": gains,
        "digital_time_ns": [1e6] * count,
        "digital_energy_pj": [1e9] * count,
        "mapped_time_ns": [1e6 / gain for gain in gains],
        "mapped_energy_pj": [1e9 / gain for gain in gains],
        "tiles_wanted": [11] * count,
        "tiles_used": [1] * count,
        "analog_layers": [2] * count,
        **figures,
    }
    frame = pd.DataFrame({column.name: rows.get(column.name) for column in POINT_COLUMNS})
    kinds = {c.name: "Int64" if c.kind == "int" else "float" for c in POINT_COLUMNS}
    texts = [c.name for c in POINT_COLUMNS if c.kind == "text"]
    return frame.astype({name: k for name, k in kinds.items() if name not in texts})


def drawn(
    axes: Mapping[str, Sequence[object]], **figures: Sequence[object]
) -> tuple[dict[str, Picture], list[str]]:
    plan = plan_of(axes)
    pictures, missing = draw_pictures(
        point_table(plan, rows_of(plan, **figures)), list(axes), plan.name
    )
    return {picture.name: picture for picture in pictures}, missing


def rows_in(picture: Picture) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(picture.csv)))


def test_table_has_the_plan_s_order_and_every_point() -> None:
    plan = plan_of({"model": NETWORKS, "system.tiles": (2, 1)})
    rows = rows_of(plan)
    table = point_table(plan, rows.iloc[[3, 0]])
    assert list(table.columns[:3]) == ["model", "system.tiles", "identity"]
    assert list(table["status"]) == ["done", "pending", "pending", "done"]
    assert list(table["system.tiles"]) == [2, 1, 2, 1]
    assert table["speed_up"].tolist()[::3] == [1.0, 4.0]
    assert table["speed_up"].isna().tolist() == [False, True, True, False]


def test_an_axis_hides_the_column_of_its_name() -> None:
    plan = plan_of({"system": ("alpine-hp", "alpine-lp"), "input_size": (None, 32)})
    table = point_table(plan, rows_of(plan, system=["x", "x", "x", "x"]))
    assert list(table["system"]) == ["alpine-hp", "alpine-hp", "alpine-lp", "alpine-lp"]
    assert table["input_size"].tolist() == [None, 32, None, 32]


def test_points_of_one_identity_share_a_row() -> None:
    plan = SweepPlan("test", {"images": (1, 2)}, ("a" * 64, "a" * 64))
    one = SweepPlan("test", {"images": (1,)}, ("a" * 64,))
    table = point_table(plan, rows_of(one))
    assert table["speed_up"].tolist() == [1.0, 1.0]


def test_listing_marks_what_is_not_done() -> None:
    plan = plan_of({"model": ("mlp",), "system.tile.io": ("pio", "dma"), "system.tiles": (1, 20)})
    rows = rows_of(
        plan,
        status=["done", "failed", "done", "done"],
        error=[None, "no layer\nfits \x1b[31m", None, None],
    )
    rows.loc[1, ["speed_up", "energy_gain", "mapped_time_ns", "mapped_energy_pj"]] = None
    table = point_table(plan, rows.iloc[:3])
    lines = list(point_lines(table, list(plan.axes)))
    assert lines[0].split()[:4] == ["model", "io", "tiles", "status"]
    assert [line.split()[:4] for line in lines[1:]] == [
        ["mlp", "pio", "1", "1.00"],
        ["mlp", "pio", "20", "FAILED"],
        ["mlp", "dma", "1", "333"],
        ["mlp", "dma", "20", "PENDING"],
    ]
    assert len({line.index("energy gain") for line in lines[:1]}) == 1
    assert list(failed_lines(table, list(plan.axes))) == [
        "model mlp, io pio, tiles 20: no layer fits ?[31m"
    ]


def test_sorting() -> None:
    plan = plan_of({"system.tile.io": ("pio", "dma"), "drop": (1, "none")})
    table = point_table(plan, rows_of(plan, speed_up=[2.0, 1.0, 4.0, 3.0]))
    axes = list(plan.axes)

    def order(key: str, column: str, *, descending: bool = False) -> list[object]:
        found: list[object] = sorted_by(table, axes, key, descending=descending)[column].tolist()
        return found

    for key in ("speed-up", "speed_up"):
        assert order(key, "speed_up", descending=True) == [4.0, 3.0, 2.0, 1.0]
    assert order("io", "speed_up") == [4.0, 3.0, 2.0, 1.0]
    assert order("drop", "drop") == [1, 1, "none", "none"]
    with pytest.raises(HarnessError, match="did you mean 'speed-up'"):
        order("speedup", "drop")


def test_which_axes_vary_of_their_own() -> None:
    plan = plan_of({"model": NETWORKS, "n": (1, 2, 3), "t": ("pio", "dma"), "flag": (True,)})
    axes = dict(plan.axes)
    axes["zipped"] = tuple({1: 10, 2: 20, 3: 30}[int(str(n))] for n in axes["n"])
    axes["enough"] = tuple(f"{model}{n}" for model, n in zip(axes["model"], axes["n"], strict=True))
    found = varying(pd.DataFrame(axes), list(axes))
    assert found.network == "model"
    assert found.numbers == ("n",)
    assert found.choices == ("t",)
    assert found.follow == ("zipped", "enough")


def test_front() -> None:
    assert front([3, 1, 2, 4, 2], [1, 5, 2, 1, 2]) == [1, 2, 0]
    assert front([1, 1], [2, 2]) == [0]


def test_pictures_over_tiles() -> None:
    axes = {"model": NETWORKS, "system.tile.io": ("pio", "dma"), "system.tiles": TILES}
    pictures, missing = drawn(axes)
    assert set(pictures) == {"tiles", "pareto"}
    assert missing == []
    rows = rows_in(pictures["tiles"])
    assert len(rows) == 24
    assert [row["system.tiles"] for row in rows[:6]] == ["0", "1", "2", "4", "8", "11"]
    assert {row["tiles_wanted"] for row in rows} == {"11"}
    text = pictures["tiles"].svg.decode()
    assert "<svg" in text
    on_front = [row for row in rows_in(pictures["pareto"]) if row["on_front"] == "True"]
    # Gains grow with the point's number, so each network's last point beats its others.
    assert [(row["model"], row["system.tiles"]) for row in on_front] == [
        ("vgg16", "11"),
        ("resnet20", "11"),
    ]


def test_pictures_are_the_same_for_the_same_points() -> None:
    axes = {"model": NETWORKS, "system.tiles": TILES}
    first, again = drawn(axes)[0], drawn(axes)[0]
    assert first == again


@pytest.mark.parametrize(
    ("axes", "names"),
    [
        ({"system.tile.crossbar_latency_ns": (10, 100, 1000)}, {"crossbar-latency", "pareto"}),
        ({"system.tile.rows": (64, 128), "system.tile.columns": (64, 128)}, {"heat-map", "pareto"}),
        ({"model": NETWORKS, "system.attach": ("core", "bus")}, {"bars", "pareto"}),
        ({"system.tiles": (1, 2), "system.tile.rows": (64, 128)}, {"tiles", "heat-map", "pareto"}),
        (
            {"system.tile.io": ("pio", "dma"), "run.placement": ("a", "b"), "system.tiles": (1, 2)},
            {"tiles", "pareto"},
        ),
        ({"a": (1, 2), "b": (1, 2), "c": (1, 2)}, {"pareto"}),
        ({"model": NETWORKS}, {"bars", "pareto"}),
    ],
    ids=lambda value: "-".join(sorted(value)),
)
def test_the_axes_decide_which_pictures_there_are(
    axes: dict[str, Sequence[object]], names: set[str]
) -> None:
    pictures, missing = drawn(axes)
    assert set(pictures) == names
    assert missing == []
    for picture in pictures.values():
        image = Image.open(io.BytesIO(picture.png))
        assert min(image.size) > 300
        assert len(rows_in(picture)) == len(plan_of(axes).identities)


def test_what_is_too_much_for_a_picture_is_said() -> None:
    values = [f"v{number}" for number in range(9)]
    pictures, missing = drawn({"system.tiles": (1, 2), "x": values})
    assert set(pictures) == {"pareto"}
    assert missing == ["no picture over tiles: the other axes have too many values"]
    assert drawn({"system.tiles": (1,)}) == (
        {},
        ["there are fewer than two finished points to compare"],
    )


def test_accuracy_is_drawn_where_it_varies() -> None:
    axes = {"system.tile.adc_bits": (4, 6, 8)}
    flat = [2.0, 2.0, 2.001]
    pictures, _ = drawn(
        axes,
        speed_up=flat,
        energy_gain=flat,
        mapped_accuracy_percent=[50.0, 80.0, 90.0],
        digital_accuracy_percent=[91.0] * 3,
        accuracy_images=[100] * 3,
    )
    assert set(pictures) == {"adc-bits"}
    columns = rows_in(pictures["adc-bits"])[0].keys()
    assert "mapped_accuracy_percent" in columns
    assert "speed_up" not in columns


def test_failed_points_leave_gaps_only() -> None:
    status = ["done", "failed", "done", "done"]
    axes = {"system.tile.rows": (64, 128), "system.tile.columns": (64, 128)}
    pictures, missing = drawn(axes, status=status, speed_up=[1.0, None, 2.0, 9.0])
    assert set(pictures) == {"heat-map", "pareto"}
    assert len(rows_in(pictures["heat-map"])) == 3
    assert missing == []


def test_files(tmp_path: Path) -> None:
    plan = plan_of({"system.tiles": (1, 2), "mixed": ("all", 3)})
    table = point_table(plan, rows_of(plan, config=["a: 1\n"] * 4, log=["x\ny"] * 4))
    layers = pd.DataFrame({"identity": [plan.identities[0], "f" * 64], "time_ns": [1.0, 2.0]})
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "old.svg").write_text("old")
    written = write_outputs(tmp_path, plan, table, layers)
    rows = list(csv.DictReader((tmp_path / "points.csv").open()))
    assert [row["system.tiles"] for row in rows] == ["1", "1", "2", "2"]
    assert not {"config", "log"} & rows[0].keys()
    again = pd.read_parquet(tmp_path / "points.parquet")
    assert again["config"].tolist() == ["a: 1\n"] * 4
    assert again["mixed"].tolist() == ["all", "3", "all", "3"]
    assert pd.read_parquet(tmp_path / "layers.parquet")["time_ns"].tolist() == [1.0]
    names = {path.name for path in (tmp_path / "pictures").iterdir()}
    assert names == {f"{p.stem}{s}" for p in written.pictures for s in (".png", ".svg", ".csv")}
    assert "old.svg" not in names


def test_names_of_axes() -> None:
    axes = ["system.tile.rows", "system.caches.l1d.ways", "system.caches.l2.ways", "model"]
    assert list(short_names(axes).values()) == ["rows", "l1d.ways", "l2.ways", "model"]
    assert axis_label("system.tile.crossbar_latency_ns") == "crossbar latency (ns)"
    assert axis_label("system.tile.adc_bits") == "ADC bits"
    assert setting_text("system.tile.crossbar_latency_ns", 50.0) == "crossbar latency 50 ns"
    assert setting_text("system.tiles", 1) == "1 tile"
    assert setting_text("model", "/a/b/net.onnx") == "net.onnx"


def test_names_from_files_are_text_in_pictures() -> None:
    pictures, _ = drawn({"model": ("$x^2$ <b>&", "plain"), "system.tiles": (1, 2)})
    assert not re.search(r"<b>", pictures["tiles"].svg.decode())
