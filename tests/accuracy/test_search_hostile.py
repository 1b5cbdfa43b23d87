"""State, summary and checksums that were damaged, edited or made up: one error, never a traceback.

A hostile state also has the right checksum: whatever it holds, the search refuses it or takes it
for what a search can have measured.
"""

from __future__ import annotations

import copy
import hashlib
import json
import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from harness.accuracy.identity import SearchIdentity, search_identity
from harness.accuracy.result import summary_json, summary_of, to_csv
from harness.accuracy.run import _result
from harness.accuracy.search import Search
from harness.accuracy.session import SearchSession
from harness.accuracy.state import STATE_FILE, SearchState, StateFolder
from harness.accuracy.task import Task, load_task
from harness.config.loop_schema import LoopConfig
from harness.config.schema import Config
from harness.errors import HarnessError
from tests.accuracy.searches import loop_config, run_config, search
from tests.heard import Heard

SETTINGS = ("search.strategy=sensitivity", "search.drop_points=3", "search.confirm_repetitions=2")
CASES = 400
EVIL: list[Any] = [
    None, True, 0, -1, 3, 2**70, 0.5, 1.5, -0.5, 1e308, float("nan"), float("inf"), "", "x", "fc1",
    "fc2", "../../x", "/dev/zero", "\0", "a" * 300, "0" * 64, "zz", "alone fc1", "test 1", [], {},
    [None], ["fc1"], ["fc1", "fc1"], ["x"], [None, None], {"fc1": 1}, [[[]]],
]  # fmt: skip


@dataclass(frozen=True)
class Interrupted:
    """A search whose state was kept when everything was measured, but nothing written."""

    task: Task
    config: Config
    loop: LoopConfig
    identity: SearchIdentity
    state: Path

    def go_on(self, folder: Path) -> bool:
        """Continue from the state in ``folder``, as far as nothing is to be measured."""
        state = StateFolder(folder, self.identity)
        session = SearchSession(self.task, self.config, self.loop, state, Heard(), threads=1)
        walk = Search(session, 3.0)
        walk.advance()
        session.keep(walk.needed)
        assert walk.work_left() >= 0
        measured = {m.name for m in session.state.measurements if m.route == walk.route}
        if not walk.complete or not measured >= session.final_times.keys():
            return False
        if (
            session.state.measurement((), "test int8") is None
            or len(session.state.float_correct) < 2
        ):
            return False
        result = _result(walk, self.loop, self.task.quantized(session.stored_graph(walk.route)))
        to_csv(result)
        summary_json(summary_of(result, {}))
        return True


class _Keeper(Heard):
    """Copies the state before it is removed."""

    def __init__(self, source: Path, target: Path) -> None:
        super().__init__()
        self._source, self._target = source, target

    def stage(self, text: str) -> None:
        if text == "writing the mapping":
            shutil.copytree(self._source, self._target)


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: pytest.TempPathFactory) -> Interrupted:
    folder = tmp_path_factory.mktemp("interrupted")
    keeper = _Keeper(folder / "m.search", folder / "state")
    search(folder / "m", *SETTINGS, progress=keeper)
    config, loop = run_config(), loop_config(*SETTINGS)
    task = load_task(config)
    identity = search_identity(task, config, loop, [3.0], 1)
    return Interrupted(task, config, loop, identity, folder / "state")


@pytest.fixture
def folder(interrupted: Interrupted, tmp_path: Path) -> Path:
    return Path(shutil.copytree(interrupted.state, tmp_path / "m.search"))


def sealed(content: object) -> str:
    """A state file of ``content`` with the checksum that a search would have given it."""
    try:
        state = SearchState.model_validate_json(json.dumps(content))
        digest = hashlib.sha256(state.model_dump_json().encode()).hexdigest()
    except (ValidationError, ValueError):
        digest = "0" * 64
    return json.dumps({"format": 4, "sha256": digest, "search": content})


def places(node: object) -> Iterator[tuple[Any, Any]]:
    """Every container in ``node`` with each of its keys or indices."""
    if isinstance(node, dict | list):
        for key in list(node) if isinstance(node, dict) else range(len(node)):
            yield node, key
            yield from places(node[key])


def changed(content: object, draw: random.Random) -> object:
    content = copy.deepcopy(content)
    for _ in range(draw.choice((1, 1, 2))):
        # Most of a state are accuracies: draw the field before the place.
        found = list(places(content))
        names = sorted({str(key) for _, key in found})
        name = draw.choice(names)
        node, key = draw.choice([place for place in found if str(place[1]) == name])
        match draw.randrange(5):
            case 0:
                del node[key]
            case 1:
                node[key] = copy.deepcopy(draw.choice(found)[0])
            case 2 if isinstance(node, list):
                node.append(copy.deepcopy(node[key]))
            case _:
                node[key] = copy.deepcopy(draw.choice(EVIL))
    return content


def test_a_whole_state_is_taken(interrupted: Interrupted, folder: Path) -> None:
    content = json.loads((folder / STATE_FILE).read_text())["search"]
    assert {trial["layer"] for trial in content["trials"]} == {None, "fc1", "fc2", "fc3"}
    assert interrupted.go_on(folder)
    (folder / STATE_FILE).write_text(sealed(content))
    assert interrupted.go_on(folder)


def test_made_up_states_give_one_error_or_a_result(interrupted: Interrupted, folder: Path) -> None:
    content = json.loads((folder / STATE_FILE).read_text())["search"]
    draw, refused = random.Random(1), 0
    for _ in range(CASES):
        (folder / STATE_FILE).write_text(sealed(changed(content, draw)))
        for path in interrupted.state.glob("*.safetensors"):
            shutil.copy(path, folder)
        try:
            interrupted.go_on(folder)
        except HarnessError as error:
            assert "\n  hint: " in str(error)
            refused += 1
    assert CASES // 2 < refused < CASES
