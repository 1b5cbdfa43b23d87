#include "guest_memory.hh"

#include <sys/mman.h>

#include <new>

namespace aimc::embedded {

GuestMemory::GuestMemory(uint64_t base, uint64_t size) : base_(base), size_(size) {
  void* pages = mmap(nullptr, size, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (pages == MAP_FAILED) throw std::bad_alloc();
  data_ = static_cast<uint8_t*>(pages);
}

GuestMemory::~GuestMemory() { munmap(data_, size_); }

}  // namespace aimc::embedded
