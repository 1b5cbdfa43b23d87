"""Workers on this machine: which connections they take, and that none outlives its sweep."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from harness.errors import ConfigError, HarnessError
from harness.sweep import dask_settings, kept_workers
from harness.sweep import engine_room as engine_room_module
from harness.sweep.driver import run_sweep
from harness.sweep.engine_room import EngineRoom, engine_room
from harness.sweep.room import Room
from harness.sweep.store import read_points
from tests.heard import Heard
from tests.stress.sweep_kills import stress
from tests.sweep.sweeps import executions, point, sweep
from tests.sweep.tasks import logged

if TYPE_CHECKING:
    from distributed import Worker

_ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def heard() -> Heard:
    return Heard()


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory, heard: Heard) -> Iterator[EngineRoom]:
    before = dict(os.environ)
    room = Room(workers=1, dashboard=":0")
    with engine_room(room, tmp_path_factory.mktemp("sweep"), heard) as opened:
        yield opened
    assert dict(os.environ) == before


def _ports(opened: EngineRoom) -> dict[int, str]:
    """Ports on which this process and its workers listen, with their addresses."""
    assert opened.client.nthreads()
    processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
    return {
        connection.laddr.port: connection.laddr.ip
        for process in processes
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    }


def test_every_socket_is_on_loopback(opened: EngineRoom) -> None:
    ports = _ports(opened)
    assert len(ports) >= 3 and set(ports.values()) == {"127.0.0.1"}


@pytest.fixture
def outside() -> Iterator[tuple[list[str], str]]:
    """How to run a command on another machine, and the address of this one that it sees."""
    name, network = f"aimc{os.getpid()}", f"10.213.{os.getpid() % 256}"
    here, there = f"{network}.1", f"{network}.2"
    made = [
        ["ip", "netns", "add", name],
        ["ip", "link", "add", f"{name}a", "type", "veth", "peer", "name", f"{name}b"],
        ["ip", "link", "set", f"{name}b", "netns", name],
        ["ip", "addr", "add", f"{here}/24", "dev", f"{name}a"],
        ["ip", "link", "set", f"{name}a", "up"],
        ["ip", "-n", name, "addr", "add", f"{there}/24", "dev", f"{name}b"],
        ["ip", "-n", name, "link", "set", f"{name}b", "up"],
    ]
    try:
        for command in made:
            try:
                subprocess.run(command, check=True, capture_output=True)
            except (OSError, subprocess.CalledProcessError) as error:
                pytest.skip(f"no network namespace can be made: {error}")
        yield ["ip", "netns", "exec", name], here
    finally:
        for command in (["ip", "link", "del", f"{name}a"], ["ip", "netns", "del", name]):
            with contextlib.suppress(OSError):
                subprocess.run(command, capture_output=True)


def test_nothing_answers_another_machine(
    opened: EngineRoom, outside: tuple[list[str], str]
) -> None:
    command, address = outside
    own = _ports(opened)
    listener = socket.create_server((address, 0))  # the control: this one is reached
    reached = listener.getsockname()[1]
    script = (
        "import socket, sys\n"
        "for port in sys.argv[2:]:\n"
        "    try:\n"
        "        socket.create_connection((sys.argv[1], int(port)), 5).close()\n"
        "        print(port)\n"
        "    except ConnectionRefusedError:\n"
        "        pass\n"
    )
    ports = [str(port) for port in (*own, reached)]
    done = subprocess.run(
        [*command, sys.executable, "-c", script, address, *ports],
        capture_output=True,
        text=True,
        timeout=60,
    )
    listener.close()
    assert done.stdout.split() == [str(reached)] and done.returncode == 0


def test_only_the_runs_own_certificate_is_let_in(opened: EngineRoom) -> None:
    from distributed import Client
    from distributed.security import Security

    (worker,) = opened.client.nthreads()
    scheduler = opened.client.scheduler.address
    assert scheduler.startswith("tls://127.0.0.1:") and worker.startswith("tls://127.0.0.1:")
    for address in (scheduler, worker):
        for other, security in (
            (address.replace("tls://", "tcp://"), None),
            (address, Security.temporary()),
        ):
            with pytest.raises(OSError):
                Client(other, security=security, timeout=2, set_as_default=False)
    assert opened.client.submit(sum, [1, 2]).result(timeout=30) == 3


def test_no_key_is_on_a_command_line_or_in_a_file(opened: EngineRoom) -> None:
    key = opened.client.security.tls_worker_key
    body = key.splitlines()[3]
    for process in [psutil.Process(), *psutil.Process().children(recursive=True)]:
        assert body not in " ".join(process.cmdline())
        assert body not in " ".join(process.environ().values())


@pytest.mark.parametrize(
    ("room", "says"),
    [
        (Room(scheduler="tcp://192.0.2.7:8786"), "anyone on the network"),
        (Room(scheduler="192.0.2.7:8786"), "anyone on the network"),
        (Room(scheduler="inproc://192.0.2.7/1/1"), "not the address"),
        (Room(scheduler="tls://127.0.0.1:8786"), "needs the folder"),
        (Room(scheduler="tls://127.0.0.1:8786", tls_folder=Path("/nowhere")), "missing"),
        (Room(scheduler="tcp://127.0.0.1:8786", workers=2), "its own workers: workers"),
        (Room(tls_folder=Path("certificates")), "runs already"),
        (Room(settings=Path("slurm.yaml")), "jobs of a cluster"),
        (Room(workers=0), "0 workers"),
        (Room(memory_limit="much"), "not a worker's memory"),
        (Room(memory_limit="12"), "not a worker's memory"),
        (Room(dashboard="here"), "not an address"),
    ],
)
def test_impossible_rooms_are_refused(room: Room, says: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=says), engine_room(room, tmp_path, Heard()):
        pass


def test_a_scheduler_that_does_not_answer_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_room_module, "_CONNECTING_S", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        with (
            pytest.raises(HarnessError, match="cannot be reached"),
            engine_room(Room(scheduler=address), tmp_path, Heard()),
        ):
            pass


def test_a_missing_dashboard_is_told(opened: EngineRoom, heard: Heard) -> None:
    assert opened.client.nthreads()
    if importlib.util.find_spec("bokeh") is None:
        assert heard.notes == ["no dashboard: it needs the package bokeh (pip install bokeh)"]
    else:
        assert heard.notes == [f"dashboard: {opened.client.dashboard_link}"]


def test_points_that_end_their_worker_have_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(dask_settings.DASK, "distributed.scheduler.allowed-failures", 0)
    before = _workers(psutil.Process())
    log = tmp_path / "log"
    odd = {1: "exits", 3: "eats memory"}
    points = [point(number) for number in range(6)]
    outcome = run_sweep(
        sweep(points),
        tmp_path / "sweep",
        Room(workers=1, memory_limit="600MiB"),
        Heard(),
        task=functools.partial(logged, log=str(log), odd=odd),
    )
    assert (outcome.done, outcome.failed) == (4, 2)
    rows = read_points(tmp_path / "sweep").set_index("identity")
    assert "in each of 1 tries: it was killed" in rows.loc[points[1].identity, "error"]
    memory = rows.loc[points[3].identity, "error"]
    assert memory == "ran out of memory (limit 600.00 MiB per worker)"
    assert _workers(psutil.Process()) == before


def _workers(process: psutil.Process) -> list[psutil.Process]:
    return [
        child
        for child in process.children(recursive=True)
        if any("spawn_main" in part for part in child.cmdline())
    ]


def _leave(dask_worker: Worker) -> None:
    """End a worker for good, as dask does after an error of its own."""
    dask_worker.loop.add_callback(dask_worker.close, nanny=True)


def test_a_worker_that_dask_gives_up_is_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_workers, "_LOST_S", 0.5)
    with engine_room(Room(workers=1), tmp_path, Heard()) as opened:
        opened.keep()
        (first,) = opened.client.nthreads()
        opened.client.run(_leave)
        deadline = time.monotonic() + 60
        while set(opened.client.nthreads()) in (set(), {first}):
            assert time.monotonic() < deadline
            time.sleep(0.1)
            opened.keep()
        assert opened.client.submit(sum, [1, 2]).result(timeout=30) == 3


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_all_and_keeps_what_is_done(tmp_path: Path, number: int) -> None:
    log, folder = tmp_path / "log", tmp_path / "sweep"
    log.touch()
    driver = subprocess.Popen(
        [sys.executable, "-m", "tests.sweep.drive", str(folder), "30", "0.4", str(log), "1"],
        cwd=_ROOT,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(_ROOT)},
    )
    while log.read_text().count("finish") < 4 and driver.poll() is None:
        time.sleep(0.02)
    workers = _workers(psutil.Process(driver.pid))
    began = time.monotonic()
    os.killpg(driver.pid, number)  # as a terminal does
    assert driver.stderr is not None
    assert driver.wait(timeout=30) == 128 + number
    text = driver.stderr.read()
    assert time.monotonic() - began < 20
    assert text == "interrupted; the same command goes on with the points that are missing\n"
    assert len(workers) == 1
    assert psutil.wait_procs(workers, timeout=5)[1] == []
    kept = len(read_points(folder))
    finished = sum(event == "finish" for events in executions(log).values() for event, _ in events)
    assert 2 <= kept <= finished < 30


def test_nothing_is_lost_or_run_twice_through_kills(tmp_path: Path) -> None:
    verdict = stress(tmp_path, points=40, kills=4, seconds=0.2, seed=2)
    assert verdict.problems == ()
    assert verdict.kills["driver"] and verdict.kills["worker"]
