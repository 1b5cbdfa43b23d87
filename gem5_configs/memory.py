"""DRAM behind gem5's memory controller, with the timing of the harness's memory section.

What the section does not have, as limits on activations and currents, is that of a class of gem5,
which the memory presets name.  No number of a DRAM technology stands here.
"""

from __future__ import annotations

import m5.objects
from m5.objects import AddrRange, DRAMInterface, MemCtrl

from gem5_configs.settings import Settings, SettingsError

# Of the controller and of the crossbar before it, which no memory section changes.
CONTROLLER_NS = 20.0
CROSSBAR_NS = 10.0

_SAME_MEANING = {
    "activate_ns": "tRCD",
    "precharge_ns": "tRP",
    "row_open_ns": "tRAS",
    "refresh_interval_ns": "tREFI",
    "refresh_ns": "tRFC",
}


def make_memory(settings: Settings, dram: Settings, where: AddrRange) -> MemCtrl:
    """A controller with one channel of DRAM at `where`.

    `dram.changed` names the keys of `settings` that differ from the class `dram.interface`: their
    parameters are set, all others stay the class's.

    Raises:
        SettingsError: gem5 has no such class, or it cannot have this timing.
    """
    interface = getattr(m5.objects, dram.interface, None)
    if not isinstance(interface, type) or not issubclass(interface, DRAMInterface):
        raise SettingsError(f"dram.interface: this gem5 has no DRAM called {dram.interface!r}")
    parameters = _timing(settings, interface, dram.changed)
    return MemCtrl(dram=interface(range=where, ranks_per_channel=dram.ranks, **parameters))


def _timing(
    wanted: Settings, interface: type[DRAMInterface], changed: list[str]
) -> dict[str, object]:
    """gem5's parameters of what differs from `interface`."""

    def differs(*keys: str) -> bool:
        return any(key in changed for key in keys)

    beats, devices = int(interface.burst_length), int(interface.devices_per_rank)
    burst_bytes = beats * int(interface.device_bus_width) * devices // 8
    burst_ns = burst_bytes / wanted.bandwidth_gb_per_s
    access_ns = wanted.latency_ns - wanted.activate_ns - burst_ns - CONTROLLER_NS - CROSSBAR_NS
    write_ns = wanted.turnaround_ns - access_ns - burst_ns
    _check(wanted, burst_ns, access_ns, write_ns)
    _check_geometry(wanted, devices * burst_bytes, int(interface.bank_groups_per_rank))
    found: dict[str, object] = {
        parameter: _ns(getattr(wanted, key))
        for key, parameter in _SAME_MEANING.items()
        if differs(key)
    }
    if differs("bandwidth_gb_per_s"):
        clocks = beats / int(interface.beats_per_clock)
        found |= {"tBURST": _ns(burst_ns), "tCK": _ns(burst_ns / clocks), "tRRD": _ns(burst_ns)}
        found["tRRD_L"] = _ns(max(float(interface.tRRD_L) * 1e9, burst_ns))
    if differs("latency_ns", "activate_ns", "bandwidth_gb_per_s"):
        found["tCL"] = _ns(access_ns)
    if differs("turnaround_ns", "latency_ns", "activate_ns", "bandwidth_gb_per_s"):
        found["tWTR"] = _ns(write_ns)
    if differs("row_bytes"):
        found["device_rowbuffer_size"] = f"{wanted.row_bytes // devices}B"
    if differs("banks"):
        found["banks_per_rank"] = wanted.banks
    if wanted.same_bank_ns <= burst_ns:  # a bank is no slower than the channel
        found |= {"bank_groups_per_rank": 0, "tCCD_L": "0ns"}
    elif differs("same_bank_ns"):
        found["tCCD_L"] = _ns(wanted.same_bank_ns)
    return found


def _check(wanted: Settings, burst_ns: float, access_ns: float, write_ns: float) -> None:
    if access_ns <= 0:
        raise SettingsError(
            f"system.memory.latency_ns: {wanted.latency_ns:g} is too short: on gem5 it has"
            f" activate_ns, a burst of {burst_ns:.3g}, {CONTROLLER_NS:g} of the controller and"
            f" {CROSSBAR_NS:g} of the crossbar"
        )
    if write_ns < 0:
        raise SettingsError(
            f"system.memory.turnaround_ns: {wanted.turnaround_ns:g} is too short: on gem5 it has"
            f" a column access of {access_ns:.3g} and a burst of {burst_ns:.3g}"
        )
    if wanted.refresh_interval_ns <= max(wanted.precharge_ns, wanted.refresh_ns):
        raise SettingsError("system.memory.refresh_interval_ns: no longer than a refresh")


def _check_geometry(wanted: Settings, row_unit_bytes: int, bank_groups: int) -> None:
    if wanted.row_bytes % row_unit_bytes:
        raise SettingsError(f"system.memory.row_bytes: gem5 takes multiples of {row_unit_bytes}")
    if bank_groups and wanted.banks % bank_groups:
        raise SettingsError(f"system.memory.banks: gem5 takes multiples of {bank_groups}")


def _ns(value: float) -> str:
    return f"{value:.3f}ns"
