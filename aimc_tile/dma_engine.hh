// Moves a tile's DMA requests through a gem5 DMA port.
#ifndef AIMC_TILE_DMA_ENGINE_HH
#define AIMC_TILE_DMA_ENGINE_HH

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "aimc_tile/core/host.hh"
#include "base/addr_range.hh"
#include "base/types.hh"

namespace gem5 {

class DmaPort;

/** Who the requests are for. */
class DmaEngineClient {
 public:
  virtual ~DmaEngineClient() = default;

  /** A request is done; `data` are the bytes of a read. */
  virtual void dmaDone(const aimc::DmaRequest& request, const void* data) = 0;

  /** Nothing is in flight any more. */
  virtual void dmaIdle() = 0;
};

/**
 * Cuts requests into bursts of up to a cache line and keeps a number of them in flight, reads and
 * writes apart.  A burst that has arrived then passes the tile's port at its bandwidth.
 */
class AimcDmaEngine {
 public:
  AimcDmaEngine(DmaPort& port, DmaEngineClient& client, uint32_t outstanding,
                double ticks_per_byte);

  /**
   * Takes a request over, with a copy of the bytes that it writes.  A tile has one transfer a
   * direction, so requests of earlier ones are void: what they have not asked for yet is dropped.
   * False, and nothing happens, if the request is not wholly in DRAM.
   */
  bool start(const aimc::DmaRequest& request);

  /** Drops all that has not been asked for yet. */
  void abandon();

  /** No new bursts until release(); those in flight go on. */
  void hold() { held = true; }
  void release();

  bool idle() const { return inFlight == 0; }

  /** Of the debug messages. */
  const std::string& name() const { return objectName; }

 private:
  struct Transfer;
  class Burst;

  /** One direction. */
  struct Lane {
    std::deque<std::shared_ptr<Transfer>> waiting;  // with bytes not asked for yet
    uint32_t inFlight = 0;                          // bursts that have not arrived
    Tick portFree = 0;
  };

  Lane& laneOf(const Transfer& transfer);
  bool inMemory(Addr address, Addr bytes);
  void issue(Lane& lane);
  void arrived(Burst& burst);
  void passed(Burst& burst);

  DmaPort& port;
  DmaEngineClient& client;
  const uint32_t outstanding;
  const double ticksPerByte;
  const std::string objectName;

  AddrRangeList memory;
  std::array<Lane, 2> lanes;  // reads, writes
  uint32_t inFlight = 0;      // bursts that have not passed
  bool held = false;
};

}  // namespace gem5

#endif  // AIMC_TILE_DMA_ENGINE_HH
