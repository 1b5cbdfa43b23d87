#include <vector>

#include "aimc_tile/core/tests/check.hh"
#include "harness/engines/embedded/native/prefetcher.hh"

using aimc::embedded::Cycle;
using aimc::embedded::StridePrefetcher;

namespace {

constexpr uint64_t kPc = 0x80001000;

aimc::embedded::LineGeometry lines() {
  aimc::embedded::CachesParams caches;
  caches.l1i.line_bytes = caches.l1d.line_bytes = caches.l2.line_bytes = 64;
  aimc::embedded::DramParams dram;
  dram.size_bytes = 1 << 20;
  return {caches, dram};
}

// The lines in the queue, which is empty afterwards.
std::vector<uint32_t> drained(StridePrefetcher& prefetcher) {
  std::vector<uint32_t> found;
  for (; !prefetcher.empty(); prefetcher.pop()) found.push_back(prefetcher.front().line);
  return found;
}

}  // namespace

TEST(prefetcher_begins_with_the_third_access_of_a_stride) {
  StridePrefetcher prefetcher(2, lines());
  prefetcher.train(kPc, 0, 10);
  prefetcher.train(kPc, 128, 20);
  CHECK(prefetcher.empty());
  prefetcher.train(kPc, 256, 30);
  CHECK(prefetcher.front().pc == kPc);
  CHECK_EQUAL(prefetcher.front().ready, Cycle{31});
  CHECK(drained(prefetcher) == (std::vector<uint32_t>{6, 8}));
}

TEST(prefetcher_takes_a_short_stride_for_a_line) {
  StridePrefetcher prefetcher(2, lines());
  for (uint32_t i = 0; i < 3; ++i) prefetcher.train(kPc, 4096 - 256 + 16 * i, i);
  CHECK(drained(prefetcher) == (std::vector<uint32_t>{61, 62}));
}

TEST(prefetcher_stays_in_the_page) {
  StridePrefetcher prefetcher(4, lines());
  for (uint32_t i = 0; i < 3; ++i) prefetcher.train(kPc, 3840 - 64 + 64 * i, i);
  CHECK(drained(prefetcher) == (std::vector<uint32_t>{62, 63}));
}

TEST(prefetcher_forgets_a_queued_line_that_is_demanded) {
  StridePrefetcher prefetcher(2, lines());
  for (uint32_t i = 0; i < 3; ++i) prefetcher.train(kPc, 64 * i, i);
  prefetcher.train(kPc + 4, 3 * 64, 9);
  CHECK(drained(prefetcher) == (std::vector<uint32_t>{4}));
}

TEST(prefetcher_loses_confidence_slowly) {
  StridePrefetcher prefetcher(1, lines());
  for (uint32_t i = 0; i < 5; ++i) prefetcher.train(kPc, 64 * i, i);  // confidence 6
  drained(prefetcher);
  // Each of these is another stride, which is followed at once.
  prefetcher.train(kPc, 1024, 20);
  CHECK(drained(prefetcher) == (std::vector<uint32_t>{28}));
  prefetcher.train(kPc, 1152, 21);
  CHECK(drained(prefetcher) == (std::vector<uint32_t>{20}));
  prefetcher.train(kPc, 1344, 22);
  CHECK(prefetcher.empty());
}
