#include "devices.hh"

#include <algorithm>
#include <cstring>

#include "aimc_tile/core/polling.hh"
#include "aimc_tile/core/registers.h"
#include "clock.hh"
#include "kernels/include/platform.h"

namespace aimc::embedded {

namespace {

// PL011
constexpr uint64_t kUartData = 0x00;
constexpr uint64_t kUartFlags = 0x18;
constexpr uint32_t kUartIdle = 0x90;  // transmitter and receiver are empty

bool within(uint64_t address, uint32_t bytes, uint64_t base, uint64_t size) {
  return address >= base && address - base < size && bytes <= size - (address - base);
}

}  // namespace

DeviceKind Devices::find(uint64_t address, uint32_t bytes) const {
  if (within(address, bytes, PLATFORM_TILE_BASE, tiles_.size() * AIMC_TILE_WINDOW)) {
    return DeviceKind::kTile;
  }
  if (within(address, bytes, PLATFORM_M5OPS_BASE, kM5opsBytes)) return DeviceKind::kM5ops;
  if (within(address, bytes, PLATFORM_UART_BASE, kUartBytes)) return DeviceKind::kUart;
  return DeviceKind::kNone;
}

Devices::Outcome Devices::read(uint64_t address, uint32_t bytes, uint8_t* data,
                               Femtoseconds start) {
  Outcome outcome;
  const Femtoseconds now = path_.arrival(start, bytes, false);
  std::memset(data, 0, bytes);
  if (find(address, bytes) == DeviceKind::kUart) {
    outcome.end = path_.answer(now, false);
    if (address - PLATFORM_UART_BASE == kUartFlags) data[0] = kUartIdle;
    return outcome;
  }
  const uint64_t offset = address - PLATFORM_TILE_BASE;
  const size_t index = offset / AIMC_TILE_WINDOW;
  Tile& tile = tiles_[index];
  const uint64_t within_tile = offset % AIMC_TILE_WINDOW;
  dma_.advance(now);
  const Picoseconds end = tile.read(picoseconds(now), within_tile, bytes, data);
  outcome.end = path_.answer(std::max(now, static_cast<Femtoseconds>(end) * kFsPerPs), false);
  outcome.is_poll = is_poll(within_tile);
  if (!outcome.is_poll) dma_.settle(index, now);  // a poll changes nothing
  outcome.cause = outcome.is_poll && tile.converting() ? kCyclesTileMvm : kCyclesTileTransfer;
  return outcome;
}

Devices::Outcome Devices::write(uint64_t address, uint32_t bytes, const uint8_t* data,
                                Femtoseconds start) {
  Outcome outcome;
  const Femtoseconds now = path_.arrival(start, bytes, true);
  if (find(address, bytes) == DeviceKind::kUart) {
    outcome.end = path_.answer(now, true);
    if (address - PLATFORM_UART_BASE == kUartData) console_.push_back(static_cast<char>(data[0]));
    return outcome;
  }
  const uint64_t offset = address - PLATFORM_TILE_BASE;
  const size_t index = offset / AIMC_TILE_WINDOW;
  dma_.advance(now);
  const Picoseconds end =
      tiles_[index].write(picoseconds(now), offset % AIMC_TILE_WINDOW, bytes, data);
  dma_.settle(index, now);
  outcome.end = path_.answer(std::max(now, static_cast<Femtoseconds>(end) * kFsPerPs), true);
  outcome.cause = kCyclesTileTransfer;
  return outcome;
}

}  // namespace aimc::embedded
