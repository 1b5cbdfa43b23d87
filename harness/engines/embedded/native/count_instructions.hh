// The yardstick of the engine's speed: the emulator alone.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_COUNT_INSTRUCTIONS_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_COUNT_INSTRUCTIONS_HH_

#include <nanobind/nanobind.h>

#include <cstdint>
#include <string>

namespace aimc::embedded {

// Runs a program that uses no tiles until its exit or fail call, under the emulator with one
// callback: `hooks` is "instruction" (empty, on each instruction), "block" (on each block) or
// "none".  `devices` are (base, bytes) of windows that swallow writes and read as an idle console.
// Returns the host's seconds.
// Throws std::runtime_error if the program faults.
double count_instructions(const std::string& library, const nanobind::list& pieces, uint64_t entry,
                          uint64_t dram_base, uint64_t dram_bytes, const nanobind::list& devices,
                          const std::string& hooks);

}  // namespace aimc::embedded

#endif
