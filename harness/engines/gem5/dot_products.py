"""How many dot products a program executes, which gem5 has no statistic for.

gem5 counts SDOT and UDOT with other SIMD operations.  How often they execute depends on the
program and its data only, not on time, so the embedded engine's functional execution of the
same ELF counts them exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from harness.config.schema import SystemConfig
from harness.engines.embedded.engine import EmbeddedEngine
from harness.engines.protocol import RunResult


def run_functionally(
    elf: Path, system: SystemConfig, regions: Mapping[int, str], *, timeout_s: float
) -> RunResult:
    """The run of ``elf`` on the embedded engine, whatever ``system``'s cores are.

    Only what does not depend on time may be used of it.

    Raises:
        EngineError: The program does not come to its exit call there.
    """
    core = system.core.model_copy(update={"kind": "in_order"})
    plain = system.model_copy(update={"cores": 1, "core": core})
    return EmbeddedEngine().run(elf, plain, regions, timeout_s=timeout_s)
