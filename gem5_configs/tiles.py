"""AIMC tiles and where they attach.

`core`: beside the L1s.  A crossbar in front of each L1 data cache takes the accesses to tiles out,
at no cost for the others, to one crossbar; the tiles have the latencies of accesses.  DMA goes
through the L2.
`bus`: on the system crossbar; DMA goes to memory past the L2.
"""

from __future__ import annotations

from m5.objects import (
    AddrRange,
    AimcTile,
    ArmSPI,
    CoherentXBar,
    IOXBar,
    SrcClockDomain,
    SubSystem,
    SystemXBar,
    VoltageDomain,
)

from gem5_configs.caches import make_dma_cache
from gem5_configs.cluster import Cluster
from gem5_configs.settings import Settings, SettingsError

FIRST_INTERRUPT = 320  # shared peripheral interrupts that the board leaves unused
INTERRUPTS = 192

# One tick: any edge of the cores' clock is one of its own, and the accesses that an out-of-order
# core makes in one cycle pass one after the other within it.
SPLIT_CLOCK = "1ps"

# What `system.attach` says of accesses over gem5's crossbars: SystemXBar (frontend 3, forward 4,
# snoop filter 1, response 2, a beat) and L2XBar (frontend 1, response 1, a beat of a load).
_BUS_ACCESS = {
    "through_caches": True,
    "load_latency_ns": 11.0,
    "store_latency_ns": 11.0,
    "load_latency_cycles": 3,
    "store_latency_cycles": 2,
}

_SPLIT_PS = 1  # in which a crossbar of that clock hands an answer on


def tile_range(tiles: int, board: Settings) -> AddrRange:
    """What `tiles` tiles occupy; there is at least one."""
    return AddrRange(board.tile_base, size=tiles * board.tile_window)


def make_tiles(settings: Settings, board: Settings, memory: AddrRange) -> SubSystem:
    """The tiles of a system and their DMA's crossbar and cache; not attached yet."""
    group = SubSystem()
    group.tile = [
        _tile(index, settings.tile, settings.attach, settings.energy, board)
        for index in range(settings.tiles)
    ]
    group.dma_bus = IOXBar()
    group.dma_cache = make_dma_cache([memory])
    group.dma_cache.cpu_side = group.dma_bus.mem_side_ports
    for tile in group.tile:
        tile.dma = group.dma_bus.cpu_side_ports
    return group


def attach_to_bus(group: SubSystem, cluster: Cluster, bus: SystemXBar, attach: Settings) -> None:
    """Attach the tiles to the system crossbar, whose latencies `attach` must have.

    Raises:
        SettingsError: It has others.
    """
    _refuse_extra_beats(attach)
    for key, value in _BUS_ACCESS.items():
        if getattr(attach, key) != value:
            raise SettingsError(
                f"system.attach.{key} is {getattr(attach, key)}; gem5's crossbars give {value}"
            )
    for tile in group.tile:
        tile.pio = bus.mem_side_ports
    cluster.connect_data_caches()
    group.dma_cache.mem_side = bus.cpu_side_ports


def attach_to_cores(group: SubSystem, cluster: Cluster, settings: Settings) -> None:
    """Attach the tiles beside the L1s, with the latencies of `settings.attach`.

    Raises:
        SettingsError: gem5's crossbar cannot have these latencies.
    """
    if settings.attach.through_caches:
        raise SettingsError("system.attach.through_caches: tiles beside the L1s are before them")
    _refuse_extra_beats(settings.attach)
    for part in (*group.tile, group.dma_bus, group.dma_cache):
        part.clk_domain = cluster.clk_domain
    group.voltage_domain = VoltageDomain()
    group.split_clock = SrcClockDomain(clock=SPLIT_CLOCK, voltage_domain=group.voltage_domain)
    group.pio_bus = IOXBar(
        clk_domain=group.split_clock,
        width=64,
        frontend_latency=0,
        forward_latency=0,
        response_latency=0,
        header_latency=0,
    )
    for tile in group.tile:
        tile.pio = group.pio_bus.mem_side_ports
        for kind in ("load", "store"):
            setattr(tile, f"{kind}_latency", _access_latency(settings, kind))
    group.split = [
        CoherentXBar(
            clk_domain=group.split_clock,
            width=64,
            frontend_latency=0,
            forward_latency=0,
            response_latency=0,
            header_latency=0,
            snoop_response_latency=0,
        )
        for _ in cluster.cpus
    ]
    for cpu, monitor, split in zip(cluster.cpus, cluster.data_monitor, group.split, strict=True):
        monitor.mem_side_port = split.cpu_side_ports
        split.mem_side_ports = group.pio_bus.cpu_side_ports
        split.default = cpu.dcache.cpu_side
    group.dma_cache.mem_side = cluster.l2_bus.cpu_side_ports


def tile_parameters(tile: Settings) -> dict[str, object]:
    """The parameters of `AimcTile` that are fields of the section (aimc_tile/core/params.hh).

    They have the fields' names without the units, which gem5 has in the values.
    """
    found: dict[str, object] = {}
    for key, value in tile.items():
        if key.endswith("_ns"):
            found[key.removesuffix("_ns")] = _ns(value)
        elif key.endswith("_gb_per_s"):
            found[key.removesuffix("_gb_per_s")] = _bandwidth(value)
        elif key == "io":
            found["use_dma"] = value == "dma"
        elif key != "name":
            found[key.removesuffix("_lsb")] = value
    return found


def _tile(
    index: int, tile: Settings, attach: Settings, energy: Settings, board: Settings
) -> AimcTile:
    return AimcTile(
        pio_addr=board.tile_base + index * board.tile_window,
        index=index,
        interrupt=ArmSPI(num=FIRST_INTERRUPT + index % INTERRUPTS, int_type="IRQ_TYPE_EDGE_RISING"),
        dma_bandwidth=_bandwidth(attach.dma_bandwidth_gb_per_s),
        **tile_parameters(tile),
        dac_energy=_pj(energy.tile_dac_pj),
        cell_energy=_pj(energy.tile_cell_pj),
        adc_energy=_pj(energy.tile_adc_pj),
        transfer_energy=_pj(energy.tile_transfer_pj_per_byte),
        program_energy=_pj(energy.tile_program_cell_pj),
        leakage_power=energy.tile_leakage_mw * 1e-3,
    )


def _access_latency(settings: Settings, kind: str) -> str:
    """The latency of a load or a store by a core, less what the crossbars take."""
    period_ps = round(1e3 / settings.core.clock_ghz)
    own_ps = getattr(settings.attach, f"{kind}_latency_ns") * 1e3
    own_ps += getattr(settings.attach, f"{kind}_latency_cycles") * period_ps
    if own_ps < _SPLIT_PS:
        raise SettingsError(f"system.attach.{kind}_latency_ns: gem5 needs 0.001 ns")
    return f"{round(own_ps) - _SPLIT_PS}ps"


def _refuse_extra_beats(attach: Settings) -> None:
    for key in ("extra_beat_ns", "load_extra_beat_ns"):
        if getattr(attach, key):
            raise SettingsError(f"system.attach.{key}: gem5's crossbar is 16 bytes wide: 0 only")


def _ns(value: float) -> str:
    return f"{value:.6f}ns"


def _pj(value: float) -> str:
    return f"{value:.9f}pJ"


def _bandwidth(gb_per_s: float) -> str:
    # gem5 keeps whole ticks a byte, and reads the prefix G as 2^30.
    return f"{1e12 / max(round(1e3 / gb_per_s), 1)!r}B/s"
