"""A meter for each core of what it waits for: monitors on its paths, and who counts behind them.

The monitors delay nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from m5.objects import AimcTile, AimcWaitMeter, AimcWaitProbe, CommMonitor


def make_monitor() -> CommMonitor:
    """A monitor that passes packets on and shows them to probes."""
    return CommMonitor(
        sample_period="1s",
        disable_burst_length_hists=True,
        disable_bandwidth_hists=True,
        disable_latency_hists=True,
        disable_itt_dists=True,
        disable_outstanding_hists=True,
        disable_transaction_hists=True,
    )


def make_meter(core: int, beyond_l1: Sequence[CommMonitor]) -> AimcWaitMeter:
    """The meter of core number `core`, whose L1 caches miss through these monitors."""
    meter = AimcWaitMeter(core=core)
    meter.misses, meter.fills = _probes(beyond_l1, beyond_l1=True)
    return meter


def meter_tiles(meter: AimcWaitMeter, monitor: CommMonitor, tiles: Sequence[AimcTile]) -> None:
    """Lets the meter also see the accesses to `tiles`, which pass `monitor`."""
    meter.tiles = list(tiles)
    meter.requests, meter.responses = _probes([monitor], beyond_l1=False)


def _probes(monitors: Sequence[CommMonitor], beyond_l1: bool) -> list[AimcWaitProbe]:
    return [
        AimcWaitProbe(manager=list(monitors), probe_name=name, beyond_l1=beyond_l1)
        for name in ("PktRequest", "PktResponse")
    ]
