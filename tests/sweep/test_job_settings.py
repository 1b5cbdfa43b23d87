"""Settings of a cluster's jobs: refused by name, and never raw in a job script."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from harness.errors import ConfigError, HarnessError
from harness.sweep import job_cluster
from harness.sweep.job_settings import read_job_settings
from harness.sweep.room import Room
from tests.sweep.slurm.one_machine import slurm_on_this_machine, what_is_missing


def _settings(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "settings.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("qeue: short", "did you mean 'queue'"),
        ("scheduler_options: {prot: 8786}", "did you mean 'port'"),
        ("queue: 'a b'", "cannot stand in a job script"),
        ('queue: "a\\nrm -rf ~"', "cannot stand in a job script"),
        ("account: '$(touch owned)'", "cannot stand in a job script"),
        ("walltime: '01:00;id'", "cannot stand in a job script"),
        ('job_script_prologue: ["module load a\\nid"]', "cannot stand in a job script"),
        ("memory: many", "cannot stand in a job script"),
        ("cores: 0", "greater than or equal to 1"),
        ("disk: 1GiB", "unknown setting 'disk'"),
        ("security: none", "unknown setting"),
        ("- cores", "no mapping"),
    ],
)
def test_impossible_settings_are_refused(tmp_path: Path, text: str, says: str) -> None:
    path = _settings(tmp_path, text)
    with pytest.raises(ConfigError) as raised:
        read_job_settings("slurm", path)
    assert says in str(raised.value) and str(path) in str(raised.value)


@pytest.mark.parametrize("cluster", ["slurm", "pbs", "sge", "lsf", "htcondor"])
def test_a_job_script_starts_workers_with_the_certificates(
    cluster: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import dask_jobqueue

    monkeypatch.setattr(job_cluster, "_submitted", _not_submitted)
    disk = "disk: 1GB\n" if cluster == "htcondor" else ""
    settings = _settings(
        tmp_path,
        "cores: 2\nmemory: 4 GiB\nn_workers: 2\ninterface: lo\npython: /opt/my tools/it's/python\n"
        f"{disk}job_script_prologue: ['module load python']\n",
    )
    room = Room(cluster=cluster, settings=settings)  # type: ignore[arg-type]
    folder = tmp_path / "sweep"
    folder.mkdir()
    kind = getattr(dask_jobqueue, job_cluster._CLUSTERS[room.cluster])
    monkeypatch.setattr(kind, "scale", lambda *_: None)
    with job_cluster.job_cluster(room, folder) as workers:
        script = workers.cluster.job_script()
        key = (folder / ".tls" / "key.pem").read_text().splitlines()[3]
    assert key not in script and "PRIVATE" not in script and not (folder / ".tls").exists()
    (line,) = (text for text in script.splitlines() if "dask_worker" in text)
    if cluster == "htcondor":  # a shell's line in HTCondor's quotes
        line = line.removeprefix('Arguments = "').removesuffix('"').replace('""', '"')
        line = line.removeprefix("-c '").removesuffix("'").replace("''", "'").rpartition("; ")[2]
        script = ""
    words = shlex.split(line)
    assert words[:3] == ["/opt/my tools/it's/python", "-m", "distributed.cli.dask_worker"]
    assert words[words.index("--tls-key") + 1] == str(folder / ".tls" / "key.pem")
    assert (words[words.index("--nworkers") + 1], words[words.index("--nthreads") + 1]) == (
        "2",
        "1",
    )
    assert words[words.index("--memory-limit") + 1] == "2.00GiB"
    assert "--no-dashboard" in words
    assert cluster == "htcondor" or "module load python" in script.splitlines()
    assert subprocess.run(["bash", "-n"], input=script, text=True).returncode == 0


async def _not_submitted(cluster: object) -> None:
    """There is no batch system."""


def test_a_folder_that_a_job_script_cannot_have_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "my sweep"
    folder.mkdir()
    room = Room(
        cluster="slurm", settings=_settings(tmp_path, "cores: 1\nmemory: 1GB\nn_workers: 1")
    )
    with (
        pytest.raises(ConfigError, match="job scripts cannot have"),
        job_cluster.job_cluster(room, folder),
    ):
        pass
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "room", "says"),
    [
        ("memory: 1GB\nn_workers: 1", {}, "number of cores"),
        ("cores: 1\nmemory: 1GB", {}, "number of workers"),
        ("cores: 1\nn_workers: 1", {}, "memory"),
        ("cores: 1\nn_workers: 1\nmemory: 1GB", {"memory_limit": "1GiB"}, "give one of the two"),
    ],
)
def test_what_is_missing_is_told(
    tmp_path: Path, text: str, room: dict[str, str], says: str
) -> None:
    place = Room(cluster="slurm", settings=_settings(tmp_path, text), **room)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=says), job_cluster.job_cluster(place, tmp_path):
        pass
    assert not (tmp_path / ".tls").exists()


def test_a_job_that_cannot_be_submitted_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    settings = _settings(tmp_path, "cores: 1\nmemory: 1GB\nn_workers: 2\ninterface: lo")
    room = Room(cluster="slurm", settings=settings)
    with (
        pytest.raises(HarnessError, match=r"no job can be submitted.*sbatch"),
        job_cluster.job_cluster(room, tmp_path),
    ):
        pass


def test_a_queue_that_slurm_does_not_have_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if (missing := what_is_missing()) is not None:
        pytest.skip(missing)
    (tmp_path / "slurm").mkdir()
    tmp_path.parent.chmod(0o755)
    tmp_path.chmod(0o755)
    settings = _settings(
        tmp_path, "cores: 1\nmemory: 1GB\nn_workers: 2\ninterface: lo\nqueue: gold"
    )
    with slurm_on_this_machine(tmp_path / "slurm", cpus=1) as slurm:
        monkeypatch.setenv("SLURM_CONF", slurm.environment["SLURM_CONF"])
        room = Room(cluster="slurm", settings=settings)
        with (
            pytest.raises(HarnessError, match="invalid partition"),
            job_cluster.job_cluster(room, tmp_path),
        ):
            pass
        assert slurm.jobs() == {}


def test_dask_jobqueue_leaves_sigint_alone() -> None:
    script = (
        "import signal\n"
        "from pathlib import Path\n"
        "from harness.sweep.job_cluster import job_cluster\n"
        "from harness.sweep.room import Room\n"
        "from harness.errors import ConfigError\n"
        "before = signal.getsignal(signal.SIGINT)\n"
        "try:\n"
        "    with job_cluster(Room(cluster='slurm'), Path('/nowhere')):\n"
        "        pass\n"
        "except ConfigError as error:\n"
        "    assert 'cores' in str(error)\n"
        "import sys\n"
        "assert 'dask_jobqueue' in sys.modules\n"
        "assert signal.getsignal(signal.SIGINT) is before\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
