"""The simulated board: gem5's VExpress_GEM5_V2 platform around the harness's system."""

from __future__ import annotations

from m5.objects import (
    AddrRange,
    ArmDefaultRelease,
    ArmFsWorkload,
    ArmSystem,
    Bridge,
    IOXBar,
    NoDevice,
    Root,
    SrcClockDomain,
    SystemXBar,
    Terminal,
    VExpress_GEM5_V2,
    VncServer,
    VoltageDomain,
)

from gem5_configs.cluster import Cluster
from gem5_configs.memory import make_memory
from gem5_configs.settings import Settings
from gem5_configs.tiles import attach_to_bus, attach_to_cores, make_tiles, tile_range

SYSTEM_CLOCK = "1GHz"


def make_root(settings: Settings) -> Root:
    """The whole simulation, not instantiated yet.

    Raises:
        SettingsError: gem5's models cannot be what the settings ask for.
    """
    wanted = settings.system
    fast_forward = settings.fast_forward_to is not None
    memory = AddrRange(settings.board.dram_base, size=wanted.memory.size_mib << 20)

    system = ArmSystem(
        # Without EL3 and EL2 a program starts at EL1, where the harness's run.
        release=ArmDefaultRelease.for_kvm(),
        workload=ArmFsWorkload(object_file=settings.elf),
        mem_mode="atomic" if fast_forward else "timing",
        mem_ranges=[memory],
        m5ops_base=settings.board.m5ops_base,
        exit_on_work_items=True,
        cache_line_size=wanted.caches.l1d.line_bytes,
    )
    system.voltage_domain = VoltageDomain()
    system.clk_domain = SrcClockDomain(clock=SYSTEM_CLOCK, voltage_domain=system.voltage_domain)
    system.realview = VExpress_GEM5_V2()
    system.terminal = Terminal(outfile="file")
    system.vncserver = VncServer()
    _make_buses(system)

    beside_l1 = wanted.tiles > 0 and wanted.attach.point == "core"
    system.cluster = Cluster(wanted, fast_forward, beside_l1)
    system.cluster.attach(system.membus)
    system.memory = make_memory(wanted.memory, settings.dram, memory)
    system.memory.port = system.membus.mem_side_ports
    if wanted.tiles > 0:
        system.tiles = make_tiles(wanted, settings.board, memory)
        for meter in system.cluster.meter:
            meter.tiles = list(system.tiles.tile)
        _cut(system.iobridge, tile_range(wanted.tiles, settings.board))
        if beside_l1:
            attach_to_cores(system.tiles, system.cluster, wanted)
        else:
            attach_to_bus(system.tiles, system.cluster, system.membus, wanted.attach)
    else:
        system.cluster.connect_data_caches()
    return Root(full_system=True, system=system)


def _make_buses(system: ArmSystem) -> None:
    """The system crossbar and the peripherals'; an address without a device ends the simulation."""
    system.membus = SystemXBar()
    system.membus.nobody = NoDevice()
    system.membus.default = system.membus.nobody.pio
    system.iobus = IOXBar()
    system.iobus.nobody = NoDevice()
    system.iobus.default = system.iobus.nobody.pio
    system.iobridge = Bridge(delay="50ns")
    system.iobridge.mem_side_port = system.iobus.cpu_side_ports
    system.iobridge.cpu_side_port = system.membus.mem_side_ports
    # Peripherals' own DMA, which the harness's programs do not use.
    system.dmabridge = Bridge(delay="50ns", ranges=system.mem_ranges)
    system.dmabridge.mem_side_port = system.membus.cpu_side_ports
    system.dmabridge.cpu_side_port = system.iobus.mem_side_ports
    system.realview.attachOnChipIO(system.membus, system.iobridge)
    system.realview.attachIO(system.iobus)
    system.system_port = system.membus.cpu_side_ports


def _cut(bridge: Bridge, hole: AddrRange) -> None:
    """Takes `hole`, which lies within one of the bridge's ranges, out of them."""
    first, last = int(hole.start), int(hole.end)
    ranges = []
    for whole in bridge.ranges:
        start, end = int(whole.start), int(whole.end)
        if start <= first and last <= end:
            ranges += [AddrRange(start, first)] if start < first else []
            ranges += [AddrRange(last, end)] if last < end else []
        else:
            ranges.append(whole)
    bridge.ranges = ranges
