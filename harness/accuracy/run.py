"""The accuracy loop as one job: from a network and bounds to a folder with each's mapping."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from harness import __version__
from harness.accuracy.picture import draw_search
from harness.accuracy.result import SearchResult, lost, rows_of, statistics, summary_json, to_csv
from harness.accuracy.search import Search, search_all
from harness.accuracy.state import StateFolder, fingerprint
from harness.accuracy.strategies import strategy_named
from harness.accuracy.task import Task, load_task
from harness.accuracy.workbench import TEST_SEED, Reporter, Workbench, analog_of
from harness.artifacts import atomic_write_bytes, atomic_write_text
from harness.config.schema import Config, LoopConfig
from harness.data.sizes import inputs_in_words
from harness.errors import HarnessError
from harness.mapping.mapping import Mapping as LayerMapping
from harness.mapping.mapping import Unit
from harness.mapping.write import write_mapping
from harness.model.checkpoint import save_checkpoint
from harness.pipeline.folder import staged_folder
from harness.quant.digest import network_digest
from harness.quant.macs import node_macs
from harness.quant.program import QConv, QDense, QNetwork

MAPPING_FILE: Final = "mapping.json"
SUMMARY_FILE: Final = "summary.json"
_LIBRARIES: Final = ("aihwkit", "numpy", "torch")


@dataclass(frozen=True)
class Found:
    """The outcome; ``earlier`` says that it was there already."""

    folder: Path
    summary: dict[str, Any]
    earlier: bool


def find_mapping(
    config: Config,
    loop: LoopConfig,
    out: Path,
    *,
    command: Sequence[str],
    reporter: Reporter,
    threads: int,
    fresh: bool = False,
) -> Found:
    """Search a mapping under the bound of ``loop`` and leave it in the folder ``out``.

    See `find_mappings`; until the end the state is in ``<out>.search``.
    """
    (found,) = find_mappings(
        config,
        loop,
        {loop.search.drop_points: out},
        state=out.with_name(out.name + ".search"),
        command=command,
        reporter=reporter,
        threads=threads,
        fresh=fresh,
    )
    return found


def find_mappings(
    config: Config,
    loop: LoopConfig,
    outs: Mapping[float, Path],
    *,
    state: Path,
    command: Sequence[str],
    reporter: Reporter,
    threads: int,
    fresh: bool = False,
) -> list[Found]:
    """Search a mapping under each bound; the folder of each appears complete.

    What does not depend on a bound is computed once.  Killed at any moment, the same call goes on
    from the last trial; until the end its state is in the folder ``state``.

    Args:
        config: Network, dataset, checkpoint; system and engine.
        loop: Noise, strategy; its bound is not looked at.
        outs: Folders by bound in percentage points.
        command: Recorded as the mappings' provenance.
        threads: Of torch; results are reproducible for one number of threads and machine.
        fresh: Search again even where a folder has the result of the same search.

    Raises:
        HarnessError: A stage failed; earlier results are untouched and trials stay.
    """
    strategy_named(loop.search.strategy)  # an unknown one is said before anything is read
    reporter.stage(f"reading {inputs_in_words(config.run.model, config.run.dataset)}")
    task = load_task(config)
    loops = {drop: _with_bound(loop, drop) for drop in outs}
    names = {
        drop: fingerprint(_identity(task, config, one, threads)) for drop, one in loops.items()
    }
    earlier = {drop: _earlier(out, names[drop]) for drop, out in outs.items()}
    wanted = [drop for drop in outs if fresh or earlier[drop] is None]
    folder = StateFolder(state, fingerprint(" ".join(sorted(names.values()))))
    if wanted:
        bench = Workbench(task, config, loop, folder, reporter, threads=threads)

        def write(search: Search) -> None:
            reporter.stage("writing the mapping")
            drop = search.drop_points
            with staged_folder(outs[drop]) as staging:
                _write(staging, search, config, loops[drop], command, names[drop], threads)

        search_all(bench, [Search(bench, drop) for drop in wanted], write)
    if wanted or folder.is_of_this_search():
        shutil.rmtree(state)
    return [Found(out, _summary(out), earlier=drop not in wanted) for drop, out in outs.items()]


def _with_bound(loop: LoopConfig, drop_points: float) -> LoopConfig:
    search = loop.search.model_copy(update={"drop_points": drop_points})
    return loop.model_copy(update={"search": search})


def _identity(task: Task, config: Config, loop: LoopConfig, threads: int) -> str:
    content = {
        "version": __version__,
        "libraries": _versions(),
        "model": config.run.model,
        "checksums": task.checksums,
        "system": config.system.model_dump(mode="json"),
        "engine": config.run.engine,
        "loop": loop.model_dump(mode="json"),
        "threads": threads,
    }
    return json.dumps(content, sort_keys=True)


def _versions() -> dict[str, str]:
    return {name: metadata.version(name) for name in _LIBRARIES}


def _summary(out: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((out / SUMMARY_FILE).read_bytes())
    return document


def _earlier(out: Path, name: str) -> dict[str, Any] | None:
    """The summary in ``out`` if it is of the same search.

    Raises:
        HarnessError: ``out`` is something else than a search's folder.
    """
    if not out.exists():
        return None
    try:
        summary = _summary(out)
        same = summary["provenance"]["fingerprint"] == name
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise HarnessError(
            "this is there already and is not the result of a search",
            where=str(out),
            hint="name another folder with --out",
        ) from error
    return summary if same else None


def _write(
    folder: Path,
    search: Search,
    config: Config,
    loop: LoopConfig,
    command: Sequence[str],
    name: str,
    threads: int,
) -> None:
    bench, route = search.bench, search.route
    task, graph = bench.task, bench.stored_graph(route)
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
        conductances=bench.conductances(route) if result.analog else None,
        graph_sha256=result.graph_sha256,
        provenance=provenance,
    )
    write_mapping(mapping, folder / MAPPING_FILE, checkpoint=checkpoint)
    atomic_write_text(folder / "accuracy.csv", to_csv(result))
    atomic_write_bytes(folder / "accuracy.png", draw_search(result))
    atomic_write_text(folder / SUMMARY_FILE, summary_json(result, provenance))


def _result(search: Search, loop: LoopConfig, network: QNetwork) -> SearchResult:
    bench, route = search.bench, search.route
    macs = {
        node.name: node_macs(network, node)
        for node in network.nodes
        if isinstance(node, QConv | QDense)
    }
    chosen = set(analog_of(route))
    layers: dict[str, Unit] = {
        layer: "analog" if layer in chosen else "digital" for layer in bench.demands
    }
    int8 = bench.state.measurement((), "test int8")
    final = {name: bench.state.measurement(route, name) for name in bench.final_times}
    assert int8 is not None
    return SearchResult(
        model=bench.task.name,
        dataset=bench.task.dataset,
        strategy=loop.search.strategy,
        drop_points=loop.search.drop_points,
        confidence=loop.search.confidence,
        baseline=bench.baseline,
        t_eval_s=loop.noise.t_eval_s,
        graph_sha256=network_digest(network),
        layers=layers,
        macs=macs,
        rows=rows_of(
            {
                "validation": bench.float_measured("validation"),
                "test": bench.float_measured("test"),
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
        seconds=bench.state.seconds,
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
            **statistics(decided.values),
            **lost(decided),
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
        "libraries": _versions(),
        "threads": threads,
    }
