#include "guest_memory.hh"

#include <sys/mman.h>

#include <cstring>
#include <new>

namespace aimc::embedded {

GuestMemory::GuestMemory(uint64_t base, uint64_t size) : base_(base), size_(size) {
  void* pages = mmap(nullptr, size, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (pages == MAP_FAILED) throw std::bad_alloc();
  data_ = static_cast<uint8_t*>(pages);
}

GuestMemory::~GuestMemory() { munmap(data_, size_); }

bool GuestMemory::read(uint64_t address, void* data, size_t size) {
  if (!contains(address, size)) return false;
  if (size == 0) return true;
  const uint64_t offset = address - base_;
  std::memcpy(data, data_ + offset, size);
  if (system_) {
    const int shift = system_->line_shift();
    system_->dma_read(static_cast<LineNumber>(offset >> shift),
                      static_cast<LineNumber>((offset + size - 1) >> shift), through_l2_);
  }
  return true;
}

bool GuestMemory::write(uint64_t address, const void* data, size_t size) {
  if (!contains(address, size)) return false;
  if (size == 0) return true;
  const uint64_t offset = address - base_;
  std::memcpy(data_ + offset, data, size);
  if (system_) {
    const int shift = system_->line_shift();
    system_->dma_write(static_cast<LineNumber>(offset >> shift),
                       static_cast<LineNumber>((offset + size - 1) >> shift), through_l2_);
  }
  return true;
}

}  // namespace aimc::embedded
