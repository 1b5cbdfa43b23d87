// A flat, host-independent byte format: one visiting function writes and reads a structure.
#ifndef AIMC_TILE_CORE_ARCHIVE_HH
#define AIMC_TILE_CORE_ARCHIVE_HH

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <type_traits>
#include <vector>

#include "aimc_tile/core/bytes.hh"

namespace aimc {

// 64-bit FNV-1a.
inline uint64_t checksum(const uint8_t* bytes, size_t size) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (size_t i = 0; i < size; ++i) hash = (hash ^ bytes[i]) * 0x100000001b3u;
  return hash;
}

class ArchiveWriter {
 public:
  static constexpr bool kReads = false;

  template <typename T>
  void value(const T& v) {
    bytes_.resize(bytes_.size() + sizeof(T));
    store_le(&bytes_[bytes_.size() - sizeof(T)], v);
  }

  void flag(const bool& v) { value(static_cast<uint8_t>(v)); }

  template <typename E>
  void enumeration(const E& v, E) {
    value(static_cast<uint8_t>(v));
  }

  void block(const std::vector<uint8_t>& v) { bytes_.insert(bytes_.end(), v.begin(), v.end()); }

  std::vector<uint8_t> finish() {
    value(checksum(bytes_.data(), bytes_.size()));
    return std::move(bytes_);
  }

 private:
  std::vector<uint8_t> bytes_;
};

// Throws std::invalid_argument if the bytes cannot be what a writer gave.
class ArchiveReader {
 public:
  static constexpr bool kReads = true;

  explicit ArchiveReader(const std::vector<uint8_t>& bytes) : bytes_(bytes) {
    if (bytes.size() < sizeof(uint64_t)) fail();
    end_ = bytes.size() - sizeof(uint64_t);
    if (load_le<uint64_t>(&bytes[end_]) != checksum(bytes.data(), end_)) fail();
  }

  template <typename T>
  void value(T& v) {
    v = load_le<T>(take(sizeof(T)));
  }

  void flag(bool& v) {
    const uint8_t byte = *take(1);
    if (byte > 1) fail();
    v = byte != 0;
  }

  template <typename E>
  void enumeration(E& v, E last) {
    const uint8_t byte = *take(1);
    if (byte > static_cast<uint8_t>(last)) fail();
    v = static_cast<E>(byte);
  }

  // As many bytes as `v` has.
  void block(std::vector<uint8_t>& v) {
    const uint8_t* from = take(v.size());
    v.assign(from, from + v.size());
  }

  void finish() const {
    if (at_ != end_) fail();
  }

  [[noreturn]] static void fail() {
    throw std::invalid_argument("the tile's checkpoint is damaged");
  }

 private:
  const uint8_t* take(size_t size) {
    if (size > end_ - at_) fail();
    at_ += size;
    return bytes_.data() + at_ - size;
  }

  const std::vector<uint8_t>& bytes_;
  size_t at_ = 0;
  size_t end_ = 0;
};

}  // namespace aimc

#endif  // AIMC_TILE_CORE_ARCHIVE_HH
