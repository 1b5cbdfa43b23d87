"""The identity of a run: a digest of all its inputs, which names its folder.

Two runs with one identity give the same numbers, so the second is served from the first's
folder.  The identity covers the configuration, the content of every input file, the
harness's own sources, the versions of the libraries that take part and, if it is not our own
code, the engine.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Final

from harness import __version__
from harness.budget import MODEL_FILE_BYTES
from harness.config.load import config_hash
from harness.config.schema import Config, RunConfig
from harness.data.digits import BUNDLED
from harness.data.workloads import FOLDER_VARIABLE
from harness.digest import sha256_json
from harness.engines.protocol import NO_OPTIONS, EngineOptions
from harness.engines.registry import engine as engine_called
from harness.errors import HarnessError
from harness.file_digests import file_digest, sources_digest
from harness.mapping.checkpoint import checkpoint_file
from harness.mapping.conductance_file import conductance_files
from harness.model.onnx_path import is_onnx_path
from harness.reading import read_regular
from harness.resources import resource

LIBRARIES: Final = ("jinja2", "numpy", "onnx", "pillow", "scikit-learn", "unicorn", "ziglang")
_ENGINE_MODULE: Final = "harness.engines.embedded._engine"
_TILE_MODULE: Final = "harness._tile"
_HEADERS_MODULE: Final = "harness._headers"
_NATIVE_MODULES: Final = (
    _TILE_MODULE,
    _HEADERS_MODULE,
    "harness.accuracy._codes",
    _ENGINE_MODULE,
)
_REFERENCES: Final = ("model", "quant", "placement")  # where float and integer networks are run
_SMALL_FILE: Final = 1 << 28  # bytes; larger data files are identified by size and times
_PACKAGE: Final = Path(__file__).resolve().parent.parent


def library_versions() -> dict[str, str]:
    """Installed versions of the libraries whose results enter a run's numbers."""
    return {name: metadata.version(name) for name in LIBRARIES}


def inputs_of(run: RunConfig) -> dict[str, str]:
    """Digest of every file that ``run`` names, by role.

    Raises:
        HarnessError: A named file cannot be read.
    """
    found: dict[str, str] = {}
    if is_onnx_path(run.model):
        found["model"] = file_digest(Path(run.model))
        for extra in _external_data(Path(run.model)):
            found[f"model/{extra}"] = file_digest(extra)
    if run.mapping.endswith(".json"):
        found["mapping"] = file_digest(Path(run.mapping))
        for index, part in enumerate(conductance_files(Path(run.mapping))):
            found["mapping/conductances" + (f"/{index}" if index else "")] = file_digest(part)
        weights = checkpoint_file(Path(run.mapping), run.model)
        if weights is not None:
            found["mapping/checkpoint"] = file_digest(weights)
    if run.checkpoint is not None:
        found["checkpoint"] = file_digest(Path(run.checkpoint))
    dataset = run.dataset or os.environ.get(FOLDER_VARIABLE)
    if dataset and dataset != BUNDLED:  # comes with a library, whose version is covered
        found["dataset"] = _digest_dataset(Path(dataset))
    return found


def run_identity(config: Config, engine_options: EngineOptions = NO_OPTIONS) -> str:
    """SHA-256, in hexadecimal, over everything the run's numbers depend on.

    Args:
        config: The whole configuration.
        engine_options: What the engine is told.

    Raises:
        HarnessError: A named file cannot be read, or the engine is not there.
    """
    computes = harness_identity(config.run.engine, engine_options)
    return identity_of(config, inputs_of(config.run), computes)


def identity_of(config: Config, inputs: Mapping[str, str], computes: Mapping[str, object]) -> str:
    """As `run_identity`, of the results of `inputs_of` and `harness_identity`."""
    content = {"config": config_hash(config), "inputs": dict(inputs), **computes}
    return sha256_json(content)


def harness_identity(engine: str, engine_options: EngineOptions = NO_OPTIONS) -> dict[str, object]:
    """What computes: ``version`` and ``sources`` of the harness, ``libraries``.

    With them ``engine``, if the engine has anything to add.

    Raises:
        HarnessError: The engine is not there.
    """
    found: dict[str, object] = {
        "version": __version__,
        "sources": _all_sources_digest(),
        "libraries": library_versions(),
    }
    added = engine_called(engine, engine_options).identity()
    return found | {"engine": dict(added)} if added else found


def simulator_identity(
    engine: str, engine_options: EngineOptions = NO_OPTIONS
) -> dict[str, object]:
    """What simulates: the engines' sources and native module, unicorn, and what the engine adds.

    An engine may have the embedded one count what it cannot, so that all have its parts.

    Raises:
        HarnessError: The engine is not there.
    """
    found: dict[str, object] = {
        "engine": engine,
        "sources": engine_sources(),
        "unicorn": metadata.version("unicorn"),
    }
    added = engine_called(engine, engine_options).identity()
    return found | {engine: dict(added)} if added else found


def engine_sources() -> str:
    """SHA-256 over the engines' sources and native modules, as they are on disk now."""
    digest = hashlib.sha256(sources_digest(_PACKAGE / "engines").encode())
    for module in (_ENGINE_MODULE, _HEADERS_MODULE):
        digest.update(_module_file(module).read_bytes())
    return digest.hexdigest()


def reference_sources() -> str:
    """SHA-256 over the references' sources and native module, as they are on disk now."""
    digest = hashlib.sha256()
    for name in _REFERENCES:
        digest.update(sources_digest(_PACKAGE / name).encode())
    digest.update(_module_file(_TILE_MODULE).read_bytes())
    return digest.hexdigest()


def _external_data(model: Path) -> tuple[Path, ...]:
    # Imported for .onnx files only: onnx takes longer to load than a cached run to serve.
    from harness.model.onnx_external import external_files

    try:
        data = read_regular(model, MODEL_FILE_BYTES)
    except OSError as error:
        raise HarnessError(
            f"the file cannot be read: {error.strerror}", where=str(model)
        ) from error
    return external_files(model, data)


def _digest_dataset(root: Path) -> str:
    """Content of a file, or of a folder's files where `harness.data.detect` looks for datasets.

    A large file is identified by its size and times.  One of them no program can set back: that
    of its last change of any kind.
    """
    try:
        root.stat()
        found = [*root.glob("*"), *root.glob("*/*")] if root.is_dir() else [root]
        digest = hashlib.sha256()
        for path in sorted(path for path in found if path.is_file()):
            status = path.stat()
            token = (
                file_digest(path)
                if status.st_size <= _SMALL_FILE
                else f"{status.st_size}:{status.st_mtime_ns}:{status.st_ctime_ns}"
            )
            digest.update(f"{path.relative_to(root)}\0{token}\0".encode())
    except OSError as error:
        raise HarnessError(
            f"the dataset cannot be read: {error.strerror}", where=str(root)
        ) from error
    return digest.hexdigest()


def _all_sources_digest() -> str:
    digest = hashlib.sha256()
    for root in (_PACKAGE, resource("kernels"), resource("workloads")):
        digest.update(sources_digest(root).encode())
    digest.update(resource("aimc_tile/core/registers.h").read_bytes())
    for module in _NATIVE_MODULES:
        digest.update(_module_file(module).read_bytes())
    return digest.hexdigest()


def _module_file(name: str) -> Path:
    """The shared library of a native module; an editable install keeps it elsewhere."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise HarnessError(
            "a native module is not installed",
            where=name,
            hint="install the package again: make setup, or pip install --force-reinstall .",
        )
    return Path(spec.origin)
