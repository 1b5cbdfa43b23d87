#include "dma_host.hh"

#include <algorithm>
#include <cstring>
#include <utility>

#include "clock.hh"
#include "crossbar.hh"

namespace aimc::embedded {

namespace {

// The tiles' crossbar: cycles of a packet without data, cycles of an answer to its tile, and bytes
// per cycle.
constexpr Cycle kHeader = 1;
constexpr Cycle kAnswer = 2;
constexpr uint32_t kWidth = 16;

// The slower of a tile's port and its DMA's path to the crossbar.
Femtoseconds port_fs_per_byte(const TileParams& tile) {
  const uint64_t ps_q16 = TileTiming(tile).dma_ps_per_byte_q16;
  return static_cast<Femtoseconds>(ps_q16 * static_cast<uint64_t>(kFsPerPs) >> 16);
}

Cycle beats(uint32_t bytes) { return (bytes + kWidth - 1) / kWidth; }

}  // namespace

DmaHost::DmaHost(Tiles& tiles, GuestMemory& memory, DmaCoherence& caches, const DmaPathParams& path,
                 const TileParams& tile)
    : tiles_(tiles),
      memory_(memory),
      caches_(caches),
      period_(path.period_fs),
      outstanding_(tile.dma_outstanding),
      port_fs_per_byte_(port_fs_per_byte(tile)),
      clients_(tiles.size()) {
  // The crossbar that lines arrive over is the L1s' or the system's.
  const uint32_t width = path.beside_l1 ? kL1CrossbarBytes : kSystemCrossbarBytes;
  fill_time_ = (kHeader + caches_.lines().bytes / width) * period_;
}

void DmaHost::add(Event event) {
  event.number = ++made_;
  events_.push_back(std::move(event));
  std::push_heap(events_.begin(), events_.end(), later);
}

void DmaHost::happen() {
  ++happened_;
  if (events_.empty() || sends_at_ < events_.front().time) return send();
  std::pop_heap(events_.begin(), events_.end(), later);
  Event event = std::move(events_.back());
  events_.pop_back();
  switch (event.kind) {
    case Kind::kWake:
      if (clients_[event.tile].wakes_at != event.time) return;  // superseded by a later wake-up
      clients_[event.tile].wakes_at = kAsleep;
      tiles_[event.tile].advance(picoseconds(event.time));
      return settle(event.tile, event.time);
    case Kind::kAnswered:
      return answered(event);
    case Kind::kArrived:
      return arrived(event);
    case Kind::kPassed:
      return passed(event);
  }
}

void DmaHost::settle(size_t index, Femtoseconds now) {
  Tile& tile = tiles_[index];
  Client& client = clients_[index];
  if (!tile.transferring()) {
    for (Lane& lane : client.lanes) lane.waiting.clear();
  }
  DmaRequest request;
  while (tile.take_dma_request(&request)) {
    if (memory_.contains(request.address, request.size)) {
      start(index, request, now);
    } else {
      tile.complete_dma(picoseconds(now), request, false);
    }
  }
  const Picoseconds next = tile.next_event_ps();
  const bool asleep = next > static_cast<Picoseconds>(kAsleep / kFsPerPs);
  const Femtoseconds wakes_at =
      asleep ? kAsleep : std::max(now, static_cast<Femtoseconds>(next) * kFsPerPs);
  if (wakes_at == client.wakes_at) return;
  client.wakes_at = wakes_at;
  if (wakes_at != kAsleep) add({wakes_at, 0, Kind::kWake, false, 0, index, nullptr});
}

// Accepts a request of a tile.  A tile has one transfer per direction: bytes of earlier ones that
// have not been requested yet are dropped.
void DmaHost::start(size_t index, const DmaRequest& request, Femtoseconds now) {
  auto transfer = std::make_shared<Transfer>();
  transfer->request = request;
  transfer->request.data = nullptr;
  transfer->bytes.resize(request.size);
  if (request.is_write) std::copy_n(request.data, request.size, transfer->bytes.begin());
  Lane& lane = clients_[index].lanes[request.is_write ? 1 : 0];
  while (!lane.waiting.empty() && lane.waiting.front()->request.transfer != request.transfer) {
    lane.waiting.pop_front();
  }
  lane.waiting.push_back(std::move(transfer));
  issue(index, lane, now);
}

void DmaHost::issue(size_t index, Lane& lane, Femtoseconds now) {
  const uint32_t line = caches_.lines().bytes;
  Client& client = clients_[index];
  while (!lane.waiting.empty() && lane.in_flight < outstanding_) {
    std::shared_ptr<Transfer>& transfer = lane.waiting.front();
    const DmaRequest& request = transfer->request;
    const uint32_t begin = transfer->asked;
    const auto in_line = static_cast<uint32_t>((request.address + begin) % line);
    const uint32_t bytes = std::min(line - in_line, request.size - begin);
    transfer->asked += bytes;
    ++lane.in_flight;
    if (client.bursts.empty()) waiting_.push_back(index);
    if (transfer->asked < request.size) {
      client.bursts.push_back({transfer, begin, bytes});
    } else {
      client.bursts.push_back({std::move(transfer), begin, bytes});
      lane.waiting.pop_front();
    }
    if (sends_at_ == kAsleep) sends_at_ = std::max(now, requests_free_);
  }
}

// Sends a burst of the next tile in turn, or waits until the cache accepts it.
void DmaHost::send() {
  using BurstKind = DmaCoherence::Kind;
  const Femtoseconds now = sends_at_;
  sends_at_ = caches_.accepts_at(now);
  if (sends_at_ > now) return;
  const size_t index = waiting_.front();
  waiting_.pop_front();
  Client& client = clients_[index];
  Burst burst = std::move(client.bursts.front());
  client.bursts.pop_front();
  if (!client.bursts.empty()) waiting_.push_back(index);
  move_data(burst);
  const DmaRequest& request = burst.transfer->request;
  BurstKind kind = BurstKind::kRead;
  Cycle busy = kHeader;
  if (request.is_write) {
    kind = burst.bytes == caches_.lines().bytes ? BurstKind::kWriteLine : BurstKind::kWritePart;
    busy += beats(burst.bytes);
  }
  requests_free_ = up_to_edge(now, period_) + busy * period_;
  sends_at_ = waiting_.empty() ? kAsleep : requests_free_;
  const uint64_t offset = request.address - memory_.base() + burst.begin;
  const auto line = static_cast<LineNumber>(offset >> caches_.lines().shift);
  const DmaCoherence::Answer answer = caches_.access(line, kind, now);
  add({answer.ready, 0, Kind::kAnswered, answer.filled, burst.bytes, index,
       std::move(burst.transfer)});
}

void DmaHost::move_data(const Burst& burst) {
  Transfer& transfer = *burst.transfer;
  uint8_t* tiles = transfer.bytes.data() + burst.begin;
  uint8_t* there = memory_.data() + (transfer.request.address - memory_.base()) + burst.begin;
  if (transfer.request.is_write) {
    std::memcpy(there, tiles, burst.bytes);
  } else {
    std::memcpy(tiles, there, burst.bytes);
  }
}

void DmaHost::answered(Event& event) {
  Client& client = clients_[event.tile];
  Femtoseconds ready = event.time;
  if (event.filled) {
    ready = std::max(ready, fills_free_);
    fills_free_ = ready + fill_time_;
  }
  const Femtoseconds sent = std::max(ready, client.answers_free);
  const Cycle data = event.transfer->request.is_write ? 0 : beats(event.bytes);
  client.answers_free = sent + (kHeader + data) * period_;
  event.time = sent + kAnswer * period_;
  event.kind = Kind::kArrived;
  add(std::move(event));
}

void DmaHost::arrived(Event& event) {
  Lane& lane = lane_of(event);
  Transfer& transfer = *event.transfer;
  --lane.in_flight;
  lane.port_free = std::max(lane.port_free, event.time) + event.bytes * port_fs_per_byte_;
  transfer.arrived += event.bytes;
  const Femtoseconds now = event.time;
  const size_t index = event.tile;
  if (transfer.arrived == transfer.request.size) {
    event.time = lane.port_free;
    event.kind = Kind::kPassed;
    add(std::move(event));
  }
  issue(index, lane, now);
}

void DmaHost::passed(const Event& event) {
  const Transfer& transfer = *event.transfer;
  tiles_[event.tile].complete_dma(picoseconds(event.time), transfer.request, true,
                                  transfer.bytes.data());
  settle(event.tile, event.time);
}

}  // namespace aimc::embedded
