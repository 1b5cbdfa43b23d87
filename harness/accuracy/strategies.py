"""Search strategies: which layer to try next.

A strategy is a class with a ``name`` and one method.  `register` makes it known to ``--strategy``;
so does an entry point of the group ``aimc_harness.strategies`` in another package.  It must decide
from its arguments alone, so that an interrupted search continues with the same decisions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import ClassVar, Final, Protocol

from harness.accuracy.accuracy_drop import Measured, Values
from harness.accuracy.state import Saving
from harness.errors import HarnessError

GROUP: Final = "aimc_harness.strategies"
_LEAST_NATS: Final = 1e-9  # among layers that change nothing, the one that saves most is first


@dataclass(frozen=True)
class Step:
    """One decision: may ``layer`` be analog, with those accepted before?

    ``analog`` are the analog layers that were measured.  If no tiles were left, it is empty and
    nothing was measured.  A step without a layer is the warm-up: retraining with all candidates
    noisy, measured with every layer digital.  A step that ``confirms`` decides on the layer
    accepted last, on devices that no other decision has seen.
    """

    layer: str | None
    accepted: bool
    analog: tuple[str, ...]
    measured: Measured | None
    confirms: bool = False

    @property
    def values(self) -> Values:
        """Accuracies, one per set of devices."""
        return () if self.measured is None else self.measured.values


class LayerStatistics(Protocol):
    """Figures of each layer for a strategy; divergences and savings are measured at first use."""

    @property
    def candidates(self) -> tuple[str, ...]:
        """The layers that tiles can compute, in the network's order."""

    @property
    def macs(self) -> Mapping[str, int]:
        """Multiply-accumulates of each candidate."""

    @property
    def costly_layers(self) -> bool:
        """Whether layers that save nothing may be converted."""

    def divergences_nats(self) -> Mapping[str, float]:
        """How far the predictions move from the digital ones if only the candidate is analog.

        The mean Kullback-Leibler divergence, see `harness.accuracy.divergence`; not negative.
        """

    def savings(self) -> Mapping[str, Saving]:
        """Simulated time and energy of each candidate, digital and analog."""


class Strategy(Protocol):
    """Chooses the order in which layers are tried."""

    name: ClassVar[str]

    def next_layer(self, statistics: LayerStatistics, tried: Sequence[Step]) -> str | None:
        """The candidate to try next, none of ``tried``; None ends the search."""


class ByMacs:
    """LionHeart's order: the layer with the most multiply-accumulates first."""

    name: ClassVar[str] = "macs"

    def next_layer(self, statistics: LayerStatistics, tried: Sequence[Step]) -> str | None:
        order = sorted(statistics.candidates, key=lambda layer: -statistics.macs[layer])
        return _first_untried(order, tried)


class BySensitivity:
    """First the layer that changes the predictions least when it alone is analog."""

    name: ClassVar[str] = "sensitivity"

    def next_layer(self, statistics: LayerStatistics, tried: Sequence[Step]) -> str | None:
        nats = statistics.divergences_nats()
        order = sorted(
            statistics.candidates, key=lambda layer: (nats[layer], -statistics.macs[layer])
        )
        return _first_untried(order, tried)


class ByBenefit:
    """First the layer that saves the most simulated time (or energy) per nat of divergence.

    Divergences of several layers approximately add up, as their savings do.

    A layer that would cost time (or energy) is not converted unless
    `LayerStatistics.costly_layers` is set; then the layer that costs the least is first.
    """

    name: ClassVar[str] = "benefit"
    energy: ClassVar[bool] = False

    def next_layer(self, statistics: LayerStatistics, tried: Sequence[Step]) -> str | None:
        saved = {layer: self._saved(saving) for layer, saving in statistics.savings().items()}
        nats = statistics.divergences_nats()
        worth = {
            layer: saved[layer] / max(nats[layer], _LEAST_NATS)
            if saved[layer] > 0
            else saved[layer]
            for layer in statistics.candidates
            if saved[layer] > 0 or statistics.costly_layers
        }
        return _first_untried(sorted(worth, key=lambda layer: -worth[layer]), tried)

    def _saved(self, saving: Saving) -> float:
        if self.energy:
            return saving.digital_pj - saving.analog_pj
        return saving.digital_ns - saving.analog_ns


class ByEnergyBenefit(ByBenefit):
    """`ByBenefit` with energy instead of time."""

    name: ClassVar[str] = "energy-benefit"
    energy: ClassVar[bool] = True


_REGISTERED: Final[dict[str, type[Strategy]]] = {}


def register(strategy: type[Strategy]) -> type[Strategy]:
    """Make ``strategy`` known by its name; usable as a decorator."""
    _REGISTERED[strategy.name] = strategy
    return strategy


for _strategy in (ByMacs, BySensitivity, ByBenefit, ByEnergyBenefit):
    register(_strategy)


def strategy_named(name: str) -> Strategy:
    """The strategy of that name.

    Raises:
        HarnessError: There is none; the message lists them.
    """
    if name in _REGISTERED:
        return _REGISTERED[name]()
    plugins = {point.name: point for point in metadata.entry_points(group=GROUP)}
    if name in plugins:
        found: Strategy = plugins[name].load()()
        return found
    raise HarnessError(
        f"there is no search strategy {name[:64]!r}",
        where="search.strategy",
        hint="valid: " + ", ".join([*_REGISTERED, *plugins]),
    )


def _first_untried(order: Sequence[str], tried: Sequence[Step]) -> str | None:
    done = {step.layer for step in tried}
    return next((layer for layer in order if layer not in done), None)
