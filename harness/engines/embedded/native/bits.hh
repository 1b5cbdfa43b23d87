// Bit fields of A64 instruction words.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_BITS_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_BITS_HH_

#include <cstdint>

namespace aimc::embedded {

// Bits [high:low] of `word`.
constexpr uint32_t bits(uint32_t word, int high, int low) {
  return (word >> low) & ((2u << (high - low)) - 1u);
}

constexpr bool bit(uint32_t word, int position) { return (word >> position) & 1u; }

// `value`, whose sign bit is bit `width - 1`, as a signed number.
constexpr int64_t sign_extend(uint64_t value, int width) {
  return static_cast<int64_t>(value << (64 - width)) >> (64 - width);
}

}  // namespace aimc::embedded

#endif
