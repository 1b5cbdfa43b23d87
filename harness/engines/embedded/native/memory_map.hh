// The guest's DRAM in the emulator's address space.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_MEMORY_MAP_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_MEMORY_MAP_HH_

#include <cstdint>
#include <string>
#include <vector>

#include "guest_memory.hh"
#include "unicorn_api.hh"

namespace aimc::embedded {

struct Image {
  struct Piece {
    uint64_t address;
    std::string bytes;
  };
  struct Range {
    uint64_t begin;
    uint64_t end;
  };
  std::vector<Piece> pieces;
  std::vector<Range> code;      // nothing else is executable
  std::vector<Range> writable;  // may share a page with code
  uint64_t entry = 0;
};

// Copies the image into `memory`.
// Throws std::invalid_argument if it does not fit.
void load_image(const Image& image, GuestMemory& memory);

// Maps `memory`: code pages read-only, all other pages not executable.  Stores of the emulator are
// faster to such pages.  A program that changes its own code, which is prepared for timing only
// once, faults.
uc_err map_memory(const UnicornApi& api, uc_engine* engine, const Image& image,
                  GuestMemory& memory);

}  // namespace aimc::embedded

#endif
