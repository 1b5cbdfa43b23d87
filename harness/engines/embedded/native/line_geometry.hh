// How DRAM divides into cache lines, which have the same size at all levels.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_LINE_GEOMETRY_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_LINE_GEOMETRY_HH_

#include <cstdint>
#include <stdexcept>

#include "params.hh"

namespace aimc::embedded {

// Number of a line, counted from the start of DRAM.
using LineNumber = uint32_t;

struct LineGeometry {
  int shift = 0;
  uint32_t bytes = 0;
  LineNumber count = 0;  // lines in DRAM

  // Throws std::invalid_argument if the caches' lines differ in size.
  LineGeometry(const CachesParams& caches, const DramParams& dram)
      : shift(__builtin_ctz(static_cast<unsigned>(caches.l2.line_bytes))),
        bytes(static_cast<uint32_t>(caches.l2.line_bytes)),
        count(static_cast<LineNumber>(dram.size_bytes >> shift)) {
    if (caches.l1i.line_bytes != caches.l2.line_bytes ||
        caches.l1d.line_bytes != caches.l2.line_bytes) {
      throw std::invalid_argument("all caches must have lines of the same size");
    }
  }

  // The line that holds the byte at `address`, an offset in DRAM.
  LineNumber line_of(uint32_t address) const { return address >> shift; }
  bool over_two_lines(uint32_t address, uint32_t access_bytes) const {
    return line_of(address) != line_of(address + access_bytes - 1);
  }
};

}  // namespace aimc::embedded

#endif
