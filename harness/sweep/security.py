"""The connections that dask may trust: its sockets execute any code that they receive."""

from __future__ import annotations

import ipaddress
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from harness.errors import ConfigError, HarnessError

if TYPE_CHECKING:
    from distributed.security import Security

_TLS_FILES: Final = ("ca.pem", "cert.pem", "key.pem")


def own_security() -> Security:
    """A certificate and a key for one run, in memory; no other connection is accepted.

    Also for a cluster on this machine: other users can reach its loopback device.

    Raises:
        HarnessError: A package is missing.
    """
    from distributed.security import Security

    try:
        made: Security = Security.temporary()
    except ImportError as error:
        raise HarnessError(
            "workers need certificates, and a package that makes them is not installed",
            where="cryptography",
            hint="pip install 'aimc-harness[cluster]'",
        ) from error
    return made


def written_security(folder: Path) -> Security:
    """`own_security` in files that only their owner reads, for workers on other machines.

    Args:
        folder: Gets the files; it is created, in an existing folder.

    Raises:
        HarnessError: A package is missing, or a file cannot be written.
    """
    from distributed.security import Security

    made = own_security().get_tls_config_for_role("worker")
    contents = (made["ca_file"], made["cert"], made["key"])
    paths = [folder / name for name in _TLS_FILES]
    try:
        folder.mkdir(mode=0o700)
        for path, text in zip(paths, contents, strict=True):
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(handle, "w", encoding="ascii") as stream:
                stream.write(text)
    except OSError as error:
        raise HarnessError(
            f"the workers' certificates cannot be written: {error.strerror}", where=str(folder)
        ) from error
    ca, certificate, key = map(str, paths)
    roles = ("client", "scheduler", "worker")
    return Security(
        require_encryption=True,
        tls_ca_file=ca,
        **{f"tls_{role}_cert": certificate for role in roles},
        **{f"tls_{role}_key": key for role in roles},
    )


def scheduler_security(address: str, tls_folder: Path | None) -> Security:
    """How to connect to the running scheduler at ``address``.

    Args:
        tls_folder: Has ``ca.pem``, ``cert.pem`` and ``key.pem``.

    Raises:
        ConfigError: The address is malformed, or without encryption over a network, or a file is
            missing.
    """
    from distributed.security import Security

    parts = urlsplit(address if "://" in address else f"tcp://{address}")
    if parts.scheme not in ("tcp", "tls") or not parts.hostname:
        raise ConfigError(
            "not the address of a dask scheduler",
            where=address,
            hint="for instance tls://host:8786",
        )
    if parts.scheme == "tcp":
        if not _is_loopback(parts.hostname):
            raise ConfigError(
                "without encryption anyone on the network could send this sweep's workers programs",
                where=address,
                hint="start the scheduler with TLS and give tls://HOST:PORT and the folder of its"
                " certificates; tcp:// is accepted on this machine only",
            )
        return Security()
    if tls_folder is None:
        raise ConfigError(
            "a tls:// address needs the folder with its certificates",
            where=address,
            hint=f"a folder with {', '.join(_TLS_FILES)}",
        )
    ca, certificate, key = (tls_folder / name for name in _TLS_FILES)
    for path in (ca, certificate, key):
        if not path.is_file():
            raise ConfigError(
                "the file is missing",
                where=str(path),
                hint=f"the folder of certificates has {', '.join(_TLS_FILES)}",
            )
    return Security(
        require_encryption=True,
        tls_ca_file=str(ca),
        tls_client_cert=str(certificate),
        tls_client_key=str(key),
    )


def _is_loopback(host: str) -> bool:
    try:
        found = {str(info[4][0]) for info in socket.getaddrinfo(host, None)}
    except OSError as error:
        raise ConfigError(
            f"the host of the scheduler is not known: {error.strerror}", where=host
        ) from error
    return all(ipaddress.ip_address(address.split("%")[0]).is_loopback for address in found)
