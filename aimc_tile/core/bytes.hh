// Little-endian loads and stores that do not depend on the host's byte order.
#ifndef AIMC_TILE_CORE_BYTES_HH
#define AIMC_TILE_CORE_BYTES_HH

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace aimc {

template <typename T>
T load_le(const uint8_t* bytes) {
  static_assert(std::is_integral<T>::value, "integers only");
  uint64_t value = 0;
  for (size_t i = 0; i < sizeof(T); ++i) value |= static_cast<uint64_t>(bytes[i]) << (8 * i);
  return static_cast<T>(value);
}

template <typename T>
void store_le(uint8_t* bytes, T value) {
  static_assert(std::is_integral<T>::value, "integers only");
  for (size_t i = 0; i < sizeof(T); ++i)
    bytes[i] = static_cast<uint8_t>(static_cast<uint64_t>(value) >> (8 * i));
}

}  // namespace aimc

#endif  // AIMC_TILE_CORE_BYTES_HH
