// The guest's devices: console, pseudo-instructions, tiles.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_DEVICES_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_DEVICES_HH_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "device_path.hh"
#include "dma_host.hh"
#include "events.hh"
#include "kernels/include/platform.h"
#include "params.hh"
#include "tiles.hh"

namespace aimc::embedded {

enum class DeviceKind : uint8_t { kNone, kM5ops, kTile, kUart };

constexpr uint64_t kM5opsBytes = 0x10000;
constexpr uint64_t kUartBytes = 0x1000;

class Devices {
 public:
  Devices(const DevicePath& path, Tiles& tiles, DmaHost& dma)
      : path_(path), tiles_(tiles), dma_(dma) {}

  // The device that contains all of [address, address + bytes).
  DeviceKind find(uint64_t address, uint32_t bytes) const;

  struct Outcome {
    Femtoseconds end = 0;          // of the access
    Event cause = kCyclesCompute;  // of the core's wait
    bool is_poll = false;          // the access reads a tile's progress
  };

  // One bus access to the console or a tile that starts at `start`.
  Outcome read(uint64_t address, uint32_t bytes, uint8_t* data, Femtoseconds start);
  Outcome write(uint64_t address, uint32_t bytes, const uint8_t* data, Femtoseconds start);

  // The pseudo-instruction at `address`.
  uint32_t m5op(uint64_t address) const {
    return static_cast<uint32_t>(((address - PLATFORM_M5OPS_BASE) >> 8) & 0xff);
  }

  const DevicePath& path() const { return path_; }

  const std::string& console() const { return console_; }

 private:
  DevicePath path_;
  Tiles& tiles_;
  DmaHost& dma_;
  std::string console_;
};

}  // namespace aimc::embedded

#endif
