"""What a core waits for, by cause: see docs/tile-device.md."""

from m5.objects.BaseMemProbe import BaseMemProbe
from m5.params import Param, VectorParam
from m5.proxy import Parent
from m5.SimObject import SimObject


class AimcWaitMeter(SimObject):
    """Times one core's accesses to tiles and to what is beyond its L1 caches."""

    type = "AimcWaitMeter"
    cxx_header = "aimc_tile/wait_meter.hh"
    cxx_class = "gem5::AimcWaitMeter"

    system = Param.System(Parent.any, "The system of the core")
    core = Param.UInt32("Number of the core in the system")
    tiles = VectorParam.AimcTile([], "The tiles that the core can reach")


class AimcWaitProbe(BaseMemProbe):
    """Shows a meter the requests or the responses on one of the core's paths."""

    type = "AimcWaitProbe"
    cxx_header = "aimc_tile/wait_meter.hh"
    cxx_class = "gem5::AimcWaitProbe"

    meter = Param.AimcWaitMeter(Parent.any, "Who counts")
    beyond_l1 = Param.Bool("The path begins at an L1 cache, not at the core")
