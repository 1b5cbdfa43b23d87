// Performs the tiles' DMA, in time: requests are cut into bursts of up to a line, of which each
// tile has a number in flight a direction, and all go through one crossbar and its cache.
//
// It catches up when it is told to, with all that has happened until then.
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
#include "guest_memory.hh"
#include "memory_system.hh"
#include "params.hh"
#include "tiles.hh"

namespace aimc::embedded {

class DmaHost {
 public:
  DmaHost(Tiles& tiles, GuestMemory& memory, MemorySystem& system, const DmaPathParams& path,
          const TileParams& tile);

  // Lets everything happen that happens up to and at `now`.
  void advance(Femtoseconds now) {
    while (next() <= now) happen();
  }

  // When something happens next; kAsleep if nothing will.
  static constexpr Femtoseconds kAsleep = INT64_MAX;
  Femtoseconds next() const {
    return events_.empty() ? sends_at_ : std::min(sends_at_, events_.front().time);
  }
  // How much has happened: while this is the same, polls find the same.
  uint64_t happened() const { return happened_; }

  // After anything that may have changed tile `index` at `now`.
  void settle(size_t index, Femtoseconds now);

 private:
  // One request of a tile, with the bytes that it moves.
  struct Transfer {
    DmaRequest request;
    std::vector<uint8_t> bytes;
    uint32_t asked = 0;
    uint32_t arrived = 0;
  };

  // One direction of a tile.
  struct Lane {
    std::deque<std::shared_ptr<Transfer>> waiting;  // with bytes not asked for yet
    uint32_t in_flight = 0;                         // bursts that have not arrived
    Femtoseconds port_free = 0;
  };
  struct Burst {
    std::shared_ptr<Transfer> transfer;
    uint32_t begin = 0;
    uint32_t bytes = 0;
  };
  struct Client {
    std::array<Lane, 2> lanes;        // reads, writes
    std::deque<Burst> bursts;         // that wait for the crossbar
    Femtoseconds answers_free = 0;    // its side of the crossbar
    Femtoseconds wakes_at = kAsleep;  // the tile, by itself
  };

  enum class Kind : uint8_t {
    kWake,      // of a tile
    kAnswered,  // a burst, by the cache behind the crossbar
    kArrived,   // a burst, at the tile
    kPassed,    // a transfer, through the tile's port
  };
  struct Event {
    Femtoseconds time = 0;
    uint64_t number = 0;  // of equal times the first made is first
    Kind kind = Kind::kWake;
    bool filled = false;  // a burst's line came from elsewhere
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
  MemorySystem& system_;
  Femtoseconds period_;
  Femtoseconds fill_time_;  // of a line, on its way into the cache
  uint32_t outstanding_;
  Femtoseconds port_fs_per_byte_;
  std::vector<Client> clients_;
  std::vector<Event> events_;  // a heap, the next one first
  uint64_t made_ = 0;
  uint64_t happened_ = 0;
  std::deque<size_t> waiting_;       // tiles with bursts, by turns
  Femtoseconds sends_at_ = kAsleep;  // the first of them
  Femtoseconds requests_free_ = 0;   // the crossbar's side of the cache
  Femtoseconds fills_free_ = 0;
};

}  // namespace aimc::embedded

#endif
