"""Systems of the validation: the shipped presets, and random ones over the ranges of sweeps."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.config.load import load_config
from harness.config.schema import Config

from .networks import write_network

COUNT: Final = 40
PRESETS: Final = ("alpine-hp", "alpine-hp-bus", "alpine-lp", "a55-hermes", "hermes-hp")
_SEED: Final = 20261129
_FIRST_NETWORK: Final = 5  # smaller numbers are the validation's
_NETWORKS: Final = 60
_LEAST_DIVISION: Final = 4  # cycles, of the presets
_MOST_APART: Final = 2  # cycles
_EVERY_RESNET: Final = 8  # systems; it takes gem5 minutes


@dataclass(frozen=True)
class Draw:
    """One system, and the two networks that run on it, each all digital and mapped."""

    index: int
    system: str
    values: tuple[tuple[str, str], ...]  # key and value of each difference from the preset
    networks: tuple[str, str]

    @property
    def name(self) -> str:
        return f"system{self.index:02}"

    def config(self, network: str, mapping: str, folder: Path) -> Config:
        """The configuration of one program; random networks are written to ``folder``."""
        model = network
        if network.startswith("random"):
            model = str(write_network(int(network.removeprefix("random")), folder))
        return load_config(
            system=self.system,
            overrides=["system.tiles=1024", *(f"{key}={value}" for key, value in self.values)],
            run={"model": model, "mapping": mapping, "images": 1},
        )


def draws() -> tuple[Draw, ...]:
    """All systems: first the presets as they are."""
    return tuple(_draw(index) for index in range(COUNT))


def _draw(index: int) -> Draw:
    rng = random.Random(_SEED + index)
    networks = rng.sample(range(_FIRST_NETWORK, _FIRST_NETWORK + _NETWORKS), 2)
    first, second = (f"random{network}" for network in networks)
    if index % _EVERY_RESNET == 0:
        first = "resnet20"
    elif index % 2 == 0:
        first = "lenet5"
    if index < len(PRESETS):
        io = rng.choice(("pio", "dma"))
        return Draw(index, PRESETS[index], (("system.tile.io", io),), (first, second))
    preset = rng.choice(PRESETS)
    values = {**_core(rng), **_caches(rng), **_memory(rng), **_tile(rng)}
    _bring_together(values)
    chosen = tuple((f"system.{key}", value) for key, value in values.items())
    return Draw(index, preset, chosen, (first, second))


def _bring_together(values: dict[str, str]) -> None:
    """Limit the latencies of SIMD operations to those that gem5's MinorCPU can have."""
    keys = [f"core.{key}_latency" for key in ("simd", "simd_mul", "dot", "dot_accumulate", "fp")]
    most = min(_LEAST_DIVISION, *(int(values[key]) for key in keys)) + _MOST_APART
    values.update({key: str(min(int(values[key]), most)) for key in keys})


def _core(rng: random.Random) -> dict[str, str]:
    dot = rng.randint(2, 6)
    return {
        "core.clock_ghz": f"{rng.uniform(0.5, 3.2):.1f}",
        "core.int_latency": str(rng.randint(1, 2)),
        "core.mul_latency": str(rng.randint(2, 5)),
        "core.simd_latency": str(rng.randint(2, 5)),
        "core.simd_mul_latency": str(rng.randint(3, 6)),
        "core.dot_latency": str(dot),
        "core.dot_accumulate_latency": str(dot),
        "core.fp_latency": str(rng.randint(3, 6)),
        "core.simd_units": str(rng.choice((1, 1, 2))),
        "core.store_buffer_entries": str(rng.choice((3, 5, 8))),
    }


def _caches(rng: random.Random) -> dict[str, str]:
    line = str(rng.choice((32, 64, 64, 64, 128)))
    l1i_hit, l1d_hit = rng.randint(1, 3), rng.randint(1, 4)
    return {
        "caches.l1i.line_bytes": line,
        "caches.l1d.line_bytes": line,
        "caches.l2.line_bytes": line,
        "caches.l1i.size_kib": str(rng.choice((16, 32, 64))),
        "caches.l1i.hit_latency_cycles": str(l1i_hit),
        "caches.l1d.size_kib": str(rng.choice((16, 32, 64))),
        "caches.l1d.ways": str(rng.choice((2, 4, 8))),
        "caches.l1d.hit_latency_cycles": str(l1d_hit),
        "caches.l1d.mshrs": str(rng.choice((2, 4, 8))),
        "caches.l1d.prefetch_degree": str(rng.choice((0, 0, 2, 4))),
        "caches.l2.size_kib": str(rng.choice((128, 256, 512, 1024, 2048))),
        "caches.l2.ways": str(rng.choice((4, 8, 16))),
        "caches.l2.hit_latency_cycles": str(rng.randint(8, 30)),
        "caches.l2.mshrs": str(rng.choice((8, 20, 32))),
        "caches.l2.prefetch_degree": str(rng.choice((0, 0, 4))),
        "core.load_to_use_latency": str(l1d_hit + rng.randint(2, 3)),
        "core.branch_mispredict_penalty": str(l1i_hit + rng.randint(5, 9)),
    }


def _memory(rng: random.Random) -> dict[str, str]:
    bandwidth = rng.choice((6.4, 12.8, 19.2, 25.6))
    activate = rng.choice((12.0, 14.16, 18.0))
    access = rng.choice((12.0, 14.16, 20.0))
    burst = 64 / bandwidth
    return {
        "memory.bandwidth_gb_per_s": f"{bandwidth}",
        "memory.activate_ns": f"{activate}",
        "memory.precharge_ns": f"{rng.choice((12.0, 14.16, 18.0))}",
        "memory.latency_ns": f"{30 + activate + access + burst:.2f}",
        "memory.turnaround_ns": f"{access + burst + 5:.2f}",
        "memory.same_bank_ns": f"{1.5 * burst:.2f}",
        "memory.row_bytes": str(rng.choice((2048, 4096, 8192))),
        "memory.banks": str(rng.choice((8, 16, 32))),
    }


def _tile(rng: random.Random) -> dict[str, str]:
    return {
        "tile.rows": str(rng.choice((64, 128, 256, 512, 1024))),
        "tile.columns": str(rng.choice((64, 128, 256, 512))),
        "tile.adc_bits": str(rng.choice((6, 8, 8, 10))),
        "tile.dac_latency_ns": f"{rng.choice((0, 5, 20))}",
        "tile.crossbar_latency_ns": f"{10 ** rng.uniform(1, 3.7):.0f}",
        "tile.adc_latency_ns": f"{rng.choice((0, 30, 200))}",
        "tile.io_bandwidth_gb_per_s": f"{rng.choice((1, 4, 16, 64))}",
        "tile.double_buffer": rng.choice(("true", "false")),
        "tile.io": rng.choice(("pio", "dma")),
    }
