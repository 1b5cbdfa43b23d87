"""The accuracy loop as one job: from a network and bounds to a folder per mapping."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from harness import __version__
from harness.accuracy.earlier import (
    MAPPING_FILE,
    PICTURE_FILE,
    SUMMARY_FILE,
    TABLE_FILE,
    read_summary,
    served,
)
from harness.accuracy.identity import fingerprint, search_identity, search_libraries
from harness.accuracy.picture import draw_search
from harness.accuracy.result import (
    SearchResult,
    rows_of,
    summary_json,
    summary_of,
    to_csv,
)
from harness.accuracy.search import Search, search_all
from harness.accuracy.session import TEST_SEED, SearchSession
from harness.accuracy.state import StateFolder, analog_of
from harness.accuracy.state_check import INT8
from harness.accuracy.strategies import strategy_named
from harness.accuracy.task import Task, load_task
from harness.atomic import atomic_write_bytes, atomic_write_text
from harness.checksums import seal
from harness.config.loop_schema import LoopConfig
from harness.config.schema import Config
from harness.data.sizes import inputs_in_words
from harness.engines.protocol import NO_OPTIONS, EngineOptions
from harness.errors import HarnessError
from harness.locks import folder_lock
from harness.mapping.mapping import LayerMapping, Unit
from harness.mapping.write import write_mapping
from harness.model.checkpoint import save_checkpoint
from harness.operators.matrix import WeightedNode
from harness.pipeline.folder import staged_folder
from harness.progress import Progress
from harness.quant.digest import network_digest
from harness.quant.macs import node_macs
from harness.quant.program import QNetwork


@dataclass(frozen=True)
class Found:
    """The outcome; ``earlier``: an earlier search found it."""

    folder: Path
    summary: dict[str, Any]
    earlier: bool


def find_mapping(
    config: Config,
    loop: LoopConfig,
    out: Path,
    *,
    command: Sequence[str],
    progress: Progress,
    threads: int,
    fresh: bool = False,
    engine_options: EngineOptions = NO_OPTIONS,
) -> Found:
    """Search a mapping under the bound of ``loop`` and write it to the folder ``out``.

    See `find_mappings`; until the end the state is in ``<out>.search``.
    """
    (found,) = find_mappings(
        config,
        loop,
        {loop.search.drop_points: out},
        state=_state_of(out),
        command=command,
        progress=progress,
        threads=threads,
        fresh=fresh,
        engine_options=engine_options,
    )
    return found


def find_mappings(
    config: Config,
    loop: LoopConfig,
    outs: Mapping[float, Path],
    *,
    state: Path,
    command: Sequence[str],
    progress: Progress,
    threads: int,
    fresh: bool = False,
    engine_options: EngineOptions = NO_OPTIONS,
) -> list[Found]:
    """Search a mapping under each bound; the folder of each appears complete.

    Work that does not depend on a bound is done once.  After a kill at any moment, the same call
    continues from the last trial; until the end its state is in the folder ``state``.  While
    another search works on one of the folders, this one waits.

    Args:
        config: Network, dataset, checkpoint; system and engine.
        loop: Noise, strategy; its bound is not used.
        outs: Folders by bound in percentage points.
        command: Recorded as the mappings' provenance.
        threads: Number of torch threads; results are reproducible for one number and machine.
        fresh: Search again even where a folder has the result of the same search, and replace a
            result that has changed.
        engine_options: What the engine is told.

    Raises:
        HarnessError: A stage failed, or a folder has files that would be lost; earlier results are
        unchanged and trials stay.
    """
    strategy_named(loop.search.strategy)  # report an unknown one before anything is read
    _check_folders(outs)
    progress.stage(f"reading {inputs_in_words(config.run.model, config.run.dataset)}")
    task = load_task(config)
    loops = {drop: _with_bound(loop, drop) for drop in outs}
    identity = partial(
        search_identity, task, config, loop, threads=threads, engine_options=engine_options
    )
    names = {drop: fingerprint(identity([drop])) for drop in outs}
    folder = StateFolder(state, identity(outs.keys()))
    with _locked([state, *map(_state_of, outs.values())], progress):
        earlier = {drop: served(out, names[drop], fresh=fresh) for drop, out in outs.items()}
        wanted = [drop for drop in outs if earlier[drop] is None]
        if wanted:
            session = SearchSession(
                task, config, loop, folder, progress, threads=threads, engine_options=engine_options
            )

            def write(search: Search) -> None:
                progress.stage("writing the mapping")
                drop = search.drop_points
                served(outs[drop], names[drop], fresh=fresh)  # it may have changed meanwhile
                with staged_folder(outs[drop]) as staging:
                    _write(staging, search, config, loops[drop], command, names[drop], threads)

            search_all(session, [Search(session, drop) for drop in wanted], write)
        folder.remove()
        summaries = {drop: earlier[drop] or read_summary(out) for drop, out in outs.items()}
    return [
        Found(out, summaries[drop].model_dump(), earlier=drop not in wanted)
        for drop, out in outs.items()
    ]


def _state_of(out: Path) -> Path:
    """The folder of the state of a search under one bound with the result ``out``."""
    return out.parent / f"{out.name}.search"


def _check_folders(outs: Mapping[float, Path]) -> None:
    known: dict[Path, float] = {}
    for drop, out in outs.items():
        other = known.setdefault(_absolute(out), drop)
        if other != drop:
            raise HarnessError(
                f"the bounds {other!r} and {drop!r} have the same folder",
                where=str(out),
                hint="give bounds that differ within six digits",
            )


@contextlib.contextmanager
def _locked(folders: Iterable[Path], progress: Progress) -> Iterator[None]:
    """Lock ``folders`` against other searches for the `with` block."""
    with contextlib.ExitStack() as stack:
        # Always in one order, so that two searches never deadlock.
        for folder in sorted(set(map(_absolute, folders))):
            stack.enter_context(folder_lock(folder, waiting=partial(_waiting, progress, folder)))
        yield


def _waiting(progress: Progress, folder: Path, text: str) -> None:
    progress.note(f"{folder}: {text}")


def _absolute(path: Path) -> Path:
    return path.parent.resolve() / path.name


def _with_bound(loop: LoopConfig, drop_points: float) -> LoopConfig:
    search = loop.search.model_copy(update={"drop_points": drop_points})
    return loop.model_copy(update={"search": search})


def _write(
    folder: Path,
    search: Search,
    config: Config,
    loop: LoopConfig,
    command: Sequence[str],
    name: str,
    threads: int,
) -> None:
    session, route = search.session, search.route
    task, graph = session.task, session.stored_graph(route)
    network = task.quantized(graph)
    result = _result(search, loop, network)
    provenance = _provenance(result, task, config, loop, command, name, threads)
    checkpoint = None
    if task.dtype is not None:
        checkpoint = f"{task.name}.safetensors"
        save_checkpoint(
            graph,
            folder / checkpoint,
            metadata={"dataset": task.dataset, "command": provenance["command"]},
            dtype=task.dtype,
        )
    mapping = LayerMapping(
        model=task.name,
        source=str(folder / MAPPING_FILE),
        layers=result.layers,
        insists=True,
        conductances=session.conductances(route) if result.analog else None,
        graph_sha256=result.graph_sha256,
        provenance=provenance,
    )
    write_mapping(mapping, folder / MAPPING_FILE, checkpoint=checkpoint)
    atomic_write_text(folder / TABLE_FILE, to_csv(result))
    atomic_write_bytes(folder / PICTURE_FILE, draw_search(result))
    atomic_write_text(folder / SUMMARY_FILE, summary_json(summary_of(result, provenance)))
    seal(folder)


def _result(search: Search, loop: LoopConfig, network: QNetwork) -> SearchResult:
    session, route = search.session, search.route
    macs = {
        node.name: node_macs(network, node)
        for node in network.nodes
        if isinstance(node, WeightedNode)
    }
    chosen = set(analog_of(route))
    layers: dict[str, Unit] = {
        layer: "analog" if layer in chosen else "digital" for layer in session.demands
    }
    int8 = session.state.measurement((), INT8)
    final = {name: session.state.measurement(route, name) for name in session.final_times}
    assert int8 is not None
    return SearchResult(
        model=session.task.name,
        dataset=session.task.dataset,
        strategy=loop.search.strategy,
        drop_points=loop.search.drop_points,
        confidence=loop.search.confidence,
        baseline=session.baseline,
        t_eval_s=loop.noise.t_eval_s,
        graph_sha256=network_digest(network),
        layers=layers,
        macs=macs,
        rows=rows_of(
            {
                "validation": session.float_measured("validation"),
                "test": session.float_measured("test"),
                "int8": int8,
            },
            search.digital,
            search.alone(),
            search.steps,
            {name: measured for name, measured in final.items() if measured is not None},
            macs,
            found=tuple(name for name, unit in layers.items() if unit == "analog"),
            t_eval_s=loop.noise.t_eval_s,
        ),
        seconds=session.state.seconds,
    )


def _provenance(
    result: SearchResult,
    task: Task,
    config: Config,
    loop: LoopConfig,
    command: Sequence[str],
    name: str,
    threads: int,
) -> dict[str, Any]:
    t_eval_s = loop.noise.t_eval_s
    decided = result.row("time", split="validation", time_s=t_eval_s)
    return {
        "tool": f"aimc-harness {__version__}",
        "command": " ".join(command),
        "fingerprint": name,
        "strategy": result.strategy,
        "drop_points": result.drop_points,
        "float_validation_percent": 100 * result.baseline,
        "validation": {
            "images": decided.images,
            "time_s": t_eval_s,
            **decided.statistics,
            **decided.drop_columns,
        },
        "conductances": {
            "time_s": t_eval_s,
            "seed": loop.search.seed + TEST_SEED,
            "repetition": 0,
        },
        "dataset": task.dataset,
        "checksums": task.checksums,
        "noise": loop.noise.model_dump(mode="json"),
        "search": loop.search.model_dump(mode="json"),
        "system": config.system.name,
        "tile": config.system.tile.model_dump(mode="json"),
        "libraries": search_libraries(),
        "threads": threads,
    }
