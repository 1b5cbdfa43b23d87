"""The accuracy loop as one job: from a network and a bound to a folder with its mapping."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from harness import __version__
from harness.accuracy.picture import draw_search
from harness.accuracy.result import SearchResult, rows_of, statistics, summary_json, to_csv
from harness.accuracy.search import TEST_SEED, Reporter, Search
from harness.accuracy.state import StateFolder, fingerprint
from harness.accuracy.task import Task, load_task
from harness.artifacts import atomic_write_bytes, atomic_write_text
from harness.config.schema import Config, LoopConfig
from harness.errors import HarnessError
from harness.mapping.mapping import Mapping, Unit
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
    """Search a mapping and leave it in the folder ``out``, which appears complete.

    Killed at any moment, the same call goes on from the last decision; until the end its state
    is in ``<out>.search``.

    Args:
        config: Network, dataset, checkpoint; system and engine.
        loop: Noise, strategy and bound.
        command: Recorded as the mapping's provenance.
        threads: Of torch; results are reproducible for one number of threads and machine.
        fresh: Search again even if the folder has the result of the same search.

    Raises:
        HarnessError: A stage failed; an earlier result is untouched and decisions stay.
    """
    reporter.stage("reading the network and the images")
    task = load_task(config)
    name = fingerprint(_identity(task, config, loop, threads))
    earlier = _earlier(out, name)
    if earlier is not None and not fresh:
        return Found(out, earlier, earlier=True)
    folder = out.with_name(out.name + ".search")
    search = Search(task, config, loop, StateFolder(folder, name), reporter, threads=threads)
    search.run()
    reporter.stage("writing the mapping")
    with staged_folder(out) as staging:
        _write(staging, search, task, config, loop, command, name, threads)
    shutil.rmtree(folder)
    return Found(out, _summary(out), earlier=False)


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
    task: Task,
    config: Config,
    loop: LoopConfig,
    command: Sequence[str],
    name: str,
    threads: int,
) -> None:
    graph = search.graph
    network = task.quantized(graph)
    result = _result(search, task, loop, network)
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
    mapping = Mapping(
        model=task.name,
        source=str(folder / MAPPING_FILE),
        layers=result.layers,
        insists=True,
        conductances=search.conductances() if result.analog else None,
        graph_sha256=network_digest(network),
        provenance=provenance,
    )
    write_mapping(mapping, folder / MAPPING_FILE, checkpoint=checkpoint)
    atomic_write_text(folder / "accuracy.csv", to_csv(result))
    atomic_write_bytes(folder / "accuracy.png", draw_search(result))
    atomic_write_text(folder / SUMMARY_FILE, summary_json(result, provenance))


def _result(search: Search, task: Task, loop: LoopConfig, network: QNetwork) -> SearchResult:
    state = search.state
    macs = {
        node.name: node_macs(network, node)
        for node in network.nodes
        if isinstance(node, QConv | QDense)
    }
    chosen = set(state.analog)
    layers: dict[str, Unit] = {
        layer: "analog" if layer in chosen else "digital" for layer in search.demands
    }
    return SearchResult(
        model=task.name,
        dataset=task.dataset,
        strategy=loop.search.strategy,
        drop_points=loop.search.drop_points,
        baseline=search.baseline,
        t_eval_s=loop.noise.t_eval_s,
        layers=layers,
        macs=macs,
        rows=rows_of(
            state,
            macs,
            t_eval_s=loop.noise.t_eval_s,
            validation_images=len(search.validation),
            test_images=len(task.test_split),
        ),
        seconds=state.seconds,
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
    return {
        "tool": f"aimc-harness {__version__}",
        "command": " ".join(command),
        "fingerprint": name,
        "strategy": result.strategy,
        "drop_points": result.drop_points,
        "float_validation_percent": 100 * result.baseline,
        "validation": {
            "images": result.row("time", split="validation", time_s=t_eval_s).images,
            "time_s": t_eval_s,
            **statistics(result.row("time", split="validation", time_s=t_eval_s).values),
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
