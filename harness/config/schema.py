"""The one configuration schema: frozen, unknown keys refused, units in names.

Defaults live in the preset files (`harness/config/presets/`), each value with its source,
not here: a section is complete or it is an error.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, Self, TypeAlias, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)
from pydantic.fields import FieldInfo

Name: TypeAlias = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$", max_length=64)]

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
NoiseScale: TypeAlias = Annotated[float, Field(ge=0.0, le=1e3)]  # times what was measured
MOST_TILES: Final = 1024  # of a system
Images: TypeAlias = Annotated[int, Field(ge=1, le=10_000_000)]  # more than any split has


class Section(BaseModel):
    """Base of every section: immutable, strict about keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


class CoreConfig(Section):
    """An in-order, dual-issue AArch64 core.  Latencies in core cycles, result to use."""

    name: Name
    kind: Literal["in_order", "out_of_order"]
    clock_ghz: Annotated[float, Field(ge=1e-3, le=10.0)]  # from 1 MHz
    issue_width: Annotated[int, Field(ge=1, le=8)]
    int_units: Annotated[int, Field(ge=1, le=8)]
    simd_units: Annotated[int, Field(ge=1, le=8)]
    load_store_units: Annotated[int, Field(ge=1, le=4)]
    int_latency: Cycles
    mul_latency: Cycles
    div_latency: Cycles
    simd_latency: Cycles  # integer SIMD: add, shift, narrow, permute
    simd_mul_latency: Cycles
    dot_latency: Cycles  # SDOT/UDOT; accumulator forwarding is dot_accumulate_latency
    dot_accumulate_latency: Cycles
    fp_latency: Cycles  # fadd, fmul, fmla
    fp_div_latency: Cycles
    load_to_use_latency: Cycles  # L1D hit
    store_buffer_entries: Annotated[int, Field(ge=1, le=64)]
    branch_mispredict_penalty: Annotated[int, Field(ge=0, le=1000)]
    branch_predictor_entries: Annotated[int, Field(ge=16, le=1 << 20)]  # power of two

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

    size_kib: Annotated[int, Field(ge=1, le=65536)]
    ways: Annotated[int, Field(ge=1, le=64)]
    line_bytes: Literal[16, 32, 64, 128]
    hit_latency_cycles: Annotated[int, Field(ge=0, le=1000)]  # beyond the level above
    mshrs: Annotated[int, Field(ge=1, le=1024)]
    prefetch_degree: Annotated[int, Field(ge=0, le=16)]  # 0: no stride prefetcher

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
    name: Name
    l1i: CacheConfig
    l1d: CacheConfig
    l2: CacheConfig

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

    name: Name
    size_mib: Annotated[int, Field(ge=64, le=2048)]
    # Of a line that misses the L2, its row closed, without queueing.
    latency_ns: Annotated[float, Field(ge=0.1, le=1e6)]
    bandwidth_gb_per_s: Bandwidth
    row_bytes: Annotated[int, Field(ge=128, le=1 << 20)]  # of one bank, open at a time
    banks: Annotated[int, Field(ge=1, le=1024)]  # successive rows go round them
    activate_ns: Wait  # to open a row; a part of latency_ns
    precharge_ns: Wait  # to close one
    row_open_ns: Wait  # between the two at least
    same_bank_ns: Wait  # between two lines of a bank
    turnaround_ns: Wait  # from a write to the next read
    refresh_interval_ns: Annotated[float, Field(ge=100.0, le=1e9)]
    refresh_ns: Wait  # all banks wait

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


class AttachConfig(Section):
    """Where tiles sit: cost of one access from the core, and their DMA path.

    Every latency is blocking for the access as a whole.
    """

    name: Name
    point: Literal["core", "bus"]
    load_latency_ns: Wait  # one device load of up to 8 bytes; the cycles below come on top
    store_latency_ns: Wait
    load_latency_cycles: CrossbarCycles  # of the core's clock
    store_latency_cycles: CrossbarCycles
    extra_beat_ns: Wait  # added to a store for each further 8 bytes
    load_extra_beat_ns: Wait | None = None  # the same for a load; None: extra_beat_ns
    dma_bandwidth_gb_per_s: Bandwidth

    def load_ns(self, clock_ghz: float) -> float:
        """Time of a load of up to 8 bytes by a core of this clock."""
        return self.load_latency_ns + self.load_latency_cycles / clock_ghz

    def store_ns(self, clock_ghz: float) -> float:
        """Time of a store of up to 8 bytes by a core of this clock."""
        return self.store_latency_ns + self.store_latency_cycles / clock_ghz


class TileConfig(Section):
    """One AIMC tile; all tiles of a system are alike."""

    name: Name
    rows: Annotated[int, Field(ge=1, le=16384)]
    columns: Annotated[int, Field(ge=1, le=4096)]
    dac_bits: Annotated[int, Field(ge=2, le=8)]
    adc_bits: Annotated[int, Field(ge=2, le=16)]
    dac_latency_ns: TileLatency
    crossbar_latency_ns: TileLatency
    adc_latency_ns: TileLatency
    program_row_latency_ns: TileLatency
    io_bandwidth_gb_per_s: Bandwidth  # between the port and the tile's buffers
    double_buffer: bool
    io: Literal["pio", "dma"]
    noise: bool
    # Standard deviations: at the ADC, in ADC steps; of one cell, in conductance steps.
    output_noise_lsb: Annotated[float, Field(ge=0.0, le=65536.0)]
    read_noise_lsb: Annotated[float, Field(ge=0.0, le=4096.0)]
    seed: Annotated[int, Field(ge=0, le=(1 << 64) - 1)]


class EnergyConfig(Section):
    """Energy of each event and leakage powers.  Zero only where the source says so."""

    name: Name
    int_op_pj: Picojoules
    simd_op_pj: Picojoules
    dot_op_pj: Picojoules
    fp_op_pj: Picojoules
    load_store_pj: Picojoules  # core side of an access; the cache is counted apart
    branch_pj: Picojoules
    fetch_pj: Picojoules  # front end, per instruction
    l1_access_pj: Picojoules
    l2_access_pj: Picojoules
    dram_read_pj_per_byte: Picojoules
    dram_write_pj_per_byte: Picojoules
    dram_activate_pj: Picojoules  # to open a row and to close it
    core_leakage_mw: Milliwatts
    l2_leakage_mw: Milliwatts
    dram_background_mw: Milliwatts  # standby with all rows closed, and refresh
    dram_open_mw: Milliwatts  # what standby takes more while a row is open
    tile_dac_pj: Picojoules  # per converted input
    tile_cell_pj: Picojoules  # per active cell and MVM
    tile_adc_pj: Picojoules  # per converted output
    tile_transfer_pj_per_byte: Picojoules
    tile_program_cell_pj: Picojoules
    tile_leakage_mw: Milliwatts  # per tile in use
    bus_pj_per_access: Picojoules  # a device access of the core


class SystemConfig(Section):
    """A whole simulated system."""

    name: Name
    cores: Annotated[int, Field(ge=1, le=8)]
    tiles: Annotated[int, Field(ge=0, le=MOST_TILES)]
    core: CoreConfig
    caches: CachesConfig
    memory: MemoryConfig
    attach: AttachConfig
    tile: TileConfig
    energy: EnergyConfig

    @model_validator(mode="after")
    def _check(self) -> Self:
        use, hit = self.core.load_to_use_latency, self.caches.l1d.hit_latency_cycles
        if use < hit:
            raise ValueError(
                f"core.load_to_use_latency {use} is below caches.l1d.hit_latency_cycles {hit},"
                " which is a part of it"
            )
        return self


class NoiseConfig(Section):
    """Devices of the analog tiles: how programmed weights deviate, and what training assumes.

    The device model and its coefficients are aihwkit's (`PCMLikeNoiseModel`).  Converter widths
    are the tile's own; `harness.accuracy.noise.with_noise` puts ``output_noise`` on a tile.
    """

    name: Name
    model: Literal["pcm", "none"]  # none: weights stay exactly what they were
    g_max_microsiemens: Annotated[float, Field(ge=1e-3, le=1e6)]  # of a column's largest weight
    prog_noise_scale: NoiseScale  # 1: as measured; 0: off
    read_noise_scale: NoiseScale  # 1/f noise since programming, frozen at the time of evaluation
    drift_scale: NoiseScale
    drift_compensation: Literal["none", "global"]  # global: one factor a layer
    t_eval_s: Annotated[float, Field(ge=0.0, le=1e10)]  # since programming ended
    # Standard deviation and range at the converter, where inputs reach 1 and weights 1.
    output_noise: Annotated[float, Field(ge=0.0, le=1e3)]
    output_bound: Annotated[float, Field(ge=1e-3, le=1e6)]
    # Standard deviation of a cell at each multiplication, in steps of a tile's conductance.
    cell_read_noise_lsb: Annotated[float, Field(ge=0.0, le=4096.0)]
    # Of the weights while retraining, in shares of a column's largest weight.
    training_weight_noise: Annotated[float, Field(ge=0.0, le=10.0)]


class SearchConfig(Section):
    """How a mapping is searched, and how its network is retrained meanwhile."""

    name: Name
    strategy: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$", max_length=64)]
    drop_points: Annotated[float, Field(ge=0.0, le=100.0)]  # percentage points below float
    # One-sided, with which the bound must hold beyond these images and devices; None: in the mean.
    confidence: Annotated[float, Field(ge=0.5, lt=1.0)] | None
    repetitions: Annotated[int, Field(ge=1, le=1000)]  # programmings that a mean is taken over
    survey_repetitions: Annotated[int, Field(ge=1, le=1000)]  # of each layer alone
    survey_images: Images  # the same for the images; at most validation_images
    confirm_repetitions: Annotated[
        int, Field(ge=0, le=1000)
    ]  # of what was found, on other devices; 0: it is not confirmed
    validation_images: Images  # the first ones of the validation split; at most all
    warmup_epochs: Annotated[
        float, Field(ge=0.0, le=1000.0)
    ]  # retraining with all candidates noisy
    retrain_epochs: Annotated[float, Field(ge=0.0, le=1000.0)]  # after each conversion; 0: none
    retrain_rate: Annotated[float, Field(ge=1e-9, le=1.0)]  # of the recipe's peak learning rate
    costly_layers: bool  # whether the benefit strategies may convert layers that save nothing
    seed: Annotated[int, Field(ge=0, le=(1 << 31) - 1)]

    @model_validator(mode="after")
    def _check(self) -> Self:
        few = min(self.repetitions, self.validation_images) < 2 or self.confirm_repetitions == 1
        if few and self.confidence not in (None, 0.5):
            raise ValueError(
                "a confidence needs two repetitions (also confirm_repetitions, unless 0)"
                " and two validation images"
            )
        return self


class RunConfig(Section):
    """What to run on it."""

    model: Annotated[str, Field(min_length=1, max_length=4096)]  # built-in name or .onnx path
    input_size: Annotated[int, Field(ge=8, le=1024)] | None  # square input; None: the model's own
    mapping: Annotated[str, Field(min_length=1, max_length=4096)]  # digital, analog or a .json path
    placement: Literal["resident", "replicate", "reload"]  # how layers share the tiles
    checkpoint: str | None  # .safetensors; None: the shipped one if there is one
    dataset: str | None  # folder or file; None: the workload's own if it is bundled
    images: Annotated[int, Field(ge=1, le=10000)]
    warmup: Annotated[int, Field(ge=0, le=100)]  # unmeasured inferences before the first image
    kernels: Literal["reference", "neon"]
    fp32_baseline: bool  # whether the float network is simulated too, to compare with
    seed: Annotated[int, Field(ge=0, le=(1 << 32) - 1)]
    timeout_s: Annotated[float, Field(ge=1e-3, le=1e9)]  # of the host, a program
    engine: Literal["embedded", "gem5"]
    # Name or number of the region where gem5's detailed core begins; None: at reset.
    fast_forward: str | None = Field(None, min_length=1, max_length=256)

    @model_serializer(mode="wrap")
    def _without_unused(self, values: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave ``fast_forward`` out where it is not used: as before the field existed."""
        found: dict[str, Any] = values(self)
        if found.get("fast_forward") is None:
            found.pop("fast_forward", None)
        return found


class Config(Section):
    """The whole configuration of one run; its canonical JSON's SHA-256 names the run."""

    system: SystemConfig
    run: RunConfig

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.run.engine == "embedded" and self.system.core.kind != "in_order":
            raise ValueError(
                f"the embedded engine times in-order cores, but the core preset"
                f" {self.system.core.name!r} is {self.system.core.kind}: choose run.engine=gem5"
                " or an in-order core"
            )
        if self.run.engine == "embedded" and self.run.fast_forward is not None:
            raise ValueError(
                "run.fast_forward is of gem5: the embedded engine takes seconds from reset to the"
                " first layer, and measures the programming of the tiles, too; leave it out"
            )
        return self


class LoopConfig(Section):
    """The configuration of the accuracy loop."""

    noise: NoiseConfig
    search: SearchConfig


def _is_power_of_two(value: int) -> bool:
    return value > 0 and value & (value - 1) == 0


def number_range(field: FieldInfo) -> tuple[float | None, float | None]:
    """The smallest and the largest value that a number may have; None where there is no bound."""
    annotated = [*field.metadata]
    for option in get_args(field.annotation):  # of a number or None
        annotated += getattr(option, "__metadata__", ())
    low = high = None
    for item in annotated:
        for bound in getattr(item, "metadata", None) or [item]:
            low = getattr(bound, "ge", getattr(bound, "gt", low))
            high = getattr(bound, "le", getattr(bound, "lt", high))
    return low, high
