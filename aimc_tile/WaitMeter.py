"""What a core waits for, by cause: see docs/tile-device.md."""

from m5.objects.BaseMemProbe import BaseMemProbe
from m5.params import Param, VectorParam
from m5.proxy import Parent
from m5.SimObject import SimObject


class AimcWaitMeter(SimObject):
    """Times one core's accesses to tiles, and its reads that miss its L1 caches."""

    type = "AimcWaitMeter"
    cxx_header = "aimc_tile/wait_meter.hh"
    cxx_class = "gem5::AimcWaitMeter"

    system = Param.System(Parent.any, "The system of the core")
    core = Param.UInt32("Number of the core in the system")
    tiles = VectorParam.AimcTile([], "The tiles that the core can reach")
    fetch_hit_latency = Param.Latency("From a fetch to its answer, if the L1 has it")
    load_hit_latency = Param.Latency("From a load to its answer, if the L1 has it")


class AimcWaitProbe(BaseMemProbe):
    """Shows a meter the requests or the responses of one of the core's ports."""

    type = "AimcWaitProbe"
    cxx_header = "aimc_tile/wait_meter.hh"
    cxx_class = "gem5::AimcWaitProbe"

    meter = Param.AimcWaitMeter(Parent.any, "Who counts")
    fetches = Param.Bool("The port is the one that fetches instructions")
