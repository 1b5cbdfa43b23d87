"""The cores with their private L1s and the shared L2."""

from __future__ import annotations

from m5.objects import (
    L2XBar,
    SrcClockDomain,
    SubSystem,
    SystemXBar,
    VoltageDomain,
)

from gem5_configs.caches import make_l1d, make_l1i, make_l2
from gem5_configs.cores import make_core, make_fast_core
from gem5_configs.meters import make_meter, make_monitor
from gem5_configs.settings import Settings


class Cluster(SubSystem):
    """`cpus` are in place from reset; `detailed` take over from them if that is asked for.

    What comes behind the monitors of the cores' data ports is left to `connect_data_caches`, or to
    the tiles (tiles.py), which can stand `beside_l1`.
    """

    def __init__(self, settings: Settings, fast_forward: bool, beside_l1: bool) -> None:
        super().__init__()
        self.voltage_domain = VoltageDomain()
        self.clk_domain = SrcClockDomain(
            clock=f"{settings.core.clock_ghz}GHz", voltage_domain=self.voltage_domain
        )
        caches = settings.caches
        detailed = [
            make_core(settings.core, caches.l1i, caches.l1d, index)
            for index in range(settings.cores)
        ]
        if fast_forward:
            self.cpus = [make_fast_core(index) for index in range(settings.cores)]
            self.detailed = detailed
        else:
            self.cpus = detailed
        for cpu in self.cpus:
            cpu.createThreads()
            cpu.createInterruptController()
        self.l2_bus = L2XBar()
        self.l2 = make_l2(caches.l2)
        self.l2.cpu_side = self.l2_bus.mem_side_ports
        for cpu in self.cpus:
            cpu.icache = make_l1i(caches.l1i)
            cpu.dcache = make_l1d(caches.l1d, beside_l1)
            for cache in (cpu.icache, cpu.dcache):
                cache.mem_side = self.l2_bus.cpu_side_ports
            cpu.mmu.connectWalkerPorts(self.l2_bus.cpu_side_ports, self.l2_bus.cpu_side_ports)
        self.fetch_monitor = [make_monitor() for _ in self.cpus]
        self.data_monitor = [make_monitor() for _ in self.cpus]
        for cpu, fetch, data in zip(self.cpus, self.fetch_monitor, self.data_monitor, strict=True):
            cpu.icache_port = fetch.cpu_side_port
            fetch.mem_side_port = cpu.icache.cpu_side
            cpu.dcache_port = data.cpu_side_port
        self.meter = [
            make_meter(index, settings.core, caches, fetch, data)
            for index, (fetch, data) in enumerate(
                zip(self.fetch_monitor, self.data_monitor, strict=True)
            )
        ]
        if fast_forward:
            for cpu in self.detailed:
                cpu.switched_out = True
                cpu.createThreads()

    def attach(self, bus: SystemXBar) -> None:
        self.l2.mem_side = bus.cpu_side_ports

    def connect_data_caches(self) -> None:
        for cpu, monitor in zip(self.cpus, self.data_monitor, strict=True):
            monitor.mem_side_port = cpu.dcache.cpu_side
