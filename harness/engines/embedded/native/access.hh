// An access of the core's to memory, one micro-operation's.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_ACCESS_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_ACCESS_HH_

#include <cstdint>

namespace aimc::embedded {

// What is known of an access before it is sent, from having looked it up in the caches' tags.
enum class Found : uint8_t {
  kUnknown,   // nothing: it is looked up as it is sent
  kHit,       // in the L1D
  kHitBoth,   // the same, over two lines
  kUnderWay,  // the same, but the line has been asked for only just before
  kL2,        // not in the L1D, but in the L2
};

struct Access {
  uint32_t address = 0;  // offset in DRAM
  uint32_t bytes = 0;
  uint64_t pc = 0;
  int64_t number = 0;  // of a load or prefetch among its block's accesses, of a store among all
  Found found = Found::kUnknown;

  // It needs nothing of the memory system.
  bool hits() const { return found == Found::kHit || found == Found::kHitBoth; }
};

}  // namespace aimc::embedded

#endif
