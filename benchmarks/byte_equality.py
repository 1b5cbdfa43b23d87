"""Compares the simulated logits with the reference's: every built-in network, run in every way.

A program compares all bytes of its last layer's output, of every image, with the integer reference
(numpy) and exits with the number of differing bytes.  With `--engine gem5` each program runs on the
embedded engine and on gem5, one core each; the consoles, which hold the predicted classes, must be
equal too.  The exit code is 0 if nothing differs.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from harness.atomic import atomic_write_text
from harness.config.load import load_config, short_hash
from harness.config.schema import Config
from harness.engines.protocol import RunResult
from harness.engines.registry import engine, engine_names
from harness.model.builtin import NAMES
from harness.pipeline.prepare import prepare
from harness.pipeline.programs import build, compile_generated

TIMEOUT_S = 7200.0


@dataclass(frozen=True)
class Row:
    """One program; ``mismatching_bytes`` is its exit code on ``engine``."""

    model: str
    mapping: str
    io: str
    noise: str
    images: int
    compared_bytes: int
    mismatching_bytes: int
    equals_embedded: bool
    engine: str
    config: str

    @property
    def equal(self) -> bool:
        return self.mismatching_bytes == 0 and self.equals_embedded


def configs(model: str, engine_name: str, images: int) -> Iterator[Config]:
    """The all-digital program first, then all-analog ones by I/O and noise."""
    run = {"model": model, "images": images, "warmup": 0, "engine": engine_name}
    yield load_config(system="alpine-hp", run={**run, "mapping": "digital"})
    for io, noise in itertools.product(("pio", "dma"), ("false", "true")):
        overrides = (
            f"system.tile.io={io}",
            f"system.tile.noise={noise}",
            "system.tile.read_noise_lsb=100",
        )
        yield load_config(system="alpine-hp", overrides=overrides, run={**run, "mapping": "analog"})


def compare(config: Config, folder: Path) -> Row:
    """Build the program of ``config`` and run it on its engine and on the embedded one."""
    prepared = prepare(config)
    plan = prepared.mapped or prepared.digital
    program = build(plan, config, prepared.images[: config.run.images], folder)
    elf = compile_generated(program, folder)

    def run(name: str) -> RunResult:
        return engine(name).run(elf, config.system, program.regions, timeout_s=TIMEOUT_S)

    embedded = run("embedded")
    result = embedded if config.run.engine == "embedded" else run(config.run.engine)
    analog = prepared.mapped is not None
    tile = config.system.tile
    return Row(
        model=config.run.model,
        mapping=config.run.mapping,
        io=tile.io if analog else "",
        noise=("on" if tile.noise else "off") if analog else "",
        images=config.run.images,
        compared_bytes=program.compared_bytes,
        mismatching_bytes=result.exit_code,
        equals_embedded=(result.exit_code, result.console)
        == (embedded.exit_code, embedded.console),
        engine=f"{result.engine} {result.engine_version}".replace("gem5 gem5", "gem5"),
        config=short_hash(config),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=engine_names(), default="embedded")
    parser.add_argument("--images", type=int, default=2, help="of each program")
    parser.add_argument("--models", nargs="+", choices=NAMES, default=list(NAMES))
    parser.add_argument("--csv", type=Path, help="file for the table")
    arguments = parser.parse_args()
    rows: list[Row] = []
    for model in arguments.models:
        for config in configs(model, arguments.engine, arguments.images):
            with tempfile.TemporaryDirectory() as folder:
                row = compare(config, Path(folder))
            rows.append(row)
            way = ", ".join(filter(None, (row.mapping, row.io, row.noise and f"noise {row.noise}")))
            verdict = "equal" if row.equal else f"DIFFERENT ({row.mismatching_bytes} bytes)"
            print(f"{model:10} {way:24} {row.compared_bytes} bytes {verdict}", flush=True)
            if arguments.csv is not None:
                write_table(arguments.csv, rows)
    equal = sum(row.equal for row in rows)
    print(
        f"{arguments.engine}: {sum(row.compared_bytes for row in rows)} bytes of"
        f" {sum(row.images for row in rows)} images compared with the integer reference"
    )
    print(f"{equal} of {len(rows)} ways equal: {equal / len(rows):.2f} of the target")
    sys.exit(equal != len(rows))


def write_table(path: Path, rows: list[Row]) -> None:
    lines = [[field.name for field in fields(Row)]]
    lines += [[str(value) for value in asdict(row).values()] for row in rows]
    atomic_write_text(path, "".join(",".join(line) + "\n" for line in lines))


if __name__ == "__main__":
    main()
