"""A program is simulated once: its result is kept under a key of all its inputs.

That is the program's bytes, the names of its regions, the part of the system that it can see
(`harness.engines.visible`) and what simulates (`harness.pipeline.identity`).  Results that any
check refuses are not kept.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import TypeAdapter, ValidationError

from harness.cache.folder import SIMULATIONS, cache_dir, limit_bytes
from harness.cache.room import keep
from harness.cache.sealed import SEALED, read_entry
from harness.config.fields import canonical
from harness.config.schema import SystemConfig
from harness.digest import sha256_file, sha256_of
from harness.engines.protocol import EngineOptions, RunResult
from harness.engines.registry import engine
from harness.engines.visible import visible_system
from harness.errors import EngineError, HarnessError
from harness.locks import folder_lock
from harness.pipeline.identity import engine_sources, simulator_identity
from harness.progress import SILENT, Progress
from harness.strict_json import parse_json

_FORMAT: Final = 1
_LOADED: Final = engine_sources()
"""Of the code that this process runs: if it has changed on disk since, results are not its."""


@dataclass(frozen=True)
class _Kept:
    """A result, and when it was made: seconds since 1970."""

    result: RunResult
    made_s: float


_KEPT: Final = TypeAdapter(_Kept)

T = TypeVar("T")


@dataclass(frozen=True)
class Order:
    """A simulation to be had: ``elf`` on the ``tiles_used`` first tiles of ``system``."""

    elf: Path
    regions: Mapping[int, str]
    system: SystemConfig
    tiles_used: int
    engine: str
    timeout_s: float  # of the host
    engine_options: EngineOptions = field(default_factory=dict)
    fast_forward: str | None = None  # `RunConfig.fast_forward`

    @property
    def visible(self) -> SystemConfig:
        """The system as the program sees it, and as the engine is given it."""
        return visible_system(self.system, self.tiles_used, self.engine)


def simulate_once(
    order: Order,
    read: Callable[[RunResult], T],
    *,
    progress: Progress = SILENT,
    note: Callable[[str], None] = lambda _: None,
    not_before_s: float = 0.0,
) -> tuple[T, float]:
    """What ``read`` makes of the result of ``order``, and when that was simulated.

    Where another process is simulating the same, this one waits for its result.

    Args:
        read: Raises if a result is not to be used; only others are kept.
        progress: Gets the progress.
        note: Hears of waiting, and of what is wrong with the cache.
        not_before_s: A result that was kept before does not count, and is replaced.  Times are
            in seconds since 1970, by the clock of the machine that simulated.

    Raises:
        HarnessError: The engine failed, or ``read`` did.
    """
    limit = limit_bytes()
    if engine_sources() != _LOADED:
        note("the harness has changed since this process began: simulating, and keeping nothing")
        return read(_run(order, progress)), time.time()
    contents = _contents(order)
    entry = cache_dir().absolute() / SIMULATIONS / f"{_digest(contents)}.json{SEALED}"
    if (found := _kept(entry, contents, not_before_s, note)) is not None:
        return read(found.result), found.made_s
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(folder_lock(entry, waiting=note))
        except HarnessError as error:
            note(f"the simulation's result will not be kept ({error.what}: {error.where})")
        if (found := _kept(entry, contents, not_before_s, note)) is not None:
            return read(found.result), found.made_s  # another process has made it meanwhile
        made = _Kept(_run(order, progress), time.time())
        value = read(made.result)
        if engine_sources() == _LOADED:  # still: a module may have been loaded during the run
            _keep(made, entry, contents, limit, note)
    return value, made.made_s


def _run(order: Order, progress: Progress) -> RunResult:
    return engine(order.engine, order.engine_options).run(
        order.elf,
        order.visible,
        order.regions,
        timeout_s=order.timeout_s,
        fast_forward=order.fast_forward,
        progress=progress,
    )


def _contents(order: Order) -> dict[str, Any]:
    """All that the result depends on, as JSON values."""
    try:
        elf = sha256_file(order.elf)
    except OSError as error:
        raise EngineError(
            f"cannot read the program: {error.strerror}", where=str(order.elf)
        ) from error
    skipped = {} if order.fast_forward is None else {"fast_forward": order.fast_forward}
    return {
        "format": _FORMAT,
        "elf_sha256": elf,
        "regions": [[region, name] for region, name in order.regions.items()],
        "system": canonical(order.visible),
        "simulator": simulator_identity(order.engine, order.engine_options),
        **skipped,
    }


def _digest(contents: Mapping[str, Any]) -> str:
    canonical = json.dumps(contents, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return sha256_of(canonical)


def _kept(
    entry: Path, contents: Mapping[str, Any], not_before_s: float, note: Callable[[str], None]
) -> _Kept | None:
    """What ``entry`` holds, if that is whole, of ``contents`` and not too old."""
    data = read_entry(entry, note=note)
    if data is None:
        return None
    try:
        document = parse_json(data)
        kept = _KEPT.validate_json(json.dumps(document["kept"]), strict=True)
        sound = document == _document(kept, contents)
    except (ValueError, ValidationError, KeyError, TypeError):
        sound = False
    if not sound:
        note(f"{entry} is not of this program; simulating again")
        return None
    return kept if kept.made_s >= not_before_s else None


def _document(kept: _Kept, contents: Mapping[str, Any]) -> dict[str, Any]:
    return {"of": contents, "kept": _KEPT.dump_python(kept, mode="json")}


def _keep(
    kept: _Kept,
    entry: Path,
    contents: Mapping[str, Any],
    limit: int,
    note: Callable[[str], None],
) -> None:
    """Let ``entry`` hold ``kept``."""
    text = json.dumps(_document(kept, contents), indent=1, allow_nan=False) + "\n"
    keep(text.encode(), entry, limit, what="the simulation's result", note=note)
