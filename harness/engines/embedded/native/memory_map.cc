#include "memory_map.hh"

#include <cstring>
#include <map>
#include <stdexcept>

#include "text.hh"

namespace aimc::embedded {

namespace {

constexpr uint64_t kPage = 4096;

bool overlaps(const Image::Range& range, uint64_t begin, uint64_t end) {
  return range.begin < end && begin < range.end;
}

// Permissions of the pages that hold code, by page number.
std::map<uint64_t, uint32_t> code_pages(const Image& image, const GuestMemory& memory) {
  std::map<uint64_t, uint32_t> pages;
  for (const Image::Range& range : image.code) {
    if (range.begin >= range.end || !memory.contains(range.begin, range.end - range.begin)) {
      continue;
    }
    const uint64_t last = (range.end - 1 - memory.base()) / kPage;
    for (uint64_t page = (range.begin - memory.base()) / kPage; page <= last; ++page) {
      const uint64_t begin = memory.base() + page * kPage;
      uint32_t permissions = UC_PROT_READ | UC_PROT_EXEC;
      for (const Image::Range& data : image.writable) {
        if (overlaps(data, begin, begin + kPage)) permissions = UC_PROT_ALL;
      }
      pages[page] = permissions;
    }
  }
  return pages;
}

}  // namespace

void load_image(const Image& image, GuestMemory& memory) {
  for (const Image::Piece& piece : image.pieces) {
    if (!memory.contains(piece.address, piece.bytes.size())) {
      throw std::invalid_argument(
          "the program does not fit the memory: " + std::to_string(piece.bytes.size()) +
          " bytes at " + hex(piece.address));
    }
    std::memcpy(memory.data() + (piece.address - memory.base()), piece.bytes.data(),
                piece.bytes.size());
  }
}

uc_err map_memory(const UnicornApi& api, uc_engine* engine, const Image& image,
                  GuestMemory& memory) {
  const auto map = [&](uint64_t first, uint64_t end, uint32_t permissions) {
    if (first == end) return UC_ERR_OK;
    return api.mem_map_ptr(engine, memory.base() + first * kPage, (end - first) * kPage,
                           permissions, memory.data() + first * kPage);
  };
  uint64_t next = 0;  // the first page not mapped
  const std::map<uint64_t, uint32_t> pages = code_pages(image, memory);
  for (auto page = pages.begin(); page != pages.end();) {
    const uint64_t first = page->first;
    const uint32_t permissions = page->second;
    uint64_t end = first;
    while (page != pages.end() && page->first == end && page->second == permissions) {
      ++end;
      ++page;
    }
    if (const uc_err error = map(next, first, UC_PROT_READ | UC_PROT_WRITE)) return error;
    if (const uc_err error = map(first, end, permissions)) return error;
    next = end;
  }
  return map(next, memory.size() / kPage, UC_PROT_READ | UC_PROT_WRITE);
}

}  // namespace aimc::embedded
