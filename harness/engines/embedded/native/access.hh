// One micro-operation's access to memory.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_ACCESS_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_ACCESS_HH_

#include <cstdint>

namespace aimc::embedded {

// Address of an access outside DRAM.
constexpr uint32_t kNowhere = ~0u;

// What the tag lookup before issue found; see TagLookup.
enum class Found : uint8_t {
  kUnknown,   // not looked up: the tags are accessed at issue
  kHit,       // an L1D hit
  kHitBoth,   // an access over two lines, an L1D hit in both
  kInFlight,  // an L1D hit on a line whose fill an access of the same block starts
  kL2,        // an L1D miss and L2 hit
};

struct Access {
  uint32_t address = 0;  // offset in DRAM
  uint32_t bytes = 0;
  uint64_t pc = 0;
  // Of a load or prefetch: index among its block's accesses.  Of a store: number of the store since
  // the start.
  int64_t number = 0;
  Found found = Found::kUnknown;

  // Its time does not depend on the memory system.
  bool hits() const { return found == Found::kHit || found == Found::kHitBoth; }
};

}  // namespace aimc::embedded

#endif
