// Performs the tiles' DMA and times it.
//
// Requests are cut into bursts of up to a line.  Each tile has a limited number of bursts in flight
// per direction, and all bursts go through one crossbar and its cache.  The host catches up with
// the core when the core's model calls it, with all events until then.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_DMA_HOST_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_DMA_HOST_HH_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "aimc_tile/core/host.hh"
#include "dma_coherence.hh"
#include "guest_memory.hh"
#include "params.hh"
#include "tiles.hh"

namespace aimc::embedded {

class DmaHost {
 public:
  DmaHost(Tiles& tiles, GuestMemory& memory, DmaCoherence& caches, const DmaPathParams& path,
          const TileParams& tile);

  // Performs all events up to and at `now`.
  void advance(Femtoseconds now) {
    while (next() <= now) happen();
  }

  // Time of the next event; kAsleep if there is none.
  static constexpr Femtoseconds kAsleep = INT64_MAX;
  Femtoseconds next() const {
    return events_.empty() ? sends_at_ : std::min(sends_at_, events_.front().time);
  }
  // Number of events performed: between two equal numbers, polls read equal values.
  uint64_t happened() const { return happened_; }

  // To be called after each access that may have changed tile `index` at `now`.
  void settle(size_t index, Femtoseconds now);

 private:
  // One request of a tile, with its bytes.
  struct Transfer {
    DmaRequest request;
    std::vector<uint8_t> bytes;
    uint32_t asked = 0;    // bytes in bursts
    uint32_t arrived = 0;  // bytes at the tile's port
  };

  // One direction of a tile.
  struct Lane {
    std::deque<std::shared_ptr<Transfer>> waiting;  // with bytes that no burst moves yet
    uint32_t in_flight = 0;                         // bursts
    Femtoseconds port_free = 0;
  };
  struct Burst {
    std::shared_ptr<Transfer> transfer;
    uint32_t begin = 0;
    uint32_t bytes = 0;
  };
  struct Client {
    std::array<Lane, 2> lanes;        // reads, writes
    std::deque<Burst> bursts;         // waiting for the crossbar
    Femtoseconds answers_free = 0;    // the crossbar can send this tile an answer
    Femtoseconds wakes_at = kAsleep;  // next event inside the tile
  };

  enum class Kind : uint8_t {
    kWake,      // an event inside a tile
    kAnswered,  // the cache behind the crossbar answers a burst
    kArrived,   // a burst arrives at its tile
    kPassed,    // the last byte of a transfer has passed the tile's port
  };
  struct Event {
    Femtoseconds time = 0;
    uint64_t number = 0;  // order of creation, which decides between equal times
    Kind kind = Kind::kWake;
    bool filled = false;  // the burst needed a fill of the cache
    uint32_t bytes = 0;
    size_t tile = 0;
    std::shared_ptr<Transfer> transfer;
  };

  static bool later(const Event& a, const Event& b) {
    return a.time != b.time ? a.time > b.time : a.number > b.number;
  }

  Lane& lane_of(const Event& event) {
    return clients_[event.tile].lanes[event.transfer->request.is_write ? 1 : 0];
  }
  void add(Event event);
  void happen();
  void start(size_t index, const DmaRequest& request, Femtoseconds now);
  void issue(size_t index, Lane& lane, Femtoseconds now);
  void send();
  void move_data(const Burst& burst);
  void answered(Event& event);
  void arrived(Event& event);
  void passed(const Event& event);

  Tiles& tiles_;
  GuestMemory& memory_;
  DmaCoherence& caches_;
  Femtoseconds period_;
  Femtoseconds fill_time_;  // of a line, over the crossbar to the cache
  uint32_t outstanding_;
  Femtoseconds port_fs_per_byte_;
  std::vector<Client> clients_;
  std::vector<Event> events_;  // a heap, earliest first
  uint64_t made_ = 0;
  uint64_t happened_ = 0;
  std::deque<size_t> waiting_;       // tiles with bursts, round robin
  Femtoseconds sends_at_ = kAsleep;  // when the first of them sends
  Femtoseconds requests_free_ = 0;   // the crossbar can send the cache a request
  Femtoseconds fills_free_ = 0;
};

}  // namespace aimc::embedded

#endif
