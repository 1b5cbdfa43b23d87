"""Search strategies: the order in which each tries the layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import pytest

from harness.accuracy.state import Saving
from harness.accuracy.strategies import LayerStatistics, Step, Strategy, register, strategy_named
from harness.errors import HarnessError


@dataclass(frozen=True)
class Numbers:
    """Statistics of layers a to d."""

    costly_layers: bool = False

    @property
    def candidates(self) -> tuple[str, ...]:
        return ("a", "b", "c", "d")

    @property
    def macs(self) -> Mapping[str, int]:
        return {"a": 10, "b": 40, "c": 20, "d": 40}

    def divergences_nats(self) -> Mapping[str, float]:
        return {"a": 0.02, "b": 0.1, "c": 0.0, "d": 0.02}

    def savings(self) -> Mapping[str, Saving]:
        def saving(time_ns: float, energy_pj: float) -> Saving:
            return Saving(
                digital_ns=1000.0,
                analog_ns=1000.0 - time_ns,
                digital_pj=500.0,
                analog_pj=500.0 - energy_pj,
            )

        return {
            "a": saving(100, 5),
            "b": saving(900, -10),
            "c": saving(-30, 50),
            "d": saving(40, 80),
        }


def order(strategy: Strategy, statistics: LayerStatistics) -> list[str]:
    tried: list[Step] = []
    while (layer := strategy.next_layer(statistics, tried)) is not None:
        tried.append(
            Step(layer=layer, accepted=len(tried) % 2 == 0, analog=(layer,), measured=None)
        )
    return [step.layer or "" for step in tried]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("macs", ["b", "d", "c", "a"]),  # of equals the network's order
        ("sensitivity", ["c", "d", "a", "b"]),  # of equals the one with more MACs
        ("benefit", ["b", "a", "d"]),  # 9, 5 and 2 us a nat; c takes time
        (
            "energy-benefit",
            ["c", "d", "a"],
        ),  # c changes nothing; 4 and 0.25 nJ a nat; b takes energy
    ],
)
def test_order(name: str, expected: list[str]) -> None:
    assert order(strategy_named(name), Numbers()) == expected


def test_layers_that_save_nothing_come_last_if_asked_for() -> None:
    assert order(strategy_named("benefit"), Numbers(costly_layers=True)) == ["b", "a", "d", "c"]


def test_a_user_adds_one() -> None:
    @register
    class Backwards:
        name: ClassVar[str] = "backwards"

        def next_layer(self, statistics: LayerStatistics, tried: Sequence[Step]) -> str | None:
            done = {step.layer for step in tried}
            return next((layer for layer in statistics.candidates[::-1] if layer not in done), None)

    assert order(strategy_named("backwards"), Numbers()) == ["d", "c", "b", "a"]


def test_an_unknown_one_is_refused_with_the_known() -> None:
    with pytest.raises(HarnessError) as error:
        strategy_named("mac")
    assert "macs, sensitivity, benefit, energy-benefit" in str(error.value)
