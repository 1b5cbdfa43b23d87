// What a core waits for, by cause.
#ifndef AIMC_TILE_WAIT_METER_HH
#define AIMC_TILE_WAIT_METER_HH

#include <cstdint>
#include <map>
#include <vector>

#include "base/statistics.hh"
#include "mem/probes/base.hh"
#include "sim/sim_object.hh"

namespace gem5 {

struct AimcWaitMeterParams;
struct AimcWaitProbeParams;
class AimcTile;
class System;

/**
 * Every tick in which one core has an access to a tile under way counts once: as a read's, or if
 * there is none as a write's.  A read of the tile's progress (STATUS, DMA_DONE, DMA_PIXELS) is a
 * poll; its time is waiting for a multiplication if it finds the tile converting.  Of the other
 * ticks, those count as memory's in which a fetch or load has been under way for longer than one
 * that hits the L1; a software prefetch is none.  What is left between a poll and the next one of
 * the same tile belongs to the former, if it is a loop's: a few instructions, and no other access
 * to a tile.
 */
class AimcWaitMeter : public SimObject {
 public:
  using Params = AimcWaitMeterParams;
  explicit AimcWaitMeter(const Params& params);

  void init() override;
  void startup() override;
  void resetStats() override;

  /** A packet that leaves the core or comes back to it, by the port that fetches or the other. */
  void see(const probing::PacketInfo& packet, bool is_fetch);

 private:
  /** A read of memory under way. */
  struct Read {
    Addr address;
    bool isFetch;
    Tick late;  // from when on it is no hit
  };

  AimcTile* find(Addr address) const;
  void elapse();
  void begin(const AimcTile* tile, bool is_read, bool is_poll);
  void end(const AimcTile* tile, bool is_read, bool is_poll);
  void beginRead(Addr address, bool is_fetch);
  void endRead(Addr address, bool is_fetch);
  uint64_t instructions() const;

  System* const system;
  const uint32_t core;
  const Tick fetchHitLatency;
  const Tick loadHitLatency;
  std::map<Addr, AimcTile*> tiles;  // by the first address of the window

  uint32_t reads = 0;  // under way
  uint32_t writes = 0;
  std::vector<Read> memoryReads;
  Tick last = 0;      // up to which time has been accounted for
  Tick readSpan = 0;  // of the read under way; its cause is known at its end

  // The last poll, while nothing but a loop can have followed it.
  const AimcTile* polled = nullptr;
  bool foundConverting = false;
  uint64_t pollInstructions = 0;
  Tick loopSpan = 0;

  struct Stats : public statistics::Group {
    explicit Stats(statistics::Group* parent);

    statistics::Scalar polls;
    statistics::Scalar convertingPolls;
    statistics::Scalar readTicks;
    statistics::Scalar writeTicks;
    statistics::Scalar conversionTicks;
    statistics::Scalar memoryTicks;
  } stats;
};

/** Hands what it sees to a meter; of a port, one sees the requests and one the responses. */
class AimcWaitProbe : public BaseMemProbe {
 public:
  using Params = AimcWaitProbeParams;
  explicit AimcWaitProbe(const Params& params);

 protected:
  void handleRequest(const probing::PacketInfo& packet) override { meter->see(packet, fetches); }

 private:
  AimcWaitMeter* const meter;
  const bool fetches;
};

}  // namespace gem5

#endif  // AIMC_TILE_WAIT_METER_HH
