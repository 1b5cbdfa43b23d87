"""A meter for each core of what it waits for: monitors at its ports, and who counts behind them.

The monitors delay nothing.
"""

from __future__ import annotations

from m5.objects import AimcWaitMeter, AimcWaitProbe, CommMonitor

from gem5_configs.settings import Settings


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


def make_meter(
    index: int, core: Settings, caches: Settings, fetch: CommMonitor, data: CommMonitor
) -> AimcWaitMeter:
    """The meter of core number `index`, whose ports lead to these monitors."""
    cycle_ps = round(1000 / core.clock_ghz)  # as gem5 has it
    meter = AimcWaitMeter(
        core=index,
        fetch_hit_latency=f"{caches.l1i.hit_latency_cycles * cycle_ps}ps",
        load_hit_latency=f"{caches.l1d.hit_latency_cycles * cycle_ps}ps",
    )
    meter.fetches, meter.fetched = _probes(fetch, True)
    meter.accesses, meter.answers = _probes(data, False)
    return meter


def _probes(monitor: CommMonitor, fetches: bool) -> list[AimcWaitProbe]:
    """One for requests and one for responses."""
    return [
        AimcWaitProbe(manager=[monitor], probe_name=name, fetches=fetches)
        for name in ("PktRequest", "PktResponse")
    ]
