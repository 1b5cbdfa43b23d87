"""The one configuration schema: frozen, unknown keys refused, units in names.

Defaults live in the preset files (`harness/config/presets/`), each value with its source,
not here: a section is complete or it is an error.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, Self, TypeAlias

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from harness.config.fields import Name, Section, described, preset_name

# Every number has a range: beyond it no device is, or the engines' integers and the reports' sums
# would leave theirs.
Cycles: TypeAlias = Annotated[int, Field(ge=1, le=1000)]  # of the core, for one operation
CrossbarCycles: TypeAlias = Annotated[int, Field(ge=0, le=1000)]
Wait: TypeAlias = Annotated[float, Field(ge=0.0, le=1e6)]  # ns; up to 1 ms an access
# ns; up to 1 s a conversion: the clocks hold 4611 s (2^62 fs) in all.
TileLatency: TypeAlias = Annotated[float, Field(ge=0.0, le=1e9)]
Bandwidth: TypeAlias = Annotated[float, Field(ge=1e-3, le=1e6)]  # GB/s: 1 MB/s to 1 PB/s
Picojoules: TypeAlias = Annotated[float, Field(ge=0.0, le=1e9)]  # up to 1 mJ an event
Milliwatts: TypeAlias = Annotated[float, Field(ge=0.0, le=1e9)]  # up to 1 MW
MOST_TILES: Final = 1024  # of a system
_NONE: Final = ()  # engines
_GEM5: Final = ("gem5",)


class CoreConfig(Section):
    """An in-order, dual-issue AArch64 core.  Latencies in core cycles, result to use."""

    name: Name = preset_name()
    kind: Literal["in_order", "out_of_order"] = described(
        "in_order: as gem5's MinorCPU; out_of_order: gem5's O3CPU, on gem5 only", read_by=_GEM5
    )
    clock_ghz: Annotated[float, Field(ge=1e-3, le=10.0)] = described(
        "Clock of the cores, their L1 caches and the L2"
    )
    issue_width: Annotated[int, Field(ge=1, le=8)] = described(
        "Instructions issued per cycle, at most"
    )
    int_units: Annotated[int, Field(ge=1, le=8)] = described("Integer units")
    simd_units: Annotated[int, Field(ge=1, le=8)] = described("Units for SIMD and floating point")
    load_store_units: Annotated[int, Field(ge=1, le=4)] = described(
        "Loads and stores issued per cycle, at most"
    )
    int_latency: Cycles = described("Integer operation, from issue to the use of its result")
    mul_latency: Cycles = described("Integer multiplication, to the use of its result")
    div_latency: Cycles = described("Integer division, to the use of its result; not pipelined")
    simd_latency: Cycles = described(
        "Integer SIMD operation (add, shift, narrow, permute), to the use of its result"
    )
    simd_mul_latency: Cycles = described("Integer SIMD multiplication, to the use of its result")
    dot_latency: Cycles = described("SDOT or UDOT, to the use of its result by another operation")
    dot_accumulate_latency: Cycles = described(
        "SDOT or UDOT, to the next one that adds to the same register"
    )
    fp_latency: Cycles = described("Floating-point FADD, FMUL or FMLA, to the use of its result")
    fp_div_latency: Cycles = described(
        "Floating-point division or square root, to the use of its result"
    )
    load_to_use_latency: Cycles = described(
        "Load that hits the L1 data cache, from issue to the use of the data"
    )
    store_buffer_entries: Annotated[int, Field(ge=1, le=64)] = described(
        "Stores that wait for the L1 data cache, at most"
    )
    branch_mispredict_penalty: Annotated[int, Field(ge=0, le=1000)] = described(
        "From a mispredicted branch to the issue of the right instruction"
    )
    branch_predictor_entries: Annotated[int, Field(ge=16, le=1 << 20)] = described(
        "Entries of the branch predictor's local tables; a power of two"
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        entries = self.branch_predictor_entries
        if not _is_power_of_two(entries):
            raise ValueError(f"branch_predictor_entries is {entries}, not a power of two")
        if self.dot_accumulate_latency > self.dot_latency:
            raise ValueError(
                f"dot_accumulate_latency {self.dot_accumulate_latency} exceeds dot_latency"
                f" {self.dot_latency}: forwarding cannot be slower than the result"
            )
        return self


class CacheConfig(Section):
    """A set-associative, write-back, write-allocate LRU cache; latencies in core cycles."""

    size_kib: Annotated[int, Field(ge=1, le=65536)] = described("Capacity")
    ways: Annotated[int, Field(ge=1, le=64)] = described("Lines per set")
    line_bytes: Literal[16, 32, 64, 128] = described("Bytes per line; the same in all levels")
    hit_latency_cycles: Annotated[int, Field(ge=0, le=1000)] = described(
        "Latency of a hit, beyond the level above"
    )
    mshrs: Annotated[int, Field(ge=1, le=1024)] = described(
        "Misses in flight, at most (miss status holding registers)"
    )
    prefetch_degree: Annotated[int, Field(ge=0, le=16)] = described(
        "Lines fetched ahead by the prefetcher; 0: there is none"
    )

    @property
    def sets(self) -> int:
        return self.size_kib * 1024 // (self.ways * self.line_bytes)

    @model_validator(mode="after")
    def _check(self) -> Self:
        set_bytes = self.ways * self.line_bytes
        if self.size_kib * 1024 % set_bytes or not _is_power_of_two(self.sets):
            raise ValueError(
                f"{self.size_kib} KiB in {self.ways} ways of {self.line_bytes}-byte lines gives"
                f" {self.size_kib * 1024 / set_bytes:g} sets, which is not a power of two"
            )
        return self


class CachesConfig(Section):
    name: Name = preset_name()
    l1i: CacheConfig = described("L1 instruction cache of each core")
    l1d: CacheConfig = described("L1 data cache of each core")
    l2: CacheConfig = described("L2 cache, shared by all cores")

    @model_validator(mode="after")
    def _check(self) -> Self:
        lines = {self.l1i.line_bytes, self.l1d.line_bytes, self.l2.line_bytes}
        if len(lines) > 1:
            raise ValueError(
                f"line_bytes differ (l1i {self.l1i.line_bytes}, l1d {self.l1d.line_bytes},"
                f" l2 {self.l2.line_bytes}); all levels share one line size"
            )
        for level, cache in (("l1i", self.l1i), ("l1d", self.l1d)):
            if cache.size_kib > self.l2.size_kib:
                raise ValueError(
                    f"{level}.size_kib {cache.size_kib} exceeds l2.size_kib {self.l2.size_kib}"
                )
        return self


class MemoryConfig(Section):
    """One channel of DRAM behind the L2, and its controller."""

    name: Name = preset_name()
    size_mib: Annotated[int, Field(ge=64, le=2048)] = described("Capacity")
    latency_ns: Annotated[float, Field(ge=0.1, le=1e6)] = described(
        "Of a line that misses the L2, its row closed, without queueing"
    )
    bandwidth_gb_per_s: Bandwidth = described("Peak bandwidth of the channel")
    row_bytes: Annotated[int, Field(ge=128, le=1 << 20)] = described(
        "Bytes per row of a bank; a bank has one row open"
    )
    banks: Annotated[int, Field(ge=1, le=1024)] = described(
        "Banks; successive rows are in successive banks"
    )
    activate_ns: Wait = described("Time to open a row; a part of latency_ns")
    precharge_ns: Wait = described("Time to close a row")
    row_open_ns: Wait = described("Time from opening a row to closing it, at least")
    same_bank_ns: Wait = described("Time between two lines of one bank, at least")
    turnaround_ns: Wait = described("Time from a write to the next read")
    refresh_interval_ns: Annotated[float, Field(ge=100.0, le=1e9)] = described(
        "Time from one refresh to the next"
    )
    refresh_ns: Wait = described("Duration of a refresh; all banks wait")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.refresh_ns > self.refresh_interval_ns / 2:
            raise ValueError(
                f"refresh_ns {self.refresh_ns:g} exceeds half of refresh_interval_ns"
                f" {self.refresh_interval_ns:g}: too little time is left between refreshes"
            )
        if self.activate_ns > self.latency_ns:
            raise ValueError(
                f"activate_ns {self.activate_ns:g} exceeds latency_ns {self.latency_ns:g},"
                " of which it is a part"
            )
        return self


class Gem5Dram(Section):
    """The class of gem5 that models the DRAM of a memory preset; no part of a configuration."""

    interface: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$", max_length=64)] = described(
        "gem5's class of DRAM"
    )
    ranks: Annotated[int, Field(ge=1, le=16)] = described("Ranks of the channel")
    energy: Name = described(
        "Energy preset whose dram_ values follow from the currents of the class"
    )


class AttachConfig(Section):
    """Where tiles sit: cost of one access from the core, and their DMA path.

    Every latency is blocking for the access as a whole.
    """

    name: Name = preset_name()
    point: Literal["core", "bus"] = described(
        "core: beside the L1 caches, DMA by the L2; bus: on the system crossbar, DMA past the L2"
    )
    load_latency_ns: Wait = described(
        "Of a device load of up to 8 bytes; load_latency_cycles come on top"
    )
    store_latency_ns: Wait = described(
        "Of a device store of up to 8 bytes; store_latency_cycles come on top"
    )
    load_latency_cycles: CrossbarCycles = described(
        "Of a device load, in cycles of the core's clock"
    )
    store_latency_cycles: CrossbarCycles = described(
        "Of a device store, in cycles of the core's clock"
    )
    through_caches: bool = described(
        "Whether the core's accesses pass its L1D and the L2, and take both hit latencies each way;"
        " they come on top"
    )
    extra_beat_ns: Wait = described("Added to a store for each further 8 bytes")
    load_extra_beat_ns: Wait | None = described(
        "Added to a load for each further 8 bytes; null: as extra_beat_ns", default=None
    )
    dma_bandwidth_gb_per_s: Bandwidth = described("Bandwidth of a tile's DMA path")

    @property
    def load_beat_ns(self) -> float:
        """Added to a load for each further 8 bytes."""
        own_ns = self.load_extra_beat_ns
        return self.extra_beat_ns if own_ns is None else own_ns


class TileConfig(Section):
    """One AIMC tile; all tiles of a system are alike."""

    name: Name = preset_name()
    rows: Annotated[int, Field(ge=1, le=16384)] = described(
        "Rows of the crossbar: inputs of a multiplication, at most"
    )
    columns: Annotated[int, Field(ge=1, le=4096)] = described(
        "Columns of the crossbar: outputs of a multiplication, at most"
    )
    dac_bits: Annotated[int, Field(ge=2, le=8)] = described("Resolution of the input converters")
    adc_bits: Annotated[int, Field(ge=2, le=16)] = described("Resolution of the output converters")
    dac_latency_ns: TileLatency = described("Input conversion of one multiplication")
    crossbar_latency_ns: TileLatency = described("Analog multiplication in the crossbar")
    adc_latency_ns: TileLatency = described("Output conversion of one multiplication")
    program_row_latency_ns: TileLatency = described("Programming of one row of cells")
    io_bandwidth_gb_per_s: Bandwidth = described("Between the tile's port and its buffers")
    double_buffer: bool = described("Two input and two output banks instead of one of each")
    io: Literal["pio", "dma"] = described(
        "pio: the core moves inputs and outputs by programmed I/O; dma: the tile moves them"
    )
    noise: bool = described("Whether read noise and output noise act")
    output_noise_lsb: Annotated[float, Field(ge=0.0, le=65536.0)] = described(
        "Standard deviation at the ADC, in ADC steps"
    )
    read_noise_lsb: Annotated[float, Field(ge=0.0, le=4096.0)] = described(
        "Standard deviation of one cell at each multiplication, in conductance steps"
    )
    seed: Annotated[int, Field(ge=0, le=(1 << 64) - 1)] = described("Key of the noise")


class EnergyConfig(Section):
    """Energy of each event and leakage powers.  Zero only where the source says so."""

    name: Name = preset_name()
    int_op_pj: Picojoules = described("Integer operation", read_by=_NONE)
    simd_op_pj: Picojoules = described("Integer SIMD operation, dot products apart", read_by=_NONE)
    dot_op_pj: Picojoules = described("SDOT or UDOT", read_by=_NONE)
    fp_op_pj: Picojoules = described("Floating-point operation", read_by=_NONE)
    load_store_pj: Picojoules = described(
        "Load or store in the core; the cache is counted apart", read_by=_NONE
    )
    branch_pj: Picojoules = described("Branch", read_by=_NONE)
    fetch_pj: Picojoules = described(
        "Front end, per instruction; the instruction cache is counted apart", read_by=_NONE
    )
    l1_access_pj: Picojoules = described("Access of 64 bits to an L1 cache", read_by=_NONE)
    l2_access_pj: Picojoules = described("Access of a line to the L2", read_by=_NONE)
    dram_read_pj_per_byte: Picojoules = described("DRAM read, per byte", read_by=_GEM5)
    dram_write_pj_per_byte: Picojoules = described("DRAM write, per byte", read_by=_GEM5)
    dram_activate_pj: Picojoules = described("Opening and closing of a DRAM row", read_by=_GEM5)
    core_leakage_mw: Milliwatts = described("Leakage per core", read_by=_NONE)
    l2_leakage_mw: Milliwatts = described("Leakage of the L2", read_by=_NONE)
    dram_background_mw: Milliwatts = described(
        "DRAM standby with all rows closed, and refresh", read_by=_GEM5
    )
    dram_open_mw: Milliwatts = described(
        "What DRAM standby takes more while a row is open", read_by=_GEM5
    )
    tile_dac_pj: Picojoules = described("Per converted input", read_by=_NONE)
    tile_cell_pj: Picojoules = described("Per active cell and multiplication", read_by=_NONE)
    tile_adc_pj: Picojoules = described("Per converted output", read_by=_NONE)
    tile_transfer_pj_per_byte: Picojoules = described(
        "Per byte into or out of a tile's buffers", read_by=_NONE
    )
    tile_program_cell_pj: Picojoules = described("Per programmed cell", read_by=_NONE)
    tile_leakage_mw: Milliwatts = described("Leakage per tile in use", read_by=_NONE)
    bus_pj_per_access: Picojoules = described("Per device access of the core", read_by=_NONE)


class SystemConfig(Section):
    """A whole simulated system."""

    name: Name = preset_name()
    cores: Annotated[int, Field(ge=1, le=8)] = described(
        "Cores; the embedded engine simulates one", read_by=_GEM5
    )
    tiles: Annotated[int, Field(ge=0, le=MOST_TILES)] = described("AIMC tiles, all alike")
    core: CoreConfig = described("The cores")
    caches: CachesConfig = described("L1 caches and L2")
    memory: MemoryConfig = described("DRAM behind the L2")
    attach: AttachConfig = described("Where tiles are attached")
    tile: TileConfig = described("The tiles")
    energy: EnergyConfig = described("Energies per event and leakage powers", read_by=_GEM5)

    @model_validator(mode="after")
    def _check(self) -> Self:
        use, hit = self.core.load_to_use_latency, self.caches.l1d.hit_latency_cycles
        if use < hit:
            raise ValueError(
                f"core.load_to_use_latency {use} is below caches.l1d.hit_latency_cycles {hit},"
                " which is a part of it"
            )
        return self

    def device_load_ns(self) -> float:
        """Time of a load of up to 8 bytes from a tile's window by a core."""
        attach = self.attach
        return attach.load_latency_ns + self._cycles_ns(attach.load_latency_cycles)

    def device_store_ns(self) -> float:
        """Time of a store of up to 8 bytes to a tile's window by a core."""
        attach = self.attach
        return attach.store_latency_ns + self._cycles_ns(attach.store_latency_cycles)

    def _cycles_ns(self, cycles: float) -> float:
        """Time of a device access's own `cycles`, and of the caches that it passes."""
        if self.attach.through_caches:
            caches = self.caches
            cycles += 2 * (caches.l1d.hit_latency_cycles + caches.l2.hit_latency_cycles)
        return cycles / self.core.clock_ghz


class RunConfig(Section):
    """What to run on it."""

    model: Annotated[str, Field(min_length=1, max_length=4096)] = described(
        "Built-in network, or the path of an .onnx file"
    )
    input_size: Annotated[int, Field(ge=8, le=1024)] | None = described(
        "Height and width of the input in pixels; null: the network's own"
    )
    mapping: Annotated[str, Field(min_length=1, max_length=4096)] = described(
        "digital: all layers on the core; analog: all that can be on tiles; or a mapping's file"
    )
    placement: Literal["resident", "replicate", "reload"] = described(
        "resident: each layer has its tiles; replicate: and copies on others; reload: by turns"
    )
    checkpoint: str | None = described(
        "Weights, the path of a .safetensors file; null: the shipped ones if there are any"
    )
    dataset: str | None = described(
        "Folder or file of the images; null: the network's own if it is bundled"
    )
    images: Annotated[int, Field(ge=1, le=10000)] = described(
        "Images that are inferred and measured"
    )
    warmup: Annotated[int, Field(ge=0, le=100)] = described(
        "Unmeasured inferences before the first image"
    )
    kernels: Literal["reference", "neon"] = described(
        "reference: plain C; neon: with the core's SIMD instructions"
    )
    fp32_baseline: bool = described("Whether the float network is simulated too, to compare with")
    seed: Annotated[int, Field(ge=0, le=(1 << 32) - 1)] = described(
        "Seed of random weights and images"
    )
    timeout_s: Annotated[float, Field(ge=1e-3, le=1e9)] = described(
        "Time on the host that the simulation of one program may take"
    )
    engine: Name = described(
        "embedded: the harness's own timing model; gem5: gem5's models; or one of another package"
    )
    fast_forward: str | None = described(
        "Name or number of the region where gem5's detailed core begins; null: at reset",
        default=None,
        min_length=1,
        max_length=256,
    )

    @model_serializer(mode="wrap")
    def _without_unused(self, values: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave ``fast_forward`` out where it is not used: as before the field existed."""
        found: dict[str, Any] = values(self)
        if found.get("fast_forward") is None:
            found.pop("fast_forward", None)
        return found


class Config(Section):
    """The whole configuration of one run; its canonical JSON's SHA-256 names the run."""

    system: SystemConfig = described("The simulated system")
    run: RunConfig = described("What runs on it")


def _is_power_of_two(value: int) -> bool:
    return value > 0 and value & (value - 1) == 0
