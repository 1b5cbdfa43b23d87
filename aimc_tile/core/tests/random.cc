#include "aimc_tile/core/tests/random.hh"

namespace aimc_test {

uint32_t Random::next() {  // SplitMix64
  state_ += 0x9e3779b97f4a7c15u;
  uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return static_cast<uint32_t>((z ^ (z >> 31)) >> 16);
}

}  // namespace aimc_test
