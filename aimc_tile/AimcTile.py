"""One analog in-memory computing (AIMC) tile as a memory-mapped device.

The guest's view is aimc_tile/core/registers.h; docs/tile-device.md describes the device.
"""

from m5.objects.Device import DmaDevice
from m5.params import NULL, Param


class AimcTile(DmaDevice):
    type = "AimcTile"
    cxx_header = "aimc_tile/aimc_tile.hh"
    cxx_class = "gem5::AimcTile"

    pio_addr = Param.Addr("Address of the tile's window of 64 KiB")
    load_latency = Param.Latency("0ns", "Of a load, beyond crossbars and port")
    store_latency = Param.Latency("0ns", "Of a store, beyond crossbars and port")
    index = Param.UInt32(0, "Number of the tile in the system; part of the noise's key")
    interrupt = Param.ArmInterruptPin(
        NULL, "Pulsed when a conversion started by the guest, a descriptor or an image is done"
    )

    rows = Param.UInt32(256, "Crossbar rows, up to 16384")
    columns = Param.UInt32(256, "Crossbar columns, up to 4096")
    dac_bits = Param.UInt32(8, "Width of the input converters, 2 to 8")
    adc_bits = Param.UInt32(8, "Width of the output converters, 2 to 16")
    double_buffer = Param.Bool(True, "Two input and two output banks instead of one of each")
    use_dma = Param.Bool(True, "The tile takes descriptors and reads programming images")

    dac_latency = Param.Latency("0ns", "Input conversion of one multiplication")
    crossbar_latency = Param.Latency("100ns", "Analog multiplication")
    adc_latency = Param.Latency("0ns", "Output conversion of one multiplication")
    program_row_latency = Param.Latency("0ns", "Programming of one row of cells")
    io_bandwidth = Param.MemoryBandwidth("4000000000B/s", "Between the port and the buffers")

    dma_bandwidth = Param.MemoryBandwidth("16000000000B/s", "Of the tile's path to memory")
    dma_outstanding = Param.UInt32(8, "Bursts in flight at a time, of reads and of writes")

    noise = Param.Bool(False, "Read and output noise are on")
    output_noise = Param.Float(0.0, "Standard deviation at the ADC, in ADC steps")
    read_noise = Param.Float(0.0, "Standard deviation of one cell, in conductance steps")
    seed = Param.UInt64(0, "Seed of the noise")

    dac_energy = Param.Energy("0J", "Of one converted input")
    cell_energy = Param.Energy("0J", "Of one active cell in one multiplication")
    adc_energy = Param.Energy("0J", "Of one converted output")
    transfer_energy = Param.Energy("0J", "Of one byte into or out of the buffers")
    program_energy = Param.Energy("0J", "Of one programmed cell")
    leakage_power = Param.Float(0.0, "Of a tile that holds weights, in watts")
