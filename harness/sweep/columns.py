"""The columns of a sweep's tables.  Times, energies and cycles are for one inference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

Kind: TypeAlias = Literal["text", "int", "float"]


@dataclass(frozen=True)
class Column:
    """One column; every one may be empty unless ``needed``."""

    name: str
    kind: Kind
    what: str
    needed: bool = False


def _parts(program: str) -> tuple[Column, ...]:
    causes = ("compute", "memory", "tile_transfer", "tile_mvm")
    takers = ("core", "caches", "dram", "tile_transfer", "tile")
    return (
        Column(f"{program}_time_ns", "float", f"time of the {program} program"),
        Column(f"{program}_cycles", "float", f"core cycles of the {program} program"),
        Column(f"{program}_energy_pj", "float", f"energy of the {program} program"),
        *(Column(f"{program}_{cause}_time_ns", "float", f"of it: {cause}") for cause in causes),
        *(Column(f"{program}_{taker}_energy_pj", "float", f"of it: {taker}") for taker in takers),
    )


# One row per point identity.  Where no layer is on a tile, ``mapped`` is the digital program.
POINT_COLUMNS: Final = (
    Column("identity", "text", "the point's identity", needed=True),
    Column("status", "text", "done or failed", needed=True),
    Column("error", "text", "why it failed"),
    Column("log", "text", "the end of what the failed point said"),
    Column("attempts", "int", "how often it was tried", needed=True),
    Column("host", "text", "the machine that ran it"),
    Column("finished_utc", "text", "when it was done, ISO 8601", needed=True),
    Column("host_seconds", "float", "what it took on that machine"),
    Column("network", "text", "the network's name"),
    Column("mapping", "text", "digital, analog or the mapping's file"),
    Column("system", "text", "the system's name"),
    Column("engine", "text", "the engine and its version"),
    Column("images", "int", "simulated images"),
    Column("tiles", "int", "tiles of the system"),
    Column("tiles_used", "int", "tiles that hold weights"),
    Column("tiles_wanted", "int", "tiles on which all layers that the mapping wants analog fit"),
    Column("analog_layers", "int", "layers on tiles"),
    Column("speed_up", "float", "digital over mapped time"),
    Column("energy_gain", "float", "digital over mapped energy"),
    *_parts("digital"),
    *_parts("mapped"),
    Column("float_accuracy_percent", "float", "of the float network on the test split"),
    Column("digital_accuracy_percent", "float", "of the all-digital integer network"),
    Column("mapped_accuracy_percent", "float", "of the mapped integer network"),
    Column("accuracy_images", "int", "labelled images behind the accuracies"),
    Column("config", "text", "the whole configuration as YAML"),
)

# One row per layer of each program of each finished point.
LAYER_COLUMNS: Final = (
    Column("identity", "text", "the point's identity", needed=True),
    Column("program", "text", "digital or mapped", needed=True),
    Column("layer", "text", "the layer's name", needed=True),
    Column("operator", "text", "conv, dense, add, ...", needed=True),
    Column("unit", "text", "digital or analog", needed=True),
    Column("tiles", "int", "tiles that hold its weights", needed=True),
    Column("macs", "int", "multiply-accumulates", needed=True),
    Column("time_ns", "float", "time", needed=True),
    Column("cycles", "float", "core cycles", needed=True),
    Column("energy_pj", "float", "energy", needed=True),
    Column("why_digital", "text", "why a layer that the mapping wants analog is digital"),
)
