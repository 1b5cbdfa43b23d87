#include "aimc_tile/no_device.hh"

#include <cstring>

#include "base/cprintf.hh"
#include "mem/packet.hh"
#include "mem/packet_access.hh"
#include "params/NoDevice.hh"
#include "sim/sim_exit.hh"

namespace gem5 {
namespace {

constexpr int kExitCode = 1;

}  // namespace

NoDevice::NoDevice(const Params& params) : PioDevice(params) {}

Tick NoDevice::read(PacketPtr packet) {
  std::memset(packet->getPtr<uint8_t>(), 0, packet->getSize());
  return end(packet);
}

Tick NoDevice::write(PacketPtr packet) {
  if (packet->isWrite() && packet->isLLSC()) packet->req->setExtraData(0);
  return end(packet);
}

Tick NoDevice::end(PacketPtr packet) {
  exitSimLoop(csprintf("no device at %#x: %s of %d bytes", packet->getAddr(), packet->cmdString(),
                       packet->getSize()),
              kExitCode);
  if (packet->needsResponse())
    packet->makeAtomicResponse();
  else
    packet->cmd = MemCmd::BadAddressError;  // nobody waits, but the port checks
  return 0;
}

}  // namespace gem5
