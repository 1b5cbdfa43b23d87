#include "aimc_tile/aimc_tile.hh"

#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <type_traits>

#include "aimc_tile/core/registers.h"
#include "base/logging.hh"
#include "base/trace.hh"
#include "debug/AimcTile.hh"
#include "dev/arm/base_gic.hh"
#include "mem/packet.hh"
#include "mem/packet_access.hh"
#include "params/AimcTile.hh"
#include "sim/core.hh"

namespace gem5 {
namespace {

// A parameter's value in the core's type and unit: gem5 has times in ticks and a bandwidth as ticks
// per byte.
template <typename T, aimc::Unit unit, typename Value>
T inUnit(Value value) {
  if constexpr (unit == aimc::Unit::kNanoseconds) return value / sim_clock::as_float::ns;
  if constexpr (unit == aimc::Unit::kGigabytesPerSecond) return sim_clock::as_float::ns / value;
  if constexpr (std::is_same_v<T, int>)
    return static_cast<int>(std::min<Value>(value, std::numeric_limits<int>::max()));
  return static_cast<T>(value);
}

aimc::TileParams coreParams(const AimcTileParams& params) {
  fatal_if(params.io_bandwidth <= 0 || params.dma_bandwidth <= 0,
           "%s: io_bandwidth and dma_bandwidth must be above 0", params.name);
  aimc::TileParams core;
#define AIMC_COPY(Type, name, unit, gem5, ...) \
  core.name = inUnit<Type, aimc::Unit::unit>(params.gem5);
  AIMC_TILE_PARAMS(AIMC_COPY)
#undef AIMC_COPY
  try {
    core.validate();
  } catch (const std::invalid_argument& error) {
    fatal("%s: %s", params.name, error.what());
  }
  return core;
}

// Whether the packet is a plain load or store, which is all that a tile understands.
bool isPlain(const PacketPtr packet) {
  return !packet->isAtomicOp() && !packet->isLLSC() && !packet->isMaskedWrite() &&
         !packet->req->isSwap() && packet->isRead() != packet->isWrite();
}

}  // namespace

AimcTile::AimcTile(const Params& params)
    : DmaDevice(params),
      windowStart(params.pio_addr),
      loadLatency(params.load_latency),
      storeLatency(params.store_latency),
      usesDma(params.use_dma),
      interrupt(params.interrupt ? params.interrupt->get() : nullptr),
      tile(coreParams(params)),
      registers(name() + ".registers", *this),
      engine(dmaPort, *this, params.dma_outstanding,
             std::max<double>(params.io_bandwidth, params.dma_bandwidth)),
      wakeUpEvent([this] { wakeUp(); }, name()),
      stats(this, params, [this]() -> const aimc::Statistics& {
        tile.advance(now());
        return tile.statistics();
      }) {
  fatal_if(sim_clock::as_int::ps == 0, "%s: a tick must be a picosecond or shorter", name());
}

void AimcTile::init() {
  fatal_if(usesDma && !dmaPort.isConnected(), "%s: use_dma is on, but the DMA port is unconnected",
           name());
  PioDevice::init();
}

void AimcTile::startup() {
  DmaDevice::startup();
  if (drainState() == DrainState::Running) settle();  // else drainResume() will
}

AddrRangeList AimcTile::getAddrRanges() const { return {RangeSize(windowStart, AIMC_TILE_WINDOW)}; }

aimc::Picoseconds AimcTile::now() const { return curTick() / sim_clock::as_int::ps; }

// The first tick at which it is not before `time`.
Tick AimcTile::toTick(aimc::Picoseconds time) const { return time * sim_clock::as_int::ps; }

Tick AimcTile::read(PacketPtr packet) {
  if (isPlain(packet)) {
    registers.read(packet->getAddr() - windowStart, packet->getPtr<uint8_t>(), packet->getSize());
  } else {
    std::memset(packet->getPtr<uint8_t>(), 0, packet->getSize());
    refuse(true);
  }
  return finish(packet, loadLatency);
}

Tick AimcTile::write(PacketPtr packet) {
  portDone = 0;
  if (isPlain(packet)) {
    registers.write(packet->getAddr() - windowStart, packet->getConstPtr<uint8_t>(),
                    packet->getSize());
  } else if (packet->isWrite()) {
    if (packet->isLLSC()) packet->req->setExtraData(0);  // the store has not been done
    refuse(false);
  }
  // Anything else is cache maintenance, and a device holds no lines.
  return finish(packet, storeLatency);
}

// Counts an access that no offset or width describes; the core refuses a width of 0.
void AimcTile::refuse(bool is_read) {
  uint8_t nothing = 0;
  if (is_read)
    readBytes(0, &nothing, 0);
  else
    writeBytes(0, &nothing, 0);
}

void AimcTile::readBytes(Addr offset, void* data, Addr bytes) {
  portDone = tile.read(now(), offset, static_cast<uint32_t>(bytes), data);
  convertedAtRead = tile.converting();
}

void AimcTile::writeBytes(Addr offset, const void* data, Addr bytes) {
  portDone = tile.write(now(), offset, static_cast<uint32_t>(bytes), data);
}

Tick AimcTile::finish(PacketPtr packet, Tick latency) {
  settle();
  if (packet->needsResponse())
    packet->makeAtomicResponse();
  else
    packet->cmd = MemCmd::BadAddressError;  // of a write-back; nobody waits, but the port checks
  const Tick done = std::max(toTick(portDone), curTick());
  return done - curTick() + latency;
}

void AimcTile::dmaDone(const aimc::DmaRequest& request, const void* data) {
  tile.complete_dma(now(), request, true, data);
  settle();
}

void AimcTile::dmaIdle() {
  if (drainState() == DrainState::Draining) signalDrainDone();
}

void AimcTile::wakeUp() {
  tile.advance(now());
  settle();
}

// After anything that may have changed the tile: new DMA, the next wake-up, the interrupt.
void AimcTile::settle() {
  if (!tile.transferring()) engine.abandon();
  aimc::DmaRequest request;
  while (tile.take_dma_request(&request))
    if (!engine.start(request)) tile.complete_dma(now(), request, false);

  const aimc::Picoseconds next = tile.next_event_ps();
  if (next == aimc::kNever) {
    if (wakeUpEvent.scheduled()) deschedule(wakeUpEvent);
  } else {
    reschedule(wakeUpEvent, std::max(toTick(next), curTick()), true);
  }

  const uint32_t status = tile.status();
  const aimc::Statistics& sums = tile.statistics();
  const bool converted = (status & ~lastStatus & AIMC_STATUS_OUT_VALID) != 0;
  const bool moved =
      sums.dma_descriptors != lastDescriptors || (lastStatus & ~status & AIMC_STATUS_DMA_BUSY) != 0;
  if (sums.guest_errors != lastErrors)
    DPRINTF(AimcTile, "guest error: status %#x, %d in all\n", status, sums.guest_errors);
  if (converted || moved) {
    DPRINTF(AimcTile, "completed %s: status %#x\n", converted ? "conversion" : "DMA", status);
    if (interrupt) {
      interrupt->raise();
      interrupt->clear();
    }
  }
  lastStatus = status;
  lastDescriptors = sums.dma_descriptors;
  lastErrors = sums.guest_errors;
}

DrainState AimcTile::drain() {
  engine.hold();
  return engine.idle() ? DrainState::Drained : DrainState::Draining;
}

void AimcTile::drainResume() {
  DmaDevice::drainResume();
  engine.release();
  settle();
}

// The tile's state is a file of its own beside the checkpoint's text: it is binary and large.
void AimcTile::serialize(CheckpointOut& checkpoint) const {
  DmaDevice::serialize(checkpoint);
  const std::vector<uint8_t> state = tile.save();
  const std::string state_file = name() + ".tile.gz";
  const uint64_t state_bytes = state.size();
  paramOut(checkpoint, "state_file", state_file);
  paramOut(checkpoint, "state_bytes", state_bytes);
  const std::string path = CheckpointIn::dir() + "/" + state_file;
  gzFile file = gzopen(path.c_str(), "wb");
  fatal_if(!file, "%s: cannot write '%s'", name(), path);
  const int written = gzwrite(file, state.data(), static_cast<unsigned>(state.size()));
  fatal_if(gzclose(file) != Z_OK || written != static_cast<int>(state.size()),
           "%s: writing '%s' failed", name(), path);
  DPRINTF(AimcTile, "saved %d bytes\n", state.size());
}

void AimcTile::unserialize(CheckpointIn& checkpoint) {
  DmaDevice::unserialize(checkpoint);
  std::string state_file;
  uint64_t state_bytes = 0;
  paramIn(checkpoint, "state_file", state_file);
  paramIn(checkpoint, "state_bytes", state_bytes);
  const std::string path = checkpoint.getCptDir() + "/" + state_file;
  fatal_if(state_bytes > INT_MAX, "%s: the checkpoint's tile has %d bytes", name(), state_bytes);
  std::vector<uint8_t> state(state_bytes);
  gzFile file = gzopen(path.c_str(), "rb");
  fatal_if(!file, "%s: cannot read '%s'", name(), path);
  const int got = gzread(file, state.data(), static_cast<unsigned>(state.size()));
  gzclose(file);
  fatal_if(got != static_cast<int>(state.size()), "%s: '%s' is damaged", name(), path);
  try {
    tile.restore(state);
  } catch (const std::invalid_argument& error) {
    fatal("%s: '%s': %s", name(), path, error.what());
  }
  lastStatus = tile.status();
  lastDescriptors = tile.statistics().dma_descriptors;
  lastErrors = tile.statistics().guest_errors;
  DPRINTF(AimcTile, "restored %d bytes\n", state.size());
}

}  // namespace gem5
