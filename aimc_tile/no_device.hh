// A responder where no device is.
#ifndef AIMC_TILE_NO_DEVICE_HH
#define AIMC_TILE_NO_DEVICE_HH

#include "dev/io_device.hh"

namespace gem5 {

struct NoDeviceParams;

/**
 * gem5's caches and cores do not survive an error response, so a guest that misses its device would
 * take the simulator down.  This one answers, and leaves the simulation loop with a cause that says
 * what was accessed.
 */
class NoDevice : public PioDevice {
 public:
  using Params = NoDeviceParams;
  explicit NoDevice(const Params& params);

  AddrRangeList getAddrRanges() const override { return {}; }

 protected:
  Tick read(PacketPtr packet) override;
  Tick write(PacketPtr packet) override;

 private:
  Tick end(PacketPtr packet);
};

}  // namespace gem5

#endif  // AIMC_TILE_NO_DEVICE_HH
