// One device access of the guest.  The emulator performs it in pieces of its own choice.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_DEVICE_ACCESS_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_DEVICE_ACCESS_HH_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "params.hh"

namespace aimc::embedded {

// One load or store instruction is a sequence of bus accesses of `bus_width` bytes.
struct DeviceAccess {
  static constexpr uint32_t kMaxBytes = 64;

  size_t op = 0;  // index of the instruction in its block
  uint64_t pc = 0;
  uint64_t address = 0;
  uint32_t bytes = 0;
  uint32_t bus_width = 16;
  bool store = false;
  uint32_t done = 0;      // bytes that the emulator has read or written
  Femtoseconds time = 0;  // when the next bus access issues
  std::array<uint8_t, kMaxBytes> data{};

  // The bus access that holds byte `done`.
  uint32_t bus_begin() const { return done - done % bus_width; }
  uint32_t bus_bytes() const { return std::min(bus_width, bytes - bus_begin()); }
};

}  // namespace aimc::embedded

#endif
