// The guest's DRAM in the host's memory.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_GUEST_MEMORY_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_GUEST_MEMORY_HH_

#include <cstddef>
#include <cstdint>

#include "aimc_tile/core/host.hh"
#include "memory_system.hh"

namespace aimc::embedded {

class GuestMemory : public HostMemory {
 public:
  // Zeros, taken from the host page by page as they are touched.
  // Throws std::bad_alloc if the host refuses.
  GuestMemory(uint64_t base, uint64_t size);
  ~GuestMemory() override;
  GuestMemory(const GuestMemory&) = delete;
  GuestMemory& operator=(const GuestMemory&) = delete;

  uint64_t base() const { return base_; }
  uint64_t size() const { return size_; }
  uint8_t* data() { return data_; }

  bool contains(uint64_t address, uint64_t bytes) const {
    const uint64_t offset = address - base_;
    return offset < size_ && bytes <= size_ - offset;
  }

  // From now on DMA goes past the caches of `system`.
  void attach(MemorySystem* system, bool through_l2) {
    system_ = system;
    through_l2_ = through_l2;
  }

  // A tile's DMA.
  bool read(uint64_t address, void* data, size_t size) override;
  bool write(uint64_t address, const void* data, size_t size) override;

 private:
  uint64_t base_;
  uint64_t size_;
  uint8_t* data_;
  MemorySystem* system_ = nullptr;
  bool through_l2_ = false;
};

}  // namespace aimc::embedded

#endif
