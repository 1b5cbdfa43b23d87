#include "aimc_tile/wait_meter.hh"

#include <algorithm>
#include <iterator>
#include <utility>

#include "aimc_tile/aimc_tile.hh"
#include "aimc_tile/core/polling.hh"
#include "aimc_tile/core/registers.h"
#include "cpu/base.hh"
#include "cpu/thread_context.hh"
#include "params/AimcWaitMeter.hh"
#include "params/AimcWaitProbe.hh"
#include "sim/cur_tick.hh"
#include "sim/system.hh"

namespace gem5 {

AimcWaitMeter::AimcWaitMeter(const Params& params)
    : SimObject(params),
      system(params.system),
      core(params.core),
      fetchHitLatency(params.fetch_hit_latency),
      loadHitLatency(params.load_hit_latency),
      stats(this) {
  for (AimcTile* tile : params.tiles) tiles.emplace(tile->getAddrRanges().front().start(), tile);
}

void AimcWaitMeter::init() {
  fatal_if(core >= system->threads.size(), "%s: the system has no core %d", name(), core);
  SimObject::init();
}

void AimcWaitMeter::startup() {
  SimObject::startup();
  last = curTick();
}

void AimcWaitMeter::resetStats() {
  SimObject::resetStats();
  last = curTick();
  readSpan = 0;
  polled = nullptr;
}

void AimcWaitMeter::see(const probing::PacketInfo& packet, bool is_fetch) {
  const bool is_request = packet.cmd.isRequest();
  const bool is_read = packet.cmd.isRead();
  if (const AimcTile* tile = find(packet.addr)) {
    elapse();
    const bool is_poll = is_read && aimc::is_poll(packet.addr % AIMC_TILE_WINDOW);
    if (is_request)
      begin(tile, is_read, is_poll);
    else
      end(tile, is_read, is_poll);
  } else if (is_read && !packet.cmd.isWrite() && !packet.cmd.isSWPrefetch() &&
             (packet.flags & (Request::UNCACHEABLE | Request::PREFETCH)) == 0) {
    elapse();
    if (is_request)
      beginRead(packet.addr, is_fetch);
    else
      endRead(packet.addr, is_fetch);
  }
}

AimcTile* AimcWaitMeter::find(Addr address) const {
  const auto next = tiles.upper_bound(address);
  if (next == tiles.begin()) return nullptr;
  const auto& [start, tile] = *std::prev(next);
  return address - start < AIMC_TILE_WINDOW ? tile : nullptr;
}

void AimcWaitMeter::elapse() {
  const Tick since = std::exchange(last, curTick());
  if (reads > 0) {
    readSpan += curTick() - since;
  } else if (writes > 0) {
    stats.writeTicks += curTick() - since;
  } else {
    Tick late = curTick();
    for (const Read& read : memoryReads) late = std::min(late, read.late);
    late = std::max(late, since);
    stats.memoryTicks += curTick() - late;
    loopSpan += late - since;
  }
}

void AimcWaitMeter::begin(const AimcTile* tile, bool is_read, bool is_poll) {
  if (is_poll && tile == polled && instructions() - pollInstructions <= aimc::kPollLoopInstructions)
    (foundConverting ? stats.conversionTicks : stats.readTicks) += loopSpan;
  polled = nullptr;
  ++(is_read ? reads : writes);
}

void AimcWaitMeter::end(const AimcTile* tile, bool is_read, bool is_poll) {
  uint32_t& under_way = is_read ? reads : writes;
  if (under_way == 0) return;  // it began before this simulation
  --under_way;
  if (!is_read) return;
  foundConverting = is_poll && tile->foundConverting();
  (foundConverting ? stats.conversionTicks : stats.readTicks) += std::exchange(readSpan, 0);
  if (!is_poll) return;
  ++stats.polls;
  if (foundConverting) ++stats.convertingPolls;
  polled = tile;
  pollInstructions = instructions();
  loopSpan = 0;
}

void AimcWaitMeter::beginRead(Addr address, bool is_fetch) {
  memoryReads.push_back(
      {address, is_fetch, curTick() + (is_fetch ? fetchHitLatency : loadHitLatency)});
}

void AimcWaitMeter::endRead(Addr address, bool is_fetch) {
  const auto found = std::find_if(memoryReads.begin(), memoryReads.end(), [&](const Read& read) {
    return read.address == address && read.isFetch == is_fetch;
  });
  if (found != memoryReads.end()) memoryReads.erase(found);  // else of before this simulation
}

uint64_t AimcWaitMeter::instructions() const {
  return static_cast<uint64_t>(system->threads[core]->getCpuPtr()->totalInsts());
}

AimcWaitMeter::Stats::Stats(statistics::Group* parent)
    : statistics::Group(parent),
      ADD_STAT(polls, statistics::units::Count::get(), "Reads of STATUS, DMA_DONE and DMA_PIXELS"),
      ADD_STAT(convertingPolls, statistics::units::Count::get(),
               "Polls that found the tile converting"),
      ADD_STAT(readTicks, statistics::units::Tick::get(),
               "Reads under way, and loops around them, without those of conversionTicks"),
      ADD_STAT(writeTicks, statistics::units::Tick::get(), "Writes under way and no read"),
      ADD_STAT(conversionTicks, statistics::units::Tick::get(),
               "Polls that found the tile converting, and the loops around them"),
      ADD_STAT(memoryTicks, statistics::units::Tick::get(),
               "Fetches and loads that miss the L1 caches under way, and no access to a tile") {}

AimcWaitProbe::AimcWaitProbe(const Params& params)
    : BaseMemProbe(params), meter(params.meter), fetches(params.fetches) {}

}  // namespace gem5
