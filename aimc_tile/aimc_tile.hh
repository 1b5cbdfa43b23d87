// One AIMC tile as a gem5 device: aimc_tile/core behind a PIO and a DMA port.
#ifndef AIMC_TILE_AIMC_TILE_HH
#define AIMC_TILE_AIMC_TILE_HH

#include <cstdint>
#include <string>
#include <vector>

#include "aimc_tile/core/tile.hh"
#include "aimc_tile/dma_engine.hh"
#include "aimc_tile/register_bank.hh"
#include "aimc_tile/tile_stats.hh"
#include "dev/dma_device.hh"
#include "sim/eventq.hh"

namespace gem5 {

struct AimcTileParams;
class ArmInterruptPin;

/**
 * The core knows what a tile does and when; this class tells it what time it is, carries the
 * guest's accesses and the tile's DMA, and wakes it up.  Whatever the guest does ends in a response
 * and, if it was wrong, in the tile's error register and statistics: never in a panic.
 */
class AimcTile : public DmaDevice, private RegisterBankTarget, private DmaEngineClient {
 public:
  using Params = AimcTileParams;
  explicit AimcTile(const Params& params);

  void init() override;
  void startup() override;

  AddrRangeList getAddrRanges() const override;

  /** Whether a multiplication converted when the guest last read. */
  bool foundConverting() const { return convertedAtRead; }

  DrainState drain() override;
  void drainResume() override;
  void serialize(CheckpointOut& checkpoint) const override;
  void unserialize(CheckpointIn& checkpoint) override;

 protected:
  Tick read(PacketPtr packet) override;
  Tick write(PacketPtr packet) override;

 private:
  // RegisterBankTarget
  void readBytes(Addr offset, void* data, Addr bytes) override;
  void writeBytes(Addr offset, const void* data, Addr bytes) override;

  // DmaEngineClient
  void dmaDone(const aimc::DmaRequest& request, const void* data) override;
  void dmaIdle() override;

  aimc::Picoseconds now() const;
  Tick toTick(aimc::Picoseconds time) const;

  void wakeUp();
  void settle();
  void refuse(bool is_read);
  Tick finish(PacketPtr packet, Tick latency);

  const Addr windowStart;
  const Tick loadLatency;
  const Tick storeLatency;
  const bool usesDma;
  ArmInterruptPin* const interrupt;

  aimc::Tile tile;
  AimcRegisterBank registers;
  AimcDmaEngine engine;
  EventFunctionWrapper wakeUpEvent;
  AimcTileStats stats;

  aimc::Picoseconds portDone = 0;  // of the access in hand
  bool convertedAtRead = false;
  // As of the last settle(), to see what has completed since.
  uint32_t lastStatus = 0;
  uint64_t lastDescriptors = 0;
  uint64_t lastErrors = 0;
};

}  // namespace gem5

#endif  // AIMC_TILE_AIMC_TILE_HH
