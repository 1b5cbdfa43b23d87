"""Searches that take seconds, for the tests of the accuracy loop."""

from __future__ import annotations

from pathlib import Path

from harness.accuracy.run import Found, find_mapping, find_mappings
from harness.config.load import load_config, load_loop_config
from harness.config.loop_schema import LoopConfig
from harness.config.schema import Config
from tests.heard import Heard

QUICK = (
    "search.repetitions=2",
    "search.survey_repetitions=2",
    "search.survey_images=40",
    "search.confirm_repetitions=3",
    "search.validation_images=60",
    "search.warmup_epochs=0.2",
    "search.retrain_epochs=0.1",
)


def run_config(model: str = "mlp", *overrides: str, **run: object) -> Config:
    return load_config(
        system="alpine-hp",
        overrides=overrides,
        run={"model": model, "mapping": "analog", "images": 1, **run},
    )


def loop_config(*overrides: str) -> LoopConfig:
    return load_loop_config(overrides=[*QUICK, *overrides])


def search(
    out: Path,
    *overrides: str,
    config: Config | None = None,
    progress: Heard | None = None,
    fresh: bool = False,
) -> Found:
    """Search with one thread; ``overrides`` are of noise and search."""
    return find_mapping(
        config or run_config(),
        loop_config(*overrides),
        out,
        command=["aimc", "map", "mlp"],
        progress=progress or Heard(),
        threads=1,
        fresh=fresh,
    )


def search_several(
    outs: dict[float, Path], *overrides: str, state: Path, progress: Heard | None = None
) -> list[Found]:
    """Search under several bounds with one thread."""
    return find_mappings(
        run_config(),
        loop_config(*overrides),
        outs,
        state=state,
        command=["aimc", "map", "mlp"],
        progress=progress or Heard(),
        threads=1,
    )


def files(folder: Path) -> dict[str, bytes]:
    """Every file's content; the summary, which has seconds, and its checksum aside."""
    aside = ("summary.json", "checksums.json")
    found = {p.name: p.read_bytes() for p in sorted(folder.iterdir()) if p.name not in aside}
    assert found
    return found
