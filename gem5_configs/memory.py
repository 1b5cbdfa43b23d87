"""DRAM behind gem5's memory controller, with the timing of the harness's memory section."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from m5.objects import AddrRange, DDR4_2400_8x8, DRAMInterface, MemCtrl

from gem5_configs.settings import EnergySettings, MemorySettings, SettingsError

DEVICES = 8  # that make a burst of 64 bytes
BURST_BYTES = 64
BANK_GROUPS = 4
# Of the controller and of the crossbar before it, which no memory section changes.
CONTROLLER_NS = 20.0
CROSSBAR_NS = 10.0


@dataclass(frozen=True)
class Technology:
    """A DRAM model of gem5, and what the harness's preset of the same name says of it."""

    interface: type[DRAMInterface]
    ranks: int  # docs/energy.md
    timing: MemorySettings  # its size and name are any
    dram_read_pj_per_byte: float
    dram_write_pj_per_byte: float
    dram_activate_pj: float
    dram_background_mw: float
    dram_open_mw: float


DDR4_2400 = Technology(
    DDR4_2400_8x8,
    ranks=1,
    timing=MemorySettings(
        name="ddr4-2400",
        size_mib=1024,
        latency_ns=61.7,
        bandwidth_gb_per_s=19.2,
        row_bytes=8192,
        banks=16,
        activate_ns=14.16,
        precharge_ns=14.16,
        row_open_ns=32.0,
        same_bank_ns=5.0,
        turnaround_ns=22.5,
        refresh_interval_ns=7800.0,
        refresh_ns=350.0,
    ),
    dram_read_pj_per_byte=42.9,
    dram_write_pj_per_byte=36.9,
    dram_activate_pj=4289.0,
    dram_background_mw=419.4,
    dram_open_mw=146.4,
)

_SAME_MEANING = {
    "activate_ns": "tRCD",
    "precharge_ns": "tRP",
    "row_open_ns": "tRAS",
    "refresh_interval_ns": "tREFI",
    "refresh_ns": "tRFC",
}
ENERGIES = tuple(field.name for field in fields(Technology) if field.name.startswith("dram_"))


def make_memory(settings: MemorySettings, energy: EnergySettings, where: AddrRange) -> MemCtrl:
    """A controller with one channel of DRAM at `where`.

    What the settings have as DDR4-2400 has it stays gem5's own; the rest is set.  Limits on
    activations (tRRD, tXAW) and recovery times are those of DDR4-2400 always.

    Raises:
        SettingsError: gem5's DRAM cannot have this timing, or another energy is asked for.
    """
    own = DDR4_2400
    same = replace(own.timing, name=settings.name, size_mib=settings.size_mib)
    if settings == same:
        _check_energy(energy, own)
    parameters = _timing(settings, same)
    return MemCtrl(dram=own.interface(range=where, ranks_per_channel=own.ranks, **parameters))


def _timing(wanted: MemorySettings, own: MemorySettings) -> dict[str, object]:
    """gem5's parameters of what differs from `own`."""

    def differs(*keys: str) -> bool:
        return any(getattr(wanted, key) != getattr(own, key) for key in keys)

    burst_ns = BURST_BYTES / wanted.bandwidth_gb_per_s
    access_ns = wanted.latency_ns - wanted.activate_ns - burst_ns - CONTROLLER_NS - CROSSBAR_NS
    write_ns = wanted.turnaround_ns - access_ns - burst_ns
    _check(wanted, burst_ns, access_ns, write_ns)
    found: dict[str, object] = {
        parameter: _ns(getattr(wanted, key))
        for key, parameter in _SAME_MEANING.items()
        if differs(key)
    }
    if differs("bandwidth_gb_per_s"):
        found |= {"tBURST": _ns(burst_ns), "tCK": _ns(burst_ns / 4), "tRRD": _ns(burst_ns)}
        found["tRRD_L"] = _ns(max(4.9, burst_ns))
    if differs("latency_ns", "activate_ns", "bandwidth_gb_per_s"):
        found["tCL"] = _ns(access_ns)
    if differs("turnaround_ns", "latency_ns", "activate_ns", "bandwidth_gb_per_s"):
        found["tWTR"] = _ns(write_ns)
    if differs("row_bytes"):
        found["device_rowbuffer_size"] = f"{wanted.row_bytes // DEVICES}B"
    if differs("banks"):
        found["banks_per_rank"] = wanted.banks
    if wanted.same_bank_ns <= burst_ns:  # a bank is no slower than the channel
        found |= {"bank_groups_per_rank": 0, "tCCD_L": "0ns"}
    elif differs("same_bank_ns"):
        found["tCCD_L"] = _ns(wanted.same_bank_ns)
    return found


def _check(wanted: MemorySettings, burst_ns: float, access_ns: float, write_ns: float) -> None:
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
    if wanted.row_bytes % (DEVICES * BURST_BYTES):
        raise SettingsError(
            f"system.memory.row_bytes: gem5 takes multiples of {DEVICES * BURST_BYTES}"
        )
    if wanted.banks % BANK_GROUPS:
        raise SettingsError(f"system.memory.banks: gem5 takes multiples of {BANK_GROUPS}")
    if wanted.refresh_interval_ns <= max(wanted.precharge_ns, wanted.refresh_ns):
        raise SettingsError("system.memory.refresh_interval_ns: no longer than a refresh")


def _check_energy(energy: EnergySettings, own: Technology) -> None:
    for key in ENERGIES:
        if getattr(energy, key) not in (0.0, getattr(own, key)):
            raise SettingsError(
                f"system.energy.{key}: gem5's DRAM model decides it;"
                f" {own.timing.name} has {getattr(own, key):g}, 0 leaves it out"
            )
    if (energy.dram_background_mw == 0) != (energy.dram_open_mw == 0):
        raise SettingsError(
            "system.energy.dram_open_mw: gem5 has one background energy;"
            " leave out dram_background_mw and dram_open_mw together"
        )


def _ns(value: float) -> str:
    return f"{value:.3f}ns"
