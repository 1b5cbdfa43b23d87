#include "aimc_tile/dma_engine.hh"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "base/trace.hh"
#include "debug/AimcTileDma.hh"
#include "dev/dma_device.hh"
#include "sim/eventq.hh"
#include "sim/system.hh"

namespace gem5 {

struct AimcDmaEngine::Transfer {
  aimc::DmaRequest request;
  std::vector<uint8_t> bytes;
  uint32_t asked = 0;
  uint32_t passed = 0;
};

// Scheduled by the DMA port on arrival and by the engine when the burst has passed the tile's port;
// the event queue deletes it.
class AimcDmaEngine::Burst : public Event {
 public:
  Burst(AimcDmaEngine& engine, std::shared_ptr<Transfer> transfer, uint32_t bytes)
      : Event(Default_Pri, AutoDelete),
        transfer(std::move(transfer)),
        bytes(bytes),
        engine(engine) {}

  void process() override {
    if (!has_arrived) {
      has_arrived = true;
      engine.arrived(*this);
    } else {
      engine.passed(*this);
    }
  }

  const char* description() const override { return "AIMC tile DMA burst"; }

  const std::shared_ptr<Transfer> transfer;
  const uint32_t bytes;

 private:
  AimcDmaEngine& engine;
  bool has_arrived = false;
};

AimcDmaEngine::AimcDmaEngine(DmaPort& port, DmaEngineClient& client, uint32_t outstanding,
                             double ticks_per_byte)
    : port(port),
      client(client),
      outstanding(outstanding),
      ticksPerByte(ticks_per_byte),
      objectName(port.name()) {}

AimcDmaEngine::Lane& AimcDmaEngine::laneOf(const Transfer& transfer) {
  return lanes[transfer.request.is_write ? 1 : 0];
}

bool AimcDmaEngine::inMemory(Addr address, Addr bytes) {
  if (memory.empty()) memory = port.sys->getPhysMem().getConfAddrRanges();
  if (bytes == 0 || address > MaxAddr - bytes) return false;
  const AddrRange accessed = RangeSize(address, bytes);
  return std::any_of(memory.begin(), memory.end(),
                     [&](const AddrRange& range) { return accessed.isSubset(range); });
}

bool AimcDmaEngine::start(const aimc::DmaRequest& request) {
  if (!inMemory(request.address, request.size)) {
    DPRINTF(AimcTileDma, "%s of %d bytes at %#x is not in memory\n",
            request.is_write ? "write" : "read", request.size, request.address);
    return false;
  }
  auto transfer = std::make_shared<Transfer>();
  transfer->request = request;
  transfer->request.data = nullptr;
  transfer->bytes.resize(request.size);
  if (request.is_write) std::copy_n(request.data, request.size, transfer->bytes.begin());

  Lane& lane = laneOf(*transfer);
  std::deque<std::shared_ptr<Transfer>>& waiting = lane.waiting;
  waiting.erase(std::remove_if(waiting.begin(), waiting.end(),
                               [&](const auto& earlier) {
                                 return earlier->request.transfer != request.transfer;
                               }),
                waiting.end());
  waiting.push_back(std::move(transfer));
  issue(lane);
  return true;
}

void AimcDmaEngine::abandon() {
  for (Lane& lane : lanes) lane.waiting.clear();
}

void AimcDmaEngine::release() {
  held = false;
  for (Lane& lane : lanes) issue(lane);
}

void AimcDmaEngine::issue(Lane& lane) {
  const Addr line = port.sys->cacheLineSize();
  while (!held && !lane.waiting.empty() && lane.inFlight < outstanding) {
    const std::shared_ptr<Transfer> transfer = lane.waiting.front();
    const aimc::DmaRequest& request = transfer->request;
    const Addr address = request.address + transfer->asked;
    const uint32_t bytes = static_cast<uint32_t>(
        std::min<Addr>(line - address % line, request.size - transfer->asked));
    uint8_t* const data = transfer->bytes.data() + transfer->asked;
    transfer->asked += bytes;
    if (transfer->asked == request.size) lane.waiting.pop_front();
    ++lane.inFlight;
    ++inFlight;
    DPRINTF(AimcTileDma, "%s %d bytes at %#x\n", request.is_write ? "write" : "read", bytes,
            address);
    port.dmaAction(request.is_write ? MemCmd::WriteReq : MemCmd::ReadReq, address,
                   static_cast<int>(bytes), new Burst(*this, transfer, bytes), data, 0);
  }
}

void AimcDmaEngine::arrived(Burst& burst) {
  Lane& lane = laneOf(*burst.transfer);
  --lane.inFlight;
  lane.portFree = std::max(lane.portFree, curTick()) +
                  static_cast<Tick>(std::llround(burst.bytes * ticksPerByte));
  port.device->schedule(burst, lane.portFree);
  issue(lane);
}

void AimcDmaEngine::passed(Burst& burst) {
  Transfer& transfer = *burst.transfer;
  --inFlight;
  transfer.passed += burst.bytes;
  if (transfer.passed == transfer.request.size)
    client.dmaDone(transfer.request, transfer.request.is_write ? nullptr : transfer.bytes.data());
  if (inFlight == 0) client.dmaIdle();
}

}  // namespace gem5
