"""Which layers get tiles, from demands written out by hand; the limits of a tile's job."""

from __future__ import annotations

import numpy as np
import pytest

from harness.errors import PlacementError
from harness.mapping.resolve import resolve_mapping
from harness.model.graph import Dense
from harness.placement.select import Demand, demands, select
from harness.quant.program import QNetwork
from harness.quant.quantize import quantize
from tests.placement.systems import system_with
from tests.quant.networks import conv, graph_of, samples


def demand(name: str, tiles: int, macs: int, obstacle: str | None = None) -> Demand:
    return Demand(name, 10 * tiles, 7, tiles, macs, obstacle)


def chosen(wanted: list[Demand], available: int) -> tuple[list[str], dict[str, str]]:
    taken, kept = select(wanted, available, insists=False, where="here")
    return [layer.name for layer in taken], kept


def test_work_a_tile_decides_not_work() -> None:
    # 400 on four tiles are less a tile than 150 on one.
    wanted = [demand("large", 4, 400), demand("small", 1, 150)]
    taken, kept = chosen(wanted, 4)
    assert taken == ["small"]
    assert kept == {
        "large": "needs 4 tiles; 3 of 4 are left after the layers with more "
        "multiply-accumulates a tile"
    }
    assert chosen(wanted, 5) == (["large", "small"], {})


def test_equal_work_a_tile_goes_in_the_networks_order() -> None:
    wanted = [demand(name, 1, 100) for name in ("c", "a", "b")]
    assert chosen(wanted, 2)[0] == ["c", "a"]


def test_smaller_layers_fill_what_is_left_to_the_last_tile() -> None:
    wanted = [demand("d", 1, 10), demand("c", 3, 60), demand("b", 2, 100), demand("a", 4, 400)]
    taken, kept = chosen(wanted, 7)
    assert taken == ["d", "b", "a"]
    assert "needs 3 tiles; 1 of 7 are left" in kept["c"]
    assert chosen(wanted, 4) == (
        ["a"],
        {
            name: f"needs {tiles} tiles; 0 of 4 are left after the layers with more "
            "multiply-accumulates a tile"
            for name, tiles in (("d", 1), ("c", 3), ("b", 2))
        },
    )


def test_a_layer_with_an_obstacle_takes_no_tiles_and_stops_no_other() -> None:
    wanted = [demand("odd", 2, 900, "no tile does that"), demand("b", 2, 10), demand("a", 1, 20)]
    assert chosen(wanted, 3) == (["b", "a"], {"odd": "no tile does that"})


def test_reasons_are_in_the_networks_order() -> None:
    wanted = [demand(name, 2, macs) for name, macs in (("x", 1), ("y", 3), ("z", 2))]
    assert list(chosen(wanted, 3)[1]) == ["x", "z"]


def test_nothing_wanted_needs_nothing() -> None:
    assert select([], 0, insists=True, where="here") == ([], {})


def refusal(wanted: list[Demand], available: int, *, insists: bool) -> PlacementError:
    with pytest.raises(PlacementError) as caught:
        select(wanted, available, insists=insists, where="net on system")
    return caught.value


def test_refusals_name_what_where_and_what_to_do() -> None:
    a, b = demand("a", 2, 9), demand("b", 3, 9)
    assert str(refusal([a], 0, insists=False)) == (
        "net on system: the system has no tiles\n"
        "  hint: use the mapping digital, or a system with system.tiles of 1 or more"
    )
    assert str(refusal([a, b], 1, insists=False)) == (
        "net on system: no layer fits on 1 tiles: a (20 x 7) 2, b (30 x 7) 3\n"
        "  hint: use more or larger tiles, or the mapping digital"
    )
    assert str(refusal([a, b], 4, insists=True)) == (
        "net on system: the mapping needs 5 tiles, the system has 4: a (20 x 7) 2, b (30 x 7) 3\n"
        "  hint: map fewer layers, or use more (system.tiles) or larger tiles"
    )
    odd = demand("odd", 1, 9, "no tile does that")
    assert str(refusal([a, odd], 9, insists=True)) == (
        "net on system, layer odd: no tile does that"
    )
    assert [d.name for d in select([a, b], 5, insists=True, where="here")[0]] == ["a", "b"]


def test_a_refusal_lists_at_most_so_many_layers() -> None:
    def listed(count: int) -> str:
        return refusal([demand(f"l{i}", 2, 1) for i in range(count)], 1, insists=False).what

    assert listed(24).endswith("l22 (20 x 7) 2, l23 (20 x 7) 2")
    assert listed(26).endswith("l23 (20 x 7) 2, and 2 more layers")


def obstacle(network: QNetwork, rows: int = 64, adc_bits: int = 8) -> str | None:
    tile = system_with(rows=rows, columns=64, adc_bits=adc_bits).tile
    (only,) = demands(network, resolve_mapping("analog", network), tile)
    return only.obstacle


@pytest.mark.parametrize(
    "window",
    [
        {"kernel": (255, 1), "pads": (127, 0, 127, 0)},
        {"kernel": (1, 255), "pads": (0, 127, 0, 127)},
        {"kernel": (1, 1), "pads": (255, 255, 255, 255)},
        {"kernel": (1, 1), "stride": (255, 255)},
        {"kernel": (2, 2), "dilation": (255, 255), "pads": (128, 128, 127, 127)},
    ],
    ids=str,
)
@pytest.mark.parametrize("beyond", [False, True])
def test_the_largest_window_of_a_tiles_job(
    window: dict[str, tuple[int, ...]], beyond: bool
) -> None:
    pads = {"pads": (0, 0, 0, 0)}
    sizes = {
        key: tuple(256 if beyond and size == 255 else size for size in values)
        for key, values in (pads | window).items()
    }
    layer = conv(np.random.default_rng(0), "c", "x", (1, 1), **sizes)  # type: ignore[arg-type]
    graph = graph_of([layer], (1, 1, 2, 2))
    expected = "kernel, stride, dilation and padding of a tile's job are at most 255"
    assert obstacle(quantize(graph, samples(graph, 1))) == (expected if beyond else None)


@pytest.mark.parametrize(("channels", "pads"), [((70_000, 1), 0), ((1, 70_000), 0), ((1, 1), 256)])
def test_channels_and_the_far_padding_have_no_limit(channels: tuple[int, int], pads: int) -> None:
    rng = np.random.default_rng(0)
    layer = conv(rng, "c", "x", channels, (1, 1), pads=(0, 0, pads, pads))
    graph = graph_of([layer], (1, channels[0], 1, 1))
    assert obstacle(quantize(graph, samples(graph, 1))) is None


@pytest.mark.parametrize("axis", [0, 1])
def test_the_largest_map_of_a_tiles_job(axis: int) -> None:
    for size, fits in ((65535, True), (65536, False)):
        shape = (1, 1, size, 1) if axis == 0 else (1, 1, 1, size)
        layer = conv(np.random.default_rng(0), "c", "x", (1, 1), (1, 1), pads=(0, 0, 0, 0))
        graph = graph_of([layer], shape)
        found = obstacle(quantize(graph, samples(graph, 1)))
        assert found == (
            None if fits else "height and width of a tile's feature map are at most 65535"
        )


def test_the_most_partial_sums_of_an_accumulator() -> None:
    def dense(rows: int) -> QNetwork:
        weight, bias = np.ones((1, rows), np.float32), np.zeros(1, np.float32)
        graph = graph_of([Dense("d", ("x",), "d", weight, bias)], (1, rows))
        return quantize(graph, samples(graph, 1))

    # 128 codes of 16 bits, in 1/256, take 2**30; as much is left for the bias.
    assert obstacle(dense(256), rows=2, adc_bits=16) is None
    assert obstacle(dense(257), rows=2, adc_bits=16) == (
        "257 rows on tiles of 2 give 129 partial sums of 16 bits, which do not fit a 32-bit "
        "accumulator"
    )
    assert obstacle(dense(257), rows=2, adc_bits=15) is None


def test_a_demand_counts_rows_columns_tiles_and_work() -> None:
    layer = conv(np.random.default_rng(0), "c", "x", (2, 5), (3, 3))
    graph = graph_of([layer], (1, 2, 6, 4))
    network = quantize(graph, samples(graph, 1))
    tile = system_with(rows=10, columns=4).tile
    assert demands(network, resolve_mapping("analog", network), tile) == [
        Demand("c", 18, 5, 4, 6 * 4 * 18 * 5, None)
    ]
    assert demands(network, resolve_mapping("digital", network), tile) == []
