"""gem5 as a process: whatever happens to it is one error, and no process stays."""

from __future__ import annotations

import gzip
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from harness.config.load import load_config
from harness.engines.gem5.engine import Gem5Engine
from harness.engines.gem5.process import run_process
from harness.errors import EngineError, HarnessError, StatsError
from harness.toolchain import compile_program
from tests.engines.gem5.fake_gem5 import fake_gem5
from tests.heard import Heard

SYSTEM = load_config(system="alpine-hp").system
DATA = Path(__file__).parent / "data" / "lenet5-digital"


def is_alive(pid: int) -> bool:
    """Whether ``pid`` runs; a zombie that nobody has waited for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


def wait_for(path: Path) -> str:
    for _ in range(600):
        if path.is_file() and path.read_text().endswith("\n"):
            return path.read_text()
        time.sleep(0.05)
    raise AssertionError(f"{path} did not appear")


@pytest.fixture(scope="module")
def elf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("program")
    source = folder / "main.c"
    source.write_text("int main(void) { return 0; }\n")
    return compile_program([source], [], folder / "p.elf", defines={}, cache_dir=folder / "cache")


def run_fake(tmp_path: Path, elf: Path, body: str, timeout_s: float = 60.0) -> HarnessError:
    """The error of a run on a gem5 that does ``body``; nothing may be left beside the ELF."""
    binary = fake_gem5(tmp_path / "gem5", body)
    with pytest.raises(HarnessError) as caught:
        Gem5Engine(binary).run(elf, SYSTEM, {}, timeout_s=timeout_s)
    assert not (elf.parent / "gem5").exists()
    return caught.value


def exit_record(**changes: object) -> str:
    record = {
        "gem5_version": "24.0.0.1",
        "cause": "m5_exit instruction encountered",
        "exited": True,
        "code": 0,
        "tick_ps": 1000,
        "instructions": 10,
        "open_region": None,
        "dumps": 0,
        "cores": ["system.cluster.cpus"],
        "tiles": [],
        "meters": ["system.cluster.meter"],
        **changes,
    }
    return repr(record).replace("'", '"').replace("None", "null").replace("True", "true")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("echo panic: lost; kill -SEGV $$", "killed by SIGSEGV(.|\n)*panic: lost"),
        ("kill -KILL $$", "killed by SIGKILL"),
        (
            "echo panic: lost; seq -f 'info: Entering event queue @ %g' 50; exit 1",
            "gem5's last lines:\n    panic: lost\n  hint",
        ),
        ("echo fatal: out of tea; exit 1", "ended with code 1(.|\n)*fatal: out of tea"),
        ("echo warn: x; echo error: system.memory.name: no; exit 2", "system.memory.name: no"),
        ("exit 0", "no readable exit.json"),
        ('echo "{" >"$out/exit.json"', "not JSON"),
        ('echo "[]" >"$out/exit.json"', "not a JSON object"),
    ],
)
def test_a_gem5_that_fails(tmp_path: Path, elf: Path, body: str, message: str) -> None:
    error = run_fake(tmp_path, elf, body)
    assert isinstance(error, EngineError)
    assert error.exit_code == 3
    assert re.search(message, str(error)), str(error)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"exited": False, "cause": "user interrupt received"}, "user interrupt received"),
        ({"open_region": 3}, "exited inside region 3"),
        ({"code": "0"}, "code is '0'"),
        ({"tick_ps": -1}, "tick_ps is -1"),
        ({"cores": []}, "names 0 cores"),
        ({"meters": []}, "names 1 cores and 0 meters"),
        ({"cores": "cpus"}, "not a list of names"),
        ({"dumps": 2}, "names 0 dumps of statistics, the run had 2"),
    ],
)
def test_an_ending_that_is_none(
    tmp_path: Path, elf: Path, changes: dict[str, object], message: str
) -> None:
    record = exit_record(**changes).replace("False", "false")
    body = f"""echo '{record}' >"$out/exit.json"; : >"$out/regions.jsonl"; : >"$out/stats.txt" """
    error = run_fake(tmp_path, elf, body)
    assert isinstance(error, EngineError)
    assert message in str(error)


@pytest.mark.parametrize("kept", [0.0, 0.3, 0.7, 0.999])
def test_truncated_statistics_are_no_numbers(tmp_path: Path, elf: Path, kept: float) -> None:
    text = gzip.decompress((DATA / "stats.txt.gz").read_bytes())
    stats = tmp_path / "stats.txt"
    stats.write_bytes(text[: int(len(text) * kept)])
    body = (
        f"""cp {DATA}/exit.json {DATA}/regions.jsonl {stats} "$out"; : >"$out/system.terminal" """
    )
    binary = fake_gem5(tmp_path / "gem5", body)
    regions = {i: f"r{i}" for i in range(1, 8)}
    with pytest.raises(StatsError):
        Gem5Engine(binary).run(elf, SYSTEM, regions, timeout_s=60.0)
    assert not (elf.parent / "gem5").exists()


def test_regions_that_the_program_does_not_have(tmp_path: Path, elf: Path) -> None:
    body = f"""cp {DATA}/exit.json {DATA}/regions.jsonl "$out" """
    error = run_fake(tmp_path, elf, body)
    assert "marked regions that it does not have: 1, 2, 3, 4, 5, 6, 7" in str(error)


def test_a_run_out_of_time_is_ended_with_its_children(tmp_path: Path, elf: Path) -> None:
    pids = tmp_path / "pids"
    body = f"sleep 600 & echo $$ $! >{pids}; echo still here; trap '' TERM; wait; sleep 600"
    error = run_fake(tmp_path, elf, body, timeout_s=1.5)
    assert "did not end within 1.5 s" in str(error)
    assert "the longest latency is system." in str(error)
    assert "still here" in str(error)
    assert not any(is_alive(int(pid)) for pid in pids.read_text().split())


def start_harness(folder: Path, binary: Path) -> subprocess.Popen[bytes]:
    """The harness in a process of its own, which has started ``binary`` as gem5."""
    program = textwrap.dedent(
        f"""
        import signal
        from pathlib import Path
        from harness.engines.gem5.process import run_process
        from harness.progress import Silent
        class Going(Silent):
            def simulated(self, *_):
                Path({str(folder / "going")!r}).write_text("on\\n")
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job ignores it
        run_process([{str(binary)!r}], Path({str(folder)!r}), environment={{}}, timeout_s=600,
                    progress=Going(), regions={{}}, latency="")
        """
    )
    record = '{"tick_ps": 1, "instructions": 1, "region": null}'
    (folder / "progress.json").write_text(record)
    harness = subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.DEVNULL)
    wait_for(folder / "going")
    return harness


def test_an_interrupt_ends_gem5_and_its_children(tmp_path: Path) -> None:
    """As Ctrl-C reaches it."""
    pids = tmp_path / "pids"
    binary = fake_gem5(tmp_path / "gem5", f"sleep 600 & echo $$ $! >{pids}; wait")
    harness = start_harness(tmp_path, binary)
    found = [int(pid) for pid in wait_for(pids).split()]
    assert all(is_alive(pid) for pid in found)
    harness.send_signal(signal.SIGINT)
    assert harness.wait(30) != 0
    assert not any(is_alive(pid) for pid in found)


def test_a_killed_harness_closes_gem5s_input(tmp_path: Path) -> None:
    """What gem5_configs/harness_link.py looks for."""
    ended = tmp_path / "ended"
    body = f"echo $$ >{tmp_path}/began; cat; echo now >{ended}"
    harness = start_harness(tmp_path, fake_gem5(tmp_path / "gem5", body))
    wait_for(tmp_path / "began")
    assert not ended.exists()
    harness.kill()
    harness.wait()
    assert wait_for(ended) == "now\n"


def test_progress_is_what_the_run_script_says(tmp_path: Path) -> None:
    heard = Heard()
    record = '{"tick_ps": %s, "instructions": %s, "region": %s}'
    body = (
        f"printf '{record}' 1000 20 null >progress.json; sleep 1;"
        f"printf '{record}' 2000 50 4 >progress.json; sleep 1;"
        f"printf '{record}' 3000 70 5 >progress.json; sleep 1;"
        "printf '{\"tick' >progress.json; sleep 1"
    )
    binary = fake_gem5(tmp_path / "gem5", f"cd {tmp_path}; {body}")
    code = run_process(
        [str(binary)],
        tmp_path,
        environment=dict(os.environ),
        timeout_s=60,
        progress=heard,
        regions={4: "conv1"},
        latency="",
    )
    assert code == 0
    assert heard.simulations == [(20, 1.0, None), (50, 2.0, "conv1"), (70, 3.0, None)]
