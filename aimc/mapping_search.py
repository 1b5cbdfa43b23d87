"""`aimc.search`: a mapping under a bound on accuracy."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, TypedDict, Unpack, overload

from aimc.calls import call_text, given_arguments
from aimc.configuration import Setting, given_options, optional_path, setting_texts
from aimc.defaults import (
    DEFAULT_MAPPINGS,
    DEFAULT_NOISE,
    DEFAULT_SEARCH,
    DEFAULT_SYSTEM,
    DEFAULT_THREADS,
    MODELS,
)
from aimc.networks import name_network
from aimc.search_plan import check_bounds, find, plan_search
from aimc.search_result import SearchResult

if TYPE_CHECKING:
    from aimc.networks import Network

_Path: TypeAlias = str | os.PathLike[str]


class SearchArguments(TypedDict, total=False):
    """The keyword arguments of `search`, for type checkers."""

    strategy: str | None
    repetitions: int | None
    confidence: float | None
    t_eval_s: float | None
    noise: _Path
    preset: _Path
    system: _Path
    set: Mapping[str, Setting] | None
    gem5: _Path | None  # of the engine gem5
    dataset: _Path | None
    checkpoint: _Path | None
    input_size: int | None
    example_inputs: object
    threads: int
    out: _Path | None
    fresh: bool
    progress: bool


@overload
def search(
    model: Network, drop: float = ..., **arguments: Unpack[SearchArguments]
) -> SearchResult: ...


@overload
def search(
    model: Network, drop: Sequence[float], **arguments: Unpack[SearchArguments]
) -> dict[float, SearchResult]: ...


def search(
    model: Network,
    drop: float | Sequence[float] = 1.0,
    *,
    strategy: str | None = None,
    repetitions: int | None = None,
    confidence: float | None = None,
    t_eval_s: float | None = None,
    noise: _Path = DEFAULT_NOISE,
    preset: _Path = DEFAULT_SEARCH,
    system: _Path = DEFAULT_SYSTEM,
    set: Mapping[str, Setting] | None = None,
    dataset: _Path | None = None,
    checkpoint: _Path | None = None,
    input_size: int | None = None,
    example_inputs: object = None,
    threads: int = DEFAULT_THREADS,
    out: _Path | None = None,
    fresh: bool = False,
    progress: bool = False,
    **engine_options: _Path | None,
) -> SearchResult | dict[float, SearchResult]:
    """Find the layers that may be analog while accuracy stays within a bound.

    The same as ``aimc map --drop``: layers are converted one by one, the network is retrained with
    noise, and what breaks the bound is rolled back.  An equal search is served from its folder.
    After an interrupt (KeyboardInterrupt) or a kill, the same call continues from the last
    decision.

    Args:
        model: As of `aimc.run`; a network in memory becomes a file of ``models`` beside the result.
        drop: The largest accuracy drop in percentage points; or several bounds, which take little
            more time than one.
        strategy: ``macs``, ``sensitivity``, ``benefit``, ``energy-benefit`` or one of your own;
            None: the preset's.
        repetitions: Sets of devices that a mean is taken over; None: the preset's number.
        confidence: One-sided, with which the bound must hold on other images and devices; None: the
            mean must hold it.
        t_eval_s: Seconds of drift at which the bound holds; None: the preset's.
        noise: A noise preset's name or the path of a YAML file.
        preset: A search preset's name or the path of a YAML file.
        system: As of `aimc.run`.
        set: Values by key, e.g. ``{"search.retrain_epochs": 0, "system.tile.io": "dma"}``.
        dataset: As of `aimc.run`.
        checkpoint: As of `aimc.run`.
        input_size: As of `aimc.run`.
        example_inputs: As of `aimc.run`.
        threads: Of torch; results are reproducible for one number of threads.
        out: The result's folder; None: ``mappings/<model>-<strategy>-<drop>``.  Of several bounds
            the folder that theirs are put in; None: ``mappings``.
        fresh: Search again even if the result is there, or one that has changed.
        progress: Tell on stderr how far the search is.
        engine_options: As of `aimc.run`, for strategies that simulate.

    Returns:
        The result; of several bounds, the results by bound.

    Raises:
        MappingError: No mapping holds a bound.  The results are in their folders all the same.
        HarnessError: An argument is impossible, or a stage failed.
        TypeError: Neither this function nor an engine has an argument of a name.

    Example:
        found = aimc.search("lenet5", drop=1.0, strategy="benefit")
        found.analog_layers
        result = aimc.run("lenet5", mapping=found.mapping)
    """
    given = given_arguments(search, locals())
    several = isinstance(drop, Sequence) and not isinstance(drop, str)
    parent = Path(DEFAULT_MAPPINGS) if out is None else Path(out)
    beside = parent if out is None or several else parent.parent
    network = name_network(model, beside / MODELS, example_inputs)
    plan = plan_search(
        network.name,
        drop if isinstance(drop, Sequence) and several else [drop],
        strategy=strategy,
        repetitions=repetitions,
        confidence=confidence,
        t_eval_s=t_eval_s,
        noise=os.fspath(noise),
        preset=os.fspath(preset),
        system=os.fspath(system),
        settings=setting_texts(set),
        input_size=input_size,
        dataset=optional_path(dataset),
        checkpoint=optional_path(checkpoint),
        engine_options=given_options(engine_options),
        threads=threads,
        out=optional_path(out),
        given=given,
    )
    from aimc.progress import shown_progress

    with shown_progress(shown=progress, stages=False) as told:
        network.store()
        command = [call_text("aimc.search", network.name, given)]
        found = find(plan, command=command, progress=told, fresh=fresh)
    check_bounds(found.values(), network.name)
    return found if several else next(iter(found.values()))
