"""Runs one program: `gem5.opt --outdir=OUT gem5_configs/run.py SETTINGS.json`.

With `--describe` it prints what this gem5 is, as one line of JSON, and simulates nothing.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

# gem5 puts this file's folder on the path; the package is beside it.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import m5
from _m5.core import gem5Version
from m5.defines import buildEnv

from gem5_configs.settings import Settings, SettingsError, read_settings

USAGE_ERROR = 2
PROGRAM_ERROR = 3


def main() -> int:
    parser = argparse.ArgumentParser(description="Run one program on a system with AIMC tiles.")
    parser.add_argument("settings", type=Path, nargs="?", help="what to run, a JSON file")
    parser.add_argument("--describe", action="store_true", help="print version and features")
    arguments = parser.parse_args()
    if arguments.describe:
        print(json.dumps(describe()))
        return 0
    if arguments.settings is None:
        parser.error("no settings file given")
    lacking = missing_features()
    if lacking:
        print(f"error: this gem5 lacks {' and '.join(lacking)}", file=sys.stderr)
        return USAGE_ERROR
    try:
        return simulate(read_settings(arguments.settings))
    except SettingsError as error:
        print(f"error: {error}", file=sys.stderr)
        return USAGE_ERROR


def describe() -> dict[str, object]:
    """The version of this gem5, and what it lacks to run the harness's programs."""
    return {"gem5_version": gem5Version, "missing": missing_features()}


def missing_features() -> list[str]:
    missing = []
    if not buildEnv.get("USE_ARM_ISA"):
        missing.append("the ARM instruction set")
    if not hasattr(m5.objects, "AimcTile"):
        missing.append("AimcTile (the harness's folder aimc_tile among EXTRAS)")
    return missing


def simulate(settings: Settings) -> int:
    # These need a gem5 that lacks nothing.
    from gem5_configs.board import make_root
    from gem5_configs.simulation import ProgramError, Simulation

    root = make_root(settings)
    m5.instantiate(settings.restore)
    try:
        Simulation(root, settings, Path(m5.options.outdir)).run()
    except ProgramError as error:
        print(f"error: {error}", file=sys.stderr)
        return PROGRAM_ERROR
    return 0


# gem5 runs its script as a module of this name.
if __name__ == "__m5_main__":
    sys.exit(main())
