"""Cores from the harness's core presets: gem5's MinorCPU (in order) and O3CPU (out of order).

The harness gives latencies from a result to its use.  MinorCPU counts from issue to the end of a
functional unit and lets operands come late by `srcRegsRelativeLats`; a pipelined unit with operands
up to 2 cycles late therefore has `opLat` = latency + 2.
"""

from __future__ import annotations

from m5.objects import (
    ArmMinorCPU,
    ArmO3CPU,
    AtomicSimpleCPU,
    BaseCPU,
    FUDesc,
    FUPool,
    MinorDefaultMemFU,
    MinorDefaultMiscFU,
    MinorDefaultPredFU,
    MinorFU,
    MinorFUPool,
    MinorFUTiming,
    OpDesc,
    TournamentBP,
    minorMakeOpClassSet,
)

from gem5_configs.settings import Settings, SettingsError

FORWARDING = 2  # cycles by which an operand may come late

SIMD_INTEGER = [
    "SimdAdd",
    "SimdAddAcc",
    "SimdAlu",
    "SimdCmp",
    "SimdCvt",
    "SimdMisc",
    "SimdShift",
    "SimdShiftAcc",
    "SimdReduceAdd",
    "SimdReduceAlu",
    "SimdReduceCmp",
    "SimdAes",
    "SimdAesMix",
    "SimdSha1Hash",
    "SimdSha1Hash2",
    "SimdSha256Hash",
    "SimdSha256Hash2",
    "SimdShaSigma2",
    "SimdShaSigma3",
    "SimdExt",
    "SimdConfig",
    "Matrix",
    "MatrixMov",
    "MatrixOP",
]
SIMD_MULTIPLY = ["SimdMult", "SimdMultAcc", "SimdMatMultAcc", "SimdDiv", "SimdSqrt"]
FLOAT = [
    "FloatAdd",
    "FloatCmp",
    "FloatCvt",
    "FloatMisc",
    "FloatMult",
    "FloatMultAcc",
    "SimdFloatAdd",
    "SimdFloatAlu",
    "SimdFloatCmp",
    "SimdFloatCvt",
    "SimdFloatMisc",
    "SimdFloatMult",
    "SimdFloatMultAcc",
    "SimdFloatMatMultAcc",
    "SimdFloatReduceAdd",
    "SimdFloatReduceCmp",
    "SimdFloatExt",
]
FLOAT_DIVIDE = ["FloatDiv", "FloatSqrt", "SimdFloatDiv", "SimdFloatSqrt"]
LOADS = ["MemRead", "FloatMemRead", "SimdUnitStrideLoad", "SimdStridedLoad", "SimdIndexedLoad"]
STORES = [
    "MemWrite",
    "FloatMemWrite",
    "SimdUnitStrideStore",
    "SimdStridedStore",
    "SimdIndexedStore",
]

# SDOT and UDOT, by vector and by element: gem5 puts them with the additions, so they are told
# apart by their encoding (Arm ARM, C7.2.280 and C7.2.281), Q and U free.
DOT_ENCODINGS = ((0x9FE0FC00, 0x0E809400), (0x9FC0F400, 0x0F80E000))


def make_core(core: Settings, l1i: Settings, l1d: Settings, index: int) -> BaseCPU:
    """The core number `index`, without caches.

    Raises:
        SettingsError: gem5's core cannot have these latencies.
    """
    if core.kind == "in_order":
        return _in_order(core, l1i, l1d, index)
    return _out_of_order(core, index)


def make_fast_core(index: int) -> BaseCPU:
    """A functional core that stands in for core `index` until the detailed one takes over."""
    return AtomicSimpleCPU(cpu_id=index)


def _in_order(core: Settings, l1i: Settings, l1d: Settings, index: int) -> BaseCPU:
    _equal(core, "dot_accumulate_latency", "dot_latency", "MinorCPU forwards both alike")
    # What the pipeline itself adds to a load that hits and to a mispredicted branch.
    memory = _rest(core, "load_to_use_latency", l1d.hit_latency_cycles + 1)
    branch = _rest(core, "branch_mispredict_penalty", l1i.hit_latency_cycles + 4)
    width = core.issue_width
    return ArmMinorCPU(
        cpu_id=index,
        decodeInputWidth=width,
        executeInputWidth=width,
        executeIssueLimit=width,
        executeCommitLimit=width,
        executeMemoryIssueLimit=core.load_store_units,
        executeMemoryCommitLimit=core.load_store_units,
        executeLSQStoreBufferSize=core.store_buffer_entries,
        executeBranchDelay=branch,
        executeFuncUnits=MinorFUPool(
            funcUnits=[
                *(_integer_unit(core) for _ in range(core.int_units)),
                _multiplier(core),
                _divider(core),
                *(_simd_unit(core) for _ in range(core.simd_units)),
                *_float_dividers(core),
                MinorDefaultPredFU(),
                *(MinorDefaultMemFU(opLat=memory) for _ in range(core.load_store_units)),
                MinorDefaultMiscFU(),
            ]
        ),
        branchPred=TournamentBP(localPredictorSize=core.branch_predictor_entries),
    )


def _integer_unit(core: Settings) -> MinorFU:
    return MinorFU(
        opClasses=minorMakeOpClassSet(["IntAlu"]),
        timings=[MinorFUTiming(description="Int", srcRegsRelativeLats=[FORWARDING])],
        opLat=core.int_latency + FORWARDING,
    )


def _multiplier(core: Settings) -> MinorFU:
    return MinorFU(
        opClasses=minorMakeOpClassSet(["IntMult"]),
        timings=[MinorFUTiming(description="Mul", srcRegsRelativeLats=[0])],
        opLat=core.mul_latency,
    )


def _divider(core: Settings) -> MinorFU:
    return MinorFU(
        opClasses=minorMakeOpClassSet(["IntDiv"]),
        opLat=core.div_latency,
        issueLat=core.div_latency,
    )


def _simd_unit(core: Settings) -> MinorFU:
    """One unit for all of SIMD and floating point; slower operations hold back their result.

    Raises:
        SettingsError: A result would be there after its operation has left the unit.
    """
    groups = [
        (SIMD_INTEGER, "simd_latency"),
        (SIMD_MULTIPLY, "simd_mul_latency"),
        (FLOAT, "fp_latency"),
    ]
    if not _divides_apart(core):
        groups.append((FLOAT_DIVIDE, "fp_div_latency"))
    fastest = _fastest(core)
    for key in ("dot_latency", *(key for _, key in groups)):
        if getattr(core, key) > fastest + FORWARDING:
            raise SettingsError(
                f"system.core.{key} is {getattr(core, key)}, and the fastest SIMD operation takes"
                f" {fastest}; MinorCPU's SIMD unit has latencies up to {FORWARDING} cycles apart"
            )
    timings = [
        MinorFUTiming(
            description="Dot",
            mask=mask,
            match=match,
            srcRegsRelativeLats=[FORWARDING],
            extraAssumedLat=core.dot_latency - fastest,
            opClasses=minorMakeOpClassSet(["SimdAlu"]),
        )
        for mask, match in DOT_ENCODINGS
    ]
    timings += [
        MinorFUTiming(
            description=classes[0],
            srcRegsRelativeLats=[FORWARDING],
            extraAssumedLat=getattr(core, key) - fastest,
            opClasses=minorMakeOpClassSet(classes),
        )
        for classes, key in groups
    ]
    return MinorFU(
        opClasses=minorMakeOpClassSet([name for classes, _ in groups for name in classes]),
        timings=timings,
        opLat=fastest + FORWARDING,
    )


def _fastest(core: Settings) -> int:
    """Latency of the fastest operation of a SIMD unit."""
    keys = ("simd_latency", "simd_mul_latency", "dot_latency", "fp_latency", "fp_div_latency")
    return min(getattr(core, key) for key in keys)


def _divides_apart(core: Settings) -> bool:
    """Whether floating-point divisions take a unit of their own: they are not pipelined then."""
    return core.fp_div_latency > _fastest(core) + FORWARDING


def _float_dividers(core: Settings) -> list[MinorFU]:
    if not _divides_apart(core):
        return []
    divider = MinorFU(
        opClasses=minorMakeOpClassSet(FLOAT_DIVIDE),
        timings=[MinorFUTiming(description="FloatDiv", srcRegsRelativeLats=[FORWARDING])],
        opLat=core.fp_div_latency + FORWARDING,
        issueLat=core.fp_div_latency,
    )
    return [divider]


def _out_of_order(core: Settings, index: int) -> BaseCPU:
    """gem5's O3 core with its own queues and buffers, and this core's widths and units."""
    _equal(core, "dot_latency", "simd_latency", "O3CPU has one latency for both")
    width = core.issue_width
    # Write-back keeps gem5's width: with a narrow one several loads that return in one cycle
    # overrun the queue to commit, which gem5 asserts not to happen.
    widths = ["fetch", "decode", "rename", "dispatch", "issue", "commit"]
    return ArmO3CPU(
        cpu_id=index,
        **{f"{stage}Width": width for stage in widths},
        SQEntries=core.store_buffer_entries,
        branchPred=TournamentBP(localPredictorSize=core.branch_predictor_entries),
        fuPool=FUPool(
            FUList=[
                _unit(core.int_units, {"IntAlu": core.int_latency}),
                FUDesc(
                    count=1,
                    opList=[
                        OpDesc(opClass="IntMult", opLat=core.mul_latency),
                        OpDesc(opClass="IntDiv", opLat=core.div_latency, pipelined=False),
                    ],
                ),
                _unit(
                    core.simd_units,
                    dict.fromkeys(SIMD_INTEGER, core.simd_latency)
                    | dict.fromkeys(SIMD_MULTIPLY, core.simd_mul_latency)
                    | dict.fromkeys(FLOAT, core.fp_latency)
                    | dict.fromkeys(FLOAT_DIVIDE, core.fp_div_latency),
                ),
                _unit(1, {"SimdPredAlu": 1}),
                _unit(core.load_store_units, dict.fromkeys(LOADS + STORES, 1)),
                _unit(1, {"IprAccess": 1, "InstPrefetch": 1}),
            ]
        ),
    )


def _unit(count: int, latencies: dict[str, int]) -> FUDesc:
    operations = [OpDesc(opClass=name, opLat=latency) for name, latency in latencies.items()]
    return FUDesc(count=count, opList=operations)


def _equal(core: Settings, key: str, other: str, why: str) -> None:
    if getattr(core, key) != getattr(core, other):
        raise SettingsError(
            f"system.core.{key}: {getattr(core, key)} differs from {other}"
            f" {getattr(core, other)}; {why}"
        )


def _rest(core: Settings, key: str, fixed: int) -> int:
    rest: int = getattr(core, key) - fixed
    if rest < 1:
        raise SettingsError(
            f"system.core.{key}: MinorCPU with these caches has at least {fixed + 1},"
            f" not {getattr(core, key)}"
        )
    return rest
