"""Which layers get tiles, from demands written out by hand; the limits of a tile's job."""

from __future__ import annotations

import numpy as np
import pytest

from harness.errors import PlacementError
from harness.mapping.resolve import resolve_mapping
from harness.operators.dense import Dense
from harness.placement.saving import LayerSaving
from harness.placement.select import Demand, demands, select
from harness.quant.program import QNetwork
from harness.quant.quantize import quantize
from tests.placement.systems import system_with
from tests.quant.networks import conv, graph_of, samples


def demand(name: str, tiles: int, obstacle: str | None = None) -> Demand:
    return Demand(name, 10 * tiles, 7, tiles, 1000, obstacle)


def saving(saved_us: float, saved_nj: float = 500.0) -> LayerSaving:
    """Of a layer that takes 2 ms and 5 uJ on the core."""
    return LayerSaving(
        digital_ns=2e6,
        analog_ns=2e6 - 1e3 * saved_us,
        digital_pj=5e6,
        analog_pj=5e6 - 1e3 * saved_nj,
    )


def chosen(
    wanted: list[Demand], available: int, insists: bool = False, **saved_us: float
) -> tuple[list[str], dict[str, str]]:
    known = {name: saving(value) for name, value in saved_us.items()}
    taken, kept = select(wanted, available, lambda: known, insists=insists, where="net on system")
    return [layer.name for layer in taken], kept


def unasked() -> dict[str, LayerSaving]:
    raise AssertionError("savings were simulated without need")


def test_the_most_time_is_saved_not_the_most_a_tile() -> None:
    wanted = [demand("a", 3), demand("b", 2), demand("c", 2)]
    assert chosen(wanted, 4, a=40, b=21, c=21)[0] == ["b", "c"]
    assert chosen(wanted, 3, a=40, b=30, c=21)[0] == ["a"]
    assert chosen(wanted, 5, a=40, b=30, c=21)[0] == ["a", "b"]


def test_each_layer_has_its_reason_in_the_networks_order() -> None:
    wanted = [
        demand("huge", 9),
        demand("slow", 1),
        demand("even", 1),
        demand("odd", 1, "no tile does that"),
        demand("a", 3),
        demand("b", 2),
        demand("unknown", 1),
    ]
    taken, kept = chosen(wanted, 4, huge=1900, slow=-200, even=0, a=40, b=30)
    assert taken == ["a"]
    assert list(kept.items()) == [
        (
            "huge",
            "needs 9 tiles, the system has 4; would save 1.90 ms of 2.00 ms (energy: 500 nJ less)",
        ),
        (
            "slow",
            "on 1 tile it would take 200 us longer than the core's 2.00 ms (energy: 500 nJ less)",
        ),
        (
            "even",
            "on 1 tile it would take 0 ns longer than the core's 2.00 ms (energy: 500 nJ less)",
        ),
        ("odd", "no tile does that"),
        ("b", f"needs 2 tiles and would {saving(30)}; the 4 tiles save most with a"),
        ("unknown", "needs 1 tile and would not fit the memory on them"),
    ]


def test_energy_that_tiles_cost_is_said_and_decides_nothing() -> None:
    known = {"a": saving(30, -70), "b": saving(20, 4000)}
    wanted = [demand("a", 1), demand("b", 1)]
    taken, kept = select(wanted, 1, lambda: known, insists=False, where="here")
    assert [layer.name for layer in taken] == ["a"]
    assert kept["b"].startswith(
        "needs 1 tile and would save 20.0 us of 2.00 ms (energy: 4.00 uJ less)"
    )
    assert str(known["a"]) == "save 30.0 us of 2.00 ms (energy: 70.0 nJ more)"


@pytest.mark.parametrize(
    ("count", "names"),
    [(2, "l0 and l1"), (4, "l0, l1, l2 and l3"), (7, "l0, l1, l2, l3 and 3 more")],
)
def test_a_reason_names_some_of_the_chosen_layers(count: int, names: str) -> None:
    wanted = [*(demand(f"l{i}", 1) for i in range(count)), demand("last", 1)]
    saved = {f"l{i}": 50.0 for i in range(count)} | {"last": 1.0}
    _, kept = chosen(wanted, count, **saved)
    assert kept["last"].endswith(f"; the {count} tiles save most with {names}")


@pytest.mark.parametrize("insists", [False, True])
def test_where_all_fit_all_get_tiles_and_nothing_is_simulated(insists: bool) -> None:
    wanted = [demand("a", 2), demand("b", 3)]
    for available in (5, 6):
        taken, kept = select(wanted, available, unasked, insists=insists, where="here")
        assert (taken, kept) == (wanted, {})
    assert select([], 0, unasked, insists=insists, where="here") == ([], {})


@pytest.mark.parametrize("insists", [False, True])
def test_where_none_fits_nothing_is_simulated(insists: bool) -> None:
    wanted = [demand("a", 2), demand("b", 1)]
    taken, kept = select(wanted, 0, unasked, insists=insists, where="here")
    assert taken == []
    assert kept == {
        "a": "needs 2 tiles, the system has none",
        "b": "needs 1 tile, the system has none",
    }
    taken, kept = select(wanted[:1], 1, unasked, insists=insists, where="here")
    assert (taken, kept) == ([], {"a": "needs 2 tiles, the system has 1"})


def test_an_obstacle_takes_no_tiles_but_is_an_error_for_a_mapping_that_insists() -> None:
    wanted = [demand("odd", 2, "no tile does that"), demand("b", 2), demand("a", 1)]
    taken, kept = select(wanted, 3, unasked, insists=False, where="here")
    assert ([layer.name for layer in taken], kept) == (["b", "a"], {"odd": "no tile does that"})
    with pytest.raises(PlacementError) as caught:
        select(wanted, 3, unasked, insists=True, where="net on system")
    assert str(caught.value) == "net on system, layer odd: no tile does that"


def test_no_layer_that_saves() -> None:
    wanted = [demand("a", 1), demand("b", 1)]
    taken, kept = chosen(wanted, 1, a=-5, b=-0.5)
    assert taken == []
    assert "500 ns longer" in kept["b"]


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
