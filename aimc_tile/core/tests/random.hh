// Random numbers that are the same on every machine.
#ifndef AIMC_TILE_CORE_TESTS_RANDOM_HH
#define AIMC_TILE_CORE_TESTS_RANDOM_HH

#include <cstdint>

namespace aimc_test {

// A small, deterministic source of test data.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint32_t next();
  uint32_t below(uint32_t limit) { return next() % limit; }
  uint32_t between(uint32_t low, uint32_t high) { return low + below(high - low + 1); }
  int8_t input() { return static_cast<int8_t>(next()); }
  int16_t cell() { return static_cast<int16_t>(next()); }

 private:
  uint64_t state_;
};

}  // namespace aimc_test

#endif  // AIMC_TILE_CORE_TESTS_RANDOM_HH
