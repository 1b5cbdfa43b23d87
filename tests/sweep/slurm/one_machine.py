"""Debian's Slurm on this machine alone, in a temporary folder, without systemd and cgroups.

Needs slurmctld, slurmd and munged (packages slurm-wlm and munge), and to be root.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_PROGRAMS: Final = ("munged", "slurmctld", "slurmd", "sbatch", "scancel", "squeue", "sinfo")
_UP_S: Final = 30.0
_ENDING_S: Final = 10.0


@dataclass(frozen=True)
class Slurm:
    """A cluster of one node; ``environment`` is what its commands need."""

    environment: dict[str, str]

    def call(self, *command: str) -> str:
        """Run one of Slurm's commands."""
        done = subprocess.run(
            command,
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
        return done.stdout

    def jobs(self) -> dict[str, str]:
        """States by job number."""
        lines = self.call("squeue", "--noheader", "--format=%i %T").splitlines()
        return dict(line.split() for line in lines)


def what_is_missing() -> str | None:
    """Why Slurm cannot be started here; None if it can."""
    if os.geteuid() != 0:
        return "Slurm's daemons need root"
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    missing = [name for name in _PROGRAMS if shutil.which(name, path=path) is None]
    return f"not installed: {', '.join(missing)} (slurm-wlm, munge)" if missing else None


@contextlib.contextmanager
def slurm_on_this_machine(folder: Path, *, cpus: int) -> Iterator[Slurm]:
    """Slurm with ``cpus`` cores for the time of a `with` block; its files are in ``folder``.

    Raises:
        RuntimeError: It does not start; the text has its logs.
    """
    folder.chmod(0o755)
    with contextlib.ExitStack() as stack:
        munge = _start_munge(folder, stack)
        configuration = folder / "slurm.conf"
        configuration.write_text(_configuration(folder, munge, cpus))
        environment = {"SLURM_CONF": str(configuration)}
        slurm = Slurm(environment)
        for daemon in ("slurmctld", "slurmd"):
            _start([_program(daemon), "-D"], folder / f"{daemon}.out", stack, environment)
        deadline = time.monotonic() + _UP_S
        while True:
            with contextlib.suppress(subprocess.SubprocessError):
                if slurm.call("sinfo", "--noheader", "--format=%t").strip() == "idle":
                    break
            if time.monotonic() > deadline:
                logs = [path.read_text(errors="replace")[-2000:] for path in folder.glob("*.out")]
                raise RuntimeError("Slurm does not start:\n" + "\n".join(logs))
            time.sleep(0.2)
        stack.callback(_cancel_all, slurm)
        yield slurm


def _cancel_all(slurm: Slurm) -> None:
    with contextlib.suppress(subprocess.SubprocessError):
        slurm.call("scancel", "--user=root")
        deadline = time.monotonic() + _ENDING_S
        while slurm.jobs() and time.monotonic() < deadline:
            time.sleep(0.2)


def _start_munge(folder: Path, stack: contextlib.ExitStack) -> Path:
    """Start munged with a key of its own; returns its socket."""
    own = folder / "munge"
    own.mkdir(mode=0o755)
    key = own / "munge.key"
    key.write_bytes(secrets.token_bytes(1024))
    key.chmod(0o400)
    files = {name: own / f"munged.{name}" for name in ("socket", "log", "pid", "seed")}
    command = [
        _program("munged"),
        "--foreground",
        "--force",
        f"--key-file={key}",
        f"--socket={files['socket']}",
        f"--log-file={files['log']}",
        f"--pid-file={files['pid']}",
        f"--seed-file={files['seed']}",
    ]
    _start(command, folder / "munged.out", stack, {})
    deadline = time.monotonic() + _UP_S
    while not files["socket"].exists():
        if time.monotonic() > deadline:
            raise RuntimeError((folder / "munged.out").read_text())
        time.sleep(0.05)
    return files["socket"]


def _start(
    command: list[str], out: Path, stack: contextlib.ExitStack, environment: dict[str, str]
) -> None:
    with out.open("wb") as stream:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment},
            start_new_session=True,
        )
    stack.callback(_end, process)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_ENDING_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _program(name: str) -> str:
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    assert found is not None
    return found


def _configuration(folder: Path, munge: Path, cpus: int) -> str:
    host = socket.gethostname().partition(".")[0]
    with contextlib.ExitStack() as stack:
        ports = []
        for _ in range(2):
            free = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            ports.append(free.getsockname()[1])
    for name in ("state", "spool"):
        (folder / name).mkdir()
    settings = {
        "ClusterName": "test",
        "SlurmctldHost": f"{host}(127.0.0.1)",
        "SlurmctldPort": ports[0],
        "SlurmdPort": ports[1],
        "SlurmUser": "root",
        "AuthType": "auth/munge",
        "AuthInfo": f"socket={munge}",
        "CredType": "cred/munge",
        "StateSaveLocation": folder / "state",
        "SlurmdSpoolDir": folder / "spool",
        "SlurmctldPidFile": folder / "slurmctld.pid",
        "SlurmdPidFile": folder / "slurmd.pid",
        "ProctrackType": "proctrack/linuxproc",
        "TaskPlugin": "task/none",
        "SelectType": "select/cons_tres",
        "SelectTypeParameters": "CR_Core",
        "JobAcctGatherType": "jobacct_gather/none",
        "AccountingStorageType": "accounting_storage/none",
        "MpiDefault": "none",
        "ReturnToService": 2,
        "KillWait": 2,
        "SchedulerParameters": "batch_sched_delay=0,sched_interval=1",
        # More processors than there are: two jobs at once on a machine of one core.
        "SlurmdParameters": "config_overrides",
    }
    lines = [f"{name}={value}" for name, value in settings.items()]
    lines += [
        f"NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory=4000",
        f"PartitionName=all Nodes={host} Default=YES MaxTime=INFINITE State=UP",
    ]
    return "\n".join(lines) + "\n"
