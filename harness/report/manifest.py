"""Collecting a run's provenance."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import harness
from harness.config.load import config_hash
from harness.config.schema import Config
from harness.digest import sha256_file
from harness.engines.protocol import RunResult
from harness.errors import StatsError
from harness.report.comparison import InputFile, Manifest

_PACKAGES: Final = (
    "aihwkit",
    "jinja2",
    "matplotlib",
    "numpy",
    "onnx",
    "pydantic",
    "safetensors",
    "scikit-learn",
    "torch",
    "unicorn",
    "ziglang",
)


def collect_manifest(
    config: Config,
    result: RunResult,
    *,
    command: Sequence[str],
    seeds: Mapping[str, int],
    inputs: Sequence[Path],
    samples: Mapping[str, str],
    earlier_simulations: Mapping[str, float],
) -> Manifest:
    """The manifest of a run that has just finished on this machine.

    Args:
        config: The whole configuration.
        result: A finished run, for the engine's name and version.
        command: The command line, as arguments.
        seeds: Every seed that influenced a number.
        inputs: Files that were read: network, checkpoint, dataset, mapping.
        samples: What the images are, and checksums of the dataset and its splits.
        earlier_simulations: Programs with a kept result, and when that was simulated, in seconds
            since 1970.

    Raises:
        StatsError: An input file no longer exists.
    """
    return Manifest(
        created_utc=_utc(datetime.now(UTC)),
        command=tuple(command),
        harness_version=harness.__version__,
        git_commit=_git_commit(),
        config_hash=config_hash(config),
        engine=result.engine,
        engine_version=result.engine_version,
        seeds=dict(seeds),
        packages=_packages(),
        host=_host(),
        inputs=tuple(_input_file(path) for path in inputs),
        samples=dict(samples),
        earlier_simulations={
            name: _utc(datetime.fromtimestamp(made_s, UTC))
            for name, made_s in earlier_simulations.items()
        },
    )


def _utc(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def _input_file(path: Path) -> InputFile:
    try:
        shown = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
        return InputFile(path=str(shown), bytes=path.stat().st_size, sha256=sha256_file(path))
    except OSError as error:
        raise StatsError(
            f"cannot take the checksum of an input: {error.strerror}", where=str(path)
        ) from error


def _packages() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # an optional part that is not installed
    return versions


def _host() -> dict[str, str]:
    return {
        "system": platform.platform(),
        "machine": platform.machine(),
        "cpus": str(os.cpu_count() or "unknown"),
    }


def _git_commit() -> str | None:
    """The checkout's commit, "-modified" if it has changes; None for an installed package."""
    root = Path(harness.__file__).resolve().parent.parent
    if not (root / ".git").exists() or not (root / "pyproject.toml").exists():
        return None
    try:
        git = ["git", "-C", str(root)]
        run = {"capture_output": True, "text": True, "timeout": 10, "check": True}
        commit = subprocess.run([*git, "rev-parse", "HEAD"], **run).stdout.strip()  # type: ignore[call-overload]
        changes = subprocess.run([*git, "status", "--porcelain", "-uno"], **run).stdout  # type: ignore[call-overload]
    except (OSError, subprocess.SubprocessError):
        return None
    return f"{commit}-modified" if changes.strip() else str(commit)
