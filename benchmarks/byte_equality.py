"""Every built-in network, every way of running it: are the simulated logits the reference's?"""

from __future__ import annotations

import itertools
import sys
import tempfile
from pathlib import Path

from harness.config.load import load_config
from harness.model.builtin import NAMES
from harness.pipeline.prepare import prepare
from harness.pipeline.programs import build, compile_generated, simulate


def runs() -> list[tuple[str, tuple[str, ...]]]:
    """A name and the overrides of each way; the all-digital program comes first."""
    ways: list[tuple[str, tuple[str, ...]]] = [("digital", ())]
    for io, noise in itertools.product(("pio", "dma"), (False, True)):
        overrides = (
            f"system.tile.io={io}",
            f"system.tile.noise={str(noise).lower()}",
            "system.tile.read_noise_lsb=100",
        )
        ways.append((f"analog, {io}, noise {'on' if noise else 'off'}", overrides))
    return ways


def equal(model: str, mapping: str, overrides: tuple[str, ...], folder: Path) -> int:
    """Compared bytes; raises if one differs."""
    run = {"model": model, "mapping": mapping, "images": 2, "warmup": 0}
    config = load_config(system="alpine-hp", overrides=overrides, run=run)
    prepared = prepare(config)
    plan = prepared.mapped or prepared.digital
    program = build(plan, config, prepared.images[:2], folder)
    simulate(model, plan, program, compile_generated(program, folder), config)
    return program.compared_bytes


def main() -> None:
    total = passed = 0
    for model, (way, overrides) in itertools.product(NAMES, runs()):
        total += 1
        with tempfile.TemporaryDirectory() as folder:
            compared = equal(model, way.split(",")[0], overrides, Path(folder))
        passed += 1
        print(f"{model:10} {way:24} {compared} bytes equal", flush=True)
    print(f"{passed} of {total} ways equal: {passed / total:.2f} of the target")
    sys.exit(passed != total)


if __name__ == "__main__":
    main()
