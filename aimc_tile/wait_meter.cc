#include "aimc_tile/wait_meter.hh"

#include <iterator>
#include <utility>

#include "aimc_tile/aimc_tile.hh"
#include "aimc_tile/core/registers.h"
#include "cpu/base.hh"
#include "cpu/thread_context.hh"
#include "params/AimcWaitMeter.hh"
#include "params/AimcWaitProbe.hh"
#include "sim/cur_tick.hh"
#include "sim/system.hh"

namespace gem5 {
namespace {

constexpr uint64_t kLoopInstructions = 32;  // of a loop around a poll, at most

bool isProgress(Addr offset) { return offset == AIMC_REG_STATUS || offset == AIMC_REG_DMA_DONE; }

}  // namespace

AimcWaitMeter::AimcWaitMeter(const Params& params)
    : SimObject(params), system(params.system), core(params.core), stats(this) {
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

void AimcWaitMeter::seeAccess(const probing::PacketInfo& packet) {
  const AimcTile* tile = find(packet.addr);
  if (!tile) return;
  elapse();
  const bool is_read = packet.cmd.isRead();
  const bool is_poll = is_read && isProgress(packet.addr % AIMC_TILE_WINDOW);
  if (packet.cmd.isRequest())
    begin(tile, is_read, is_poll);
  else
    end(tile, is_read, is_poll);
}

void AimcWaitMeter::seeMiss(const probing::PacketInfo& packet) {
  const bool is_request = packet.cmd.isRequest();
  const bool is_read =
      is_request ? packet.cmd == MemCmd::ReadSharedReq || packet.cmd == MemCmd::ReadCleanReq
                 : packet.cmd == MemCmd::ReadResp;
  if (!is_read || (packet.flags & (Request::UNCACHEABLE | Request::PREFETCH)) != 0) return;
  const BaseCPU& cpu = *system->threads[core]->getCpuPtr();
  if (packet.id != cpu.dataRequestorId() && packet.id != cpu.instRequestorId()) return;
  elapse();
  if (is_request)
    ++misses;
  else if (misses > 0)  // else it began before this simulation
    --misses;
}

AimcTile* AimcWaitMeter::find(Addr address) const {
  const auto next = tiles.upper_bound(address);
  if (next == tiles.begin()) return nullptr;
  const auto& [start, tile] = *std::prev(next);
  return address - start < AIMC_TILE_WINDOW ? tile : nullptr;
}

void AimcWaitMeter::elapse() {
  const Tick span = curTick() - std::exchange(last, curTick());
  if (reads > 0)
    readSpan += span;
  else if (writes > 0)
    stats.writeTicks += span;
  else if (misses > 0)
    stats.memoryTicks += span;
  else
    loopSpan += span;
}

void AimcWaitMeter::begin(const AimcTile* tile, bool is_read, bool is_poll) {
  if (is_poll && tile == polled && instructions() - pollInstructions <= kLoopInstructions)
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

uint64_t AimcWaitMeter::instructions() const {
  return static_cast<uint64_t>(system->threads[core]->getCpuPtr()->totalInsts());
}

AimcWaitMeter::Stats::Stats(statistics::Group* parent)
    : statistics::Group(parent),
      ADD_STAT(polls, statistics::units::Count::get(), "Reads of STATUS and DMA_DONE"),
      ADD_STAT(convertingPolls, statistics::units::Count::get(),
               "Polls that found the tile converting"),
      ADD_STAT(readTicks, statistics::units::Tick::get(),
               "Reads under way, and loops around them, without those of conversionTicks"),
      ADD_STAT(writeTicks, statistics::units::Tick::get(), "Writes under way and no read"),
      ADD_STAT(conversionTicks, statistics::units::Tick::get(),
               "Polls that found the tile converting, and the loops around them"),
      ADD_STAT(memoryTicks, statistics::units::Tick::get(),
               "Lines to be read are on their way to the L1 caches, and no access to a tile") {}

AimcWaitProbe::AimcWaitProbe(const Params& params)
    : BaseMemProbe(params), meter(params.meter), beyondL1(params.beyond_l1) {}

void AimcWaitProbe::handleRequest(const probing::PacketInfo& packet) {
  if (beyondL1)
    meter->seeMiss(packet);
  else
    meter->seeAccess(packet);
}

}  // namespace gem5
