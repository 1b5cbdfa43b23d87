"""A search from its arguments to its results, for the command line and for Python."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from aimc.configuration import PYTHON, Spelling, configure, setting_text
from aimc.defaults import DEFAULT_MAPPING, DEFAULT_MAPPINGS, MAX_THREADS
from aimc.extras import need
from aimc.search_result import SearchResult
from harness.config.load import load_loop_config
from harness.config.loop_schema import LoopConfig
from harness.config.schema import Config
from harness.errors import ConfigError, HarnessError, MappingError

if TYPE_CHECKING:
    from harness.engines.protocol import EngineOptions
    from harness.progress import Progress

_UNUSED: Final = ("fp32_baseline", "images", "mapping", "placement")  # keys of the section run


@dataclass(frozen=True)
class SearchPlan:
    """A search before it starts.

    Attributes:
        config: Network, dataset, checkpoint; system and engine.
        loop: Noise and search.
        outs: Folders of the results by bound in percentage points.
        state: Folder of what is known until the search has ended.
        engine_options: What the engine is told.
    """

    config: Config
    loop: LoopConfig
    outs: Mapping[float, Path]
    state: Path
    threads: int
    engine_options: EngineOptions


def plan_search(
    model: str,
    drops: Sequence[object],
    *,
    strategy: str | None,
    repetitions: int | None,
    confidence: float | None,
    t_eval_s: float | None,
    noise: str,
    preset: str,
    system: str,
    settings: Sequence[str],
    input_size: int | None,
    dataset: Path | None,
    checkpoint: Path | None,
    engine_options: EngineOptions,
    threads: int,
    out: Path | None,
    given: Collection[str] = (),
    spelling: Spelling = PYTHON,
) -> SearchPlan:
    """Check the arguments of a search, and name its folders; see `aimc.search`.

    Args:
        drops: At least one bound, in percentage points.
        preset: A search preset's name or file.
        settings: ``key.path=value`` of search, noise, system or run.
        given: As of `configure`.

    Raises:
        HarnessError: An argument is unknown or impossible, or a package is missing.
    """
    need("finding a mapping", "torch", "aihwkit")
    if not drops:
        raise ConfigError("no bound is given", where=spelling.argument("drop"))
    if not 1 <= threads <= MAX_THREADS:
        raise ConfigError(
            f"{threads} is not in the range 1 to {MAX_THREADS}", where=spelling.argument("threads")
        )
    values = {
        "search.drop_points": drops[0],
        "search.strategy": strategy,
        "search.repetitions": repetitions,
        "search.confidence": confidence,
        "noise.t_eval_s": t_eval_s,
    }
    own = [text for text in settings if text.partition(".")[0].strip() in ("search", "noise")]
    for key in (text.partition("=")[0].strip() for text in own):
        if values.get(key) is not None:
            raise HarnessError(
                f"{spelling.kind} says it already",
                where=spelling.setting(key),
                hint="give one of the two",
            )
    said = [
        f"{key}={setting_text(key, value)}" for key, value in values.items() if value is not None
    ]
    loop = load_loop_config(noise=noise, search=preset, overrides=[*own, *said])
    config = configure(
        model,
        mapping=DEFAULT_MAPPING,
        system=system,
        settings=[text for text in settings if text not in own],
        images=1,
        input_size=input_size,
        dataset=dataset,
        checkpoint=checkpoint,
        engine_options=engine_options,
        given=given,
        unused=_UNUSED,
        spelling=spelling,
    )
    bounds = [
        load_loop_config(overrides=[f"search.drop_points={setting_text('drop', drop)}"])
        for drop in drops
    ]
    points = [bound.search.drop_points for bound in bounds]
    outs, state = _folders(f"{Path(model).stem}-{loop.search.strategy}", points, out)
    return SearchPlan(config, loop, outs, state, threads, engine_options)


def _folders(
    name: str, points: Sequence[float], out: Path | None
) -> tuple[dict[float, Path], Path]:
    """The folder of each bound's result, and that of the state."""
    if len(points) == 1:
        only = out or Path(DEFAULT_MAPPINGS) / f"{name}-{points[0]:g}"
        return {points[0]: only}, only.parent / f"{only.name}.search"
    parent = out or Path(DEFAULT_MAPPINGS)
    return {bound: parent / f"{name}-{bound:g}" for bound in points}, parent / f"{name}.search"


def find(
    plan: SearchPlan, *, command: Sequence[str], progress: Progress, fresh: bool
) -> dict[float, SearchResult]:
    """Carry out the search; the results by bound.

    Args:
        command: The command line or call, for the mappings' provenance.
        fresh: Search again even if a result is there, or one that has changed.

    Raises:
        HarnessError: A stage failed; what is known stays in the state's folder.
    """
    progress.stage("loading torch and aihwkit")
    from harness.accuracy.run import find_mappings

    found = find_mappings(
        plan.config,
        plan.loop,
        plan.outs,
        state=plan.state,
        command=command,
        progress=progress,
        threads=plan.threads,
        fresh=fresh,
        engine_options=plan.engine_options,
    )
    return {
        drop: SearchResult(result.folder, result.summary, result.earlier)
        for drop, result in zip(plan.outs, found, strict=True)
    }


def check_bounds(found: Iterable[SearchResult], model: str, spelling: Spelling = PYTHON) -> None:
    """
    Raises:
        MappingError: The last resort, a mapping without analog layers, breaks its bound.
    """
    from harness.accuracy.result import broken_bound

    broken = [what for result in found if (what := broken_bound(result.summary)) is not None]
    if broken:
        raise MappingError(
            f"no mapping holds the bound: {'; '.join(broken)}",
            where=model,
            hint=f"give a larger {spelling.argument('drop')}, or a network that loses less in int8",
        )
