"""What stands at every address of a board where nothing else does."""

from m5.objects.Device import PioDevice


class NoDevice(PioDevice):
    """Ends the simulation with a cause that names the access; attach it as a crossbar's default."""

    type = "NoDevice"
    cxx_header = "aimc_tile/no_device.hh"
    cxx_class = "gem5::NoDevice"
