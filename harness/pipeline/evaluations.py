"""Outputs of the references, each computed once and kept under a key of all its inputs.

That is the content of plan or graph, the images, the part of the tile that numbers depend on
(`harness.placement.arithmetic`), and the sources and libraries that compute.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import fields
from importlib import metadata
from pathlib import Path
from typing import TypeVar
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from harness.budget import JSON_BYTES
from harness.cache.folder import EVALUATIONS, cache_dir, limit_bytes
from harness.cache.room import keep
from harness.cache.sealed import SEALED, read_entry
from harness.config.schema import SystemConfig
from harness.content import content_digest
from harness.digest import sha256_of
from harness.model.classes import score_graph
from harness.model.graph import Graph
from harness.operators.tensor import FloatArray, Int8Array
from harness.pipeline.identity import reference_sources
from harness.placement.arithmetic import arithmetic_system
from harness.placement.plan import Plan
from harness.placement.reference import infer_plan
from harness.quant.float_reference import infer_float
from harness.quant.program import QNetwork

ScalarT = TypeVar("ScalarT", bound=np.generic)
Note = Callable[[str], None]

_HEADER_BYTES = 4096  # of an array's file, at most
_LOADED = reference_sources()
"""Of the code that this process runs; if it has changed on disk since, nothing is read or kept."""
_WHOLE: WeakKeyDictionary[QNetwork | Graph, str] = WeakKeyDictionary()
"""Digests of networks, which nothing changes once they are made."""


def plan_outputs(
    plan: Plan,
    system: SystemConfig,
    inputs: Int8Array,
    *,
    tensor: str | None = None,
    note: Note = lambda _: None,
) -> Int8Array:
    """`harness.placement.reference.infer_plan`, computed or kept from earlier.

    Args:
        note: Hears of what is wrong with the cache.
    """
    numbers = arithmetic_system(system)
    rest = {
        field.name: getattr(plan, field.name)
        for field in fields(plan)
        if field.name not in ("network", "kept_digital")
    }
    key = content_digest(
        _digest_of(plan.network), rest, inputs, tensor, numbers.tile.model_dump(mode="json")
    )
    return _kept(
        f"plan {key}", np.int8, lambda: infer_plan(plan, numbers, inputs, tensor=tensor), note
    )


def float_scores(graph: Graph, images: FloatArray, *, note: Note = lambda _: None) -> FloatArray:
    """The float network's class scores of ``images``, computed or kept from earlier."""
    key = content_digest(_digest_of(graph), images)
    return _kept(f"float {key}", np.float32, lambda: infer_float(score_graph(graph), images), note)


def _digest_of(network: QNetwork | Graph) -> str:
    if network not in _WHOLE:
        _WHOLE[network] = content_digest(network)
    return _WHOLE[network]


def _kept(
    key: str,
    scalar: type[ScalarT],
    compute: Callable[[], npt.NDArray[ScalarT]],
    note: Note,
) -> npt.NDArray[ScalarT]:
    if reference_sources() != _LOADED:
        return compute()
    computes = f"{_LOADED} numpy {metadata.version('numpy')}"
    limit = limit_bytes()
    name = sha256_of(f"{key} {computes}")
    entry = cache_dir().absolute() / EVALUATIONS / f"{name}.npy{SEALED}"
    data = read_entry(entry, note=note)
    if data is not None:
        found = _array(data, scalar)
        if found is not None:
            return found
        note(f"{entry} is no evaluation; evaluating again")
    outputs = compute()
    if outputs.nbytes + _HEADER_BYTES <= JSON_BYTES:
        _keep(outputs, entry, limit, note)
    return outputs


def _array(data: bytes, scalar: type[ScalarT]) -> npt.NDArray[ScalarT] | None:
    """The array that `_keep` wrote; None if it is something else."""
    try:
        array: npt.NDArray[ScalarT] = np.load(io.BytesIO(data), allow_pickle=False)
    except (ValueError, EOFError):
        return None
    return array if array.dtype == scalar else None


def _keep(outputs: npt.NDArray[np.generic], entry: Path, limit: int, note: Note) -> None:
    stream = io.BytesIO()
    np.save(stream, outputs, allow_pickle=False)
    keep(stream.getvalue(), entry, limit, what="the evaluation", note=note)
