"""A program is simulated once: its result is kept, by all that the result depends on.

That is the program's bytes, the names of its regions, the part of the system that it can see
(`harness.engines.visible`) and what simulates (`harness.pipeline.identity`).  Results that any
check refuses are not kept.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import TypeAdapter, ValidationError

from harness.artifacts import sha256_file
from harness.cache.folder import SIMULATIONS, cache_dir, limit_bytes
from harness.cache.room import make_room
from harness.cache.sealed import SEALED, publish_bytes, read_entry
from harness.config.schema import SystemConfig
from harness.engines.protocol import Progress, RunResult
from harness.engines.registry import engine
from harness.engines.visible import visible_system
from harness.errors import EngineError, HarnessError
from harness.locks import folder_lock
from harness.pipeline.identity import simulator_identity

_FORMAT: Final = 1
_RESULT: Final = TypeAdapter(RunResult)

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
    gem5: Path | None = None  # None: the variable GEM5, then PATH

    @property
    def visible(self) -> SystemConfig:
        """The system as the program sees it, and as the engine is given it."""
        return visible_system(self.system, self.tiles_used, self.engine)


def simulate_once(
    order: Order,
    read: Callable[[RunResult], T],
    *,
    progress: Progress | None = None,
    note: Callable[[str], None] = lambda _: None,
    fresh: bool = False,
) -> tuple[T, bool]:
    """What ``read`` makes of the result of ``order``, and whether that was kept from earlier.

    Where another process is simulating the same, this one waits for its result.

    Args:
        read: Raises if a result is not to be used; only others are kept.
        note: Hears of waiting, and of what is wrong with the cache.
        fresh: Simulate in any case, and keep the new result in place of an earlier one.

    Raises:
        HarnessError: The engine failed, or ``read`` did.
    """
    limit = limit_bytes()
    contents = _contents(order)
    entry = cache_dir().absolute() / SIMULATIONS / f"{_digest(contents)}.json{SEALED}"
    if not fresh and (found := _kept(entry, contents, note)) is not None:
        return read(found), True
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(folder_lock(entry, waiting=note))
        except HarnessError as error:
            note(f"the simulation's result will not be kept ({error.what}: {error.where})")
        if not fresh and (found := _kept(entry, contents, note)) is not None:
            return read(found), True  # another process has made it meanwhile
        result = _run(order, progress)
        value = read(result)
        _keep(result, entry, contents, limit, note)
    return value, False


def _run(order: Order, progress: Progress | None) -> RunResult:
    return engine(order.engine, gem5=order.gem5).run(
        order.elf, order.visible, order.regions, timeout_s=order.timeout_s, progress=progress
    )


def _contents(order: Order) -> dict[str, Any]:
    """All that the result depends on, as JSON values."""
    try:
        elf = sha256_file(order.elf)
    except OSError as error:
        raise EngineError(
            f"cannot read the program: {error.strerror}", where=str(order.elf)
        ) from error
    return {
        "format": _FORMAT,
        "elf_sha256": elf,
        "regions": [[region, name] for region, name in order.regions.items()],
        "system": order.visible.model_dump(mode="json"),
        "simulator": simulator_identity(order.engine, gem5=order.gem5),
    }


def _digest(contents: Mapping[str, Any]) -> str:
    canonical = json.dumps(contents, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _kept(
    entry: Path, contents: Mapping[str, Any], note: Callable[[str], None]
) -> RunResult | None:
    """The result in ``entry`` if it is whole and of ``contents``."""
    data = read_entry(entry, note=note)
    if data is None:
        return None
    try:
        document = json.loads(data)
        result = _RESULT.validate_json(json.dumps(document["result"]), strict=True)
        sound = document == _document(result, contents)
    except (ValueError, ValidationError, KeyError, TypeError, RecursionError):
        sound = False
    if not sound:
        note(f"{entry} is not of this program; simulating again")
        return None
    return result


def _document(result: RunResult, contents: Mapping[str, Any]) -> dict[str, Any]:
    return {"of": contents, "result": _RESULT.dump_python(result, mode="json")}


def _keep(
    result: RunResult,
    entry: Path,
    contents: Mapping[str, Any],
    limit: int,
    note: Callable[[str], None],
) -> None:
    """Keep ``result``; a full disk costs no more than the next simulation's time."""
    text = json.dumps(_document(result, contents), indent=1, allow_nan=False) + "\n"
    try:
        publish_bytes(text.encode(), entry)
        make_room(cache_dir(), limit)
    except OSError as error:
        note(f"the simulation's result is not kept ({error.strerror}: {error.filename or entry})")
