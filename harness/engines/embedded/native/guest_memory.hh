// The guest's DRAM in the host's memory.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_GUEST_MEMORY_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_GUEST_MEMORY_HH_

#include <cstddef>
#include <cstdint>

namespace aimc::embedded {

class GuestMemory {
 public:
  // Zeros, taken from the host page by page as they are touched.
  // Throws std::bad_alloc if the host refuses.
  GuestMemory(uint64_t base, uint64_t size);
  ~GuestMemory();
  GuestMemory(const GuestMemory&) = delete;
  GuestMemory& operator=(const GuestMemory&) = delete;

  uint64_t base() const { return base_; }
  uint64_t size() const { return size_; }
  uint8_t* data() { return data_; }

  bool contains(uint64_t address, uint64_t bytes) const {
    const uint64_t offset = address - base_;
    return offset < size_ && bytes <= size_ - offset;
  }

 private:
  uint64_t base_;
  uint64_t size_;
  uint8_t* data_;
};

}  // namespace aimc::embedded

#endif
