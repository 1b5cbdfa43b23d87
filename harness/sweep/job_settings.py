"""The settings file of a cluster's jobs: dask-jobqueue's own names, checked.

dask-jobqueue puts most values into a shell script as they are, so a value that is no plain word is
refused.  Directives, prologue and arguments are the user's own lines of that script.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Final, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness.config.preset_files import closest
from harness.config.yaml_reader import read_yaml
from harness.errors import ConfigError
from harness.sweep.room import Cluster

_WORD: Final = r"[A-Za-z0-9_./:@%+=,~-]+"
Word: TypeAlias = Annotated[str, Field(pattern=rf"^{_WORD}$", max_length=1024)]
NodeFolder: TypeAlias = Annotated[  # may name variables of the node, e.g. $TMPDIR
    str, Field(pattern=rf"^({_WORD}|\$[A-Za-z_][A-Za-z0-9_]*)+$", max_length=1024)
]
Line: TypeAlias = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]*$", max_length=4096)]
Memory: TypeAlias = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)? ?[kKMGT]?i?B$")]
Count: TypeAlias = Annotated[int, Field(ge=1, le=100_000)]


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SchedulerSettings(_Settings):
    """Where the scheduler, which runs beside the sweep, listens."""

    host: Word | None = None
    port: Annotated[int, Field(ge=0, le=65535)] | None = None
    interface: Word | None = None
    contact_address: Word | None = None


class JobSettings(_Settings):
    """Settings of every batch system."""

    n_workers: Count | None = None  # of all jobs together
    cores: Annotated[int, Field(ge=1, le=4096)] | None = None  # of one job; each is a worker
    memory: Memory | None = None  # of one job
    interface: Word | None = None
    death_timeout: Annotated[float, Field(ge=1.0, le=1e6)] | None = None  # s without a scheduler
    local_directory: NodeFolder | None = None
    log_directory: Word | None = None
    shared_temp_directory: Word | None = None
    job_name: Word | None = None
    python: Line | None = None
    shebang: Line | None = None
    worker_extra_args: list[Line] | None = None
    job_extra_directives: list[Line] | None = None
    job_script_prologue: list[Line] | None = None
    job_directives_skip: list[Line] | None = None
    scheduler_options: SchedulerSettings | None = None


class SlurmSettings(JobSettings):
    queue: Word | None = None
    account: Word | None = None
    walltime: Word | None = None
    job_cpu: Count | None = None
    job_mem: Word | None = None


class PbsSettings(JobSettings):
    queue: Word | None = None
    account: Word | None = None
    resource_spec: Word | None = None
    walltime: Word | None = None


class SgeSettings(JobSettings):
    queue: Word | None = None
    project: Word | None = None
    resource_spec: Word | None = None
    walltime: Word | None = None


class LsfSettings(JobSettings):
    queue: Word | None = None
    project: Word | None = None
    ncpus: Count | None = None
    mem: Annotated[int, Field(ge=1)] | None = None  # bytes
    walltime: Word | None = None
    lsf_units: Word | None = None
    use_stdin: bool | None = None


class HtcondorSettings(JobSettings):
    disk: Memory | None = None
    job_extra_directives: dict[Word, Line] | None = None  # type: ignore[assignment]
    submit_command_extra: list[Line] | None = None
    cancel_command_extra: list[Line] | None = None


_MODELS: Final[dict[Cluster, type[JobSettings]]] = {
    "slurm": SlurmSettings,
    "pbs": PbsSettings,
    "sge": SgeSettings,
    "lsf": LsfSettings,
    "htcondor": HtcondorSettings,
}


def read_job_settings(cluster: Cluster, path: Path | None) -> JobSettings:
    """The settings in the YAML file ``path``; without one, all are dask-jobqueue's defaults.

    Raises:
        ConfigError: The file cannot be read, or has an unknown setting or an impossible value.
    """
    model = _MODELS[cluster]
    data: Any = {} if path is None else read_yaml(path)
    if not isinstance(data, dict):
        raise ConfigError("the settings are no mapping of names to values", where=str(path))
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise _refusal(error, model, str(path)) from error


def plain_path(path: Path, what: str) -> Path:
    """``path`` if it can be part of a job script unchanged.

    Raises:
        ConfigError: It has a space or another character that a shell reads.
    """
    if re.fullmatch(_WORD, str(path)) is None:
        raise ConfigError(
            f"{what} has a space or another character that job scripts cannot have",
            where=str(path),
            hint="put the sweep into a folder whose path has letters, digits and ._/+-=@ only,"
            " or name others in the settings: shared_temp_directory, log_directory",
        )
    return path


def _refusal(error: ValidationError, model: type[JobSettings], path: str) -> ConfigError:
    first = error.errors(include_url=False)[0]
    key = ".".join(map(str, first["loc"]))
    if first["type"] == "extra_forbidden":
        known = SchedulerSettings if first["loc"][0] == "scheduler_options" else model
        return ConfigError(
            f"unknown setting {key[:64]!r}",
            where=path,
            hint=closest(str(first["loc"][-1]), tuple(known.model_fields)),
        )
    shown = repr(first["input"])[:64]
    if first["type"] == "string_pattern_mismatch":
        return ConfigError(
            f"{shown} cannot stand in a job script",
            where=f"{path}, {key}",
            hint="for sizes a number and a unit such as 4GiB, else one word without spaces, quotes"
            " and characters that a shell reads",
        )
    return ConfigError(f"{shown}: {first['msg']}", where=f"{path}, {key}")
