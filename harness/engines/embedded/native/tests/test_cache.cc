#include <optional>
#include <stdexcept>
#include <vector>

#include "aimc_tile/core/tests/check.hh"
#include "aimc_tile/core/tests/random.hh"
#include "harness/engines/embedded/native/cache.hh"
#include "harness/engines/embedded/native/tests/reference_cache.hh"

using aimc::embedded::Cache;
using aimc::embedded::CacheParams;
using aimc::embedded::LineNumber;
using aimc_test::Random;
using aimc_test::ReferenceCache;
using aimc_test::ReferenceLine;

namespace {

CacheParams params_of(int sets, int ways) {
  CacheParams params;
  params.ways = ways;
  params.line_bytes = 64;
  params.size_bytes = int64_t{sets} * ways * params.line_bytes;
  return params;
}

// One set of four ways with lines 0 to 3, clean and demanded, the last one most recently used.
Cache full() {
  Cache cache(params_of(1, 4));
  for (LineNumber line = 0; line < 4; ++line) cache.insert(line, false, false);
  return cache;
}

// The order in which the lines of `full` leave.
std::vector<LineNumber> leaving(Cache cache) {
  std::vector<LineNumber> order;
  for (LineNumber line = 100; line < 104; ++line)
    order.push_back(cache.insert(line, false, false).line);
  return order;
}

using Lines = std::vector<LineNumber>;

}  // namespace

TEST(cache_sets_are_a_power_of_two) {
  for (const int sets : {1, 2, 64}) Cache(params_of(sets, 3));
  for (const int sets : {0, 3, 6, 65})
    CHECK_THROWS(std::invalid_argument, Cache(params_of(sets, 2)));
  CacheParams uneven = params_of(4, 2);
  uneven.size_bytes += 64;
  CHECK_THROWS(std::invalid_argument, Cache{uneven});
}

TEST(cache_lines_leave_in_the_order_of_their_last_use) {
  CHECK(leaving(full()) == (Lines{0, 1, 2, 3}));
  for (const bool store : {false, true}) {
    Cache demanded = full();
    CHECK(demanded.access(0, store).hit);
    CHECK(demanded.access(2, store).hit);
    CHECK(leaving(demanded) == (Lines{1, 3, 0, 2}));
    Cache hit = full();
    CHECK(hit.hit(0, store));
    CHECK(hit.hit(2, store));
    CHECK(leaving(hit) == (Lines{1, 3, 0, 2}));
  }
}

TEST(cache_asking_what_it_holds_uses_no_line) {
  Cache cache = full();
  CHECK(cache.contains(0));
  CHECK(cache.contains_demanded(0));
  CHECK(!cache.contains_shared(0));
  CHECK(cache.share(0).present);
  cache.unshare(0);
  CHECK(!cache.take_dirty(0));
  CHECK(!cache.hit(7, false));
  CHECK(!cache.access(7, true).hit);
  CHECK(leaving(cache) == (Lines{0, 1, 2, 3}));
}

TEST(cache_an_invalidated_line_leaves_its_way_free_wherever_it_was) {
  for (LineNumber gone = 0; gone < 4; ++gone) {
    Cache cache = full();
    CHECK(cache.invalidate(gone).present);
    CHECK(!cache.contains(gone));
    for (LineNumber line = 0; line < 4; ++line) CHECK_EQUAL(cache.contains(line), line != gone);
    // The free way is filled first, then the others leave in their order.
    cache.insert(99, false, false);
    Lines rest;
    for (LineNumber line = 0; line < 4; ++line) {
      if (line != gone) rest.push_back(line);
    }
    rest.push_back(99);
    CHECK(leaving(cache) == rest);
  }
}

TEST(cache_only_dirty_lines_are_written_back) {
  Cache cache = full();
  CHECK(cache.access(1, true).hit);
  CHECK(cache.access(2, false).hit);
  for (const LineNumber line : {0u, 3u, 1u, 2u}) {
    const Cache::Victim victim = cache.insert(100 + line, false, false);
    CHECK_EQUAL(victim.line, line);
    CHECK_EQUAL(victim.dirty, line == 1);
    CHECK(!victim.shared);
  }
  CHECK(cache.insert(4, true, false, true).line == 100);
  CHECK(cache.invalidate(4).dirty);
  CHECK(!cache.invalidate(101).dirty);
  CHECK(!cache.invalidate(101).present);
}

TEST(cache_only_a_dirty_line_that_nobody_shares_is_taken_over) {
  Cache cache(params_of(1, 4));
  cache.insert(0, true, false, true);
  cache.insert(1, true, false, false);
  cache.insert(2, false, false, false);
  cache.insert(3, false, false, true);
  for (const LineNumber line : {0u, 2u, 3u, 4u}) CHECK(!cache.take_dirty(line));
  CHECK(cache.take_dirty(1));
  CHECK(!cache.take_dirty(1));  // it is clean now
  CHECK(cache.share(0).dirty);  // and stays dirty
  cache.unshare(0);
  CHECK(cache.take_dirty(0));
}

TEST(cache_a_store_to_a_shared_line_asks_the_others_once) {
  Cache cache = full();
  CHECK(cache.share(3).present);
  CHECK(cache.contains_shared(3));
  CHECK(!cache.hit_most_recent(3, true));
  CHECK(!cache.hit(3, true));
  CHECK(cache.hit_most_recent(3, false));
  CHECK(cache.hit(3, false));
  CHECK(!cache.access(3, false).was_shared);
  CHECK(cache.access(3, true).was_shared);
  CHECK(!cache.contains_shared(3));
  CHECK(!cache.access(3, true).was_shared);
  CHECK(cache.share(3).dirty);
}

TEST(cache_the_first_demand_of_a_prefetched_line_is_told) {
  for (const bool store : {false, true}) {
    Cache cache = full();
    cache.insert(8, false, true);
    CHECK(cache.contains(8));
    CHECK(!cache.contains_demanded(8));
    CHECK(!cache.hit_most_recent(8, store));
    CHECK(!cache.hit(8, store));
    CHECK(cache.access(8, store).was_prefetched);
    CHECK(cache.contains_demanded(8));
    CHECK(!cache.access(8, store).was_prefetched);
    CHECK(cache.hit(8, store));
  }
}

// Every operation in random order, against lists.
TEST(cache_equals_the_reference) {
  Random random(3);
  for (const auto& [sets, ways] :
       std::vector<std::pair<int, int>>{{1, 1}, {1, 4}, {4, 2}, {2, 5}}) {
    Cache cache(params_of(sets, ways));
    ReferenceCache reference(static_cast<size_t>(sets), static_cast<size_t>(ways));
    const uint32_t lines = static_cast<uint32_t>(2 * sets * ways);
    for (int step = 0; step < 20000; ++step) {
      const LineNumber line = random.below(lines);
      const bool store = random.below(2) == 0;
      ReferenceLine* held = reference.find(line);
      switch (random.below(9)) {
        case 0:
        case 1:
          if (held == nullptr) {
            const ReferenceLine put{line, store, random.below(3) == 0, random.below(3) == 0};
            const std::optional<ReferenceLine> left = reference.insert(put);
            const Cache::Victim victim = cache.insert(line, put.dirty, put.prefetched, put.shared);
            CHECK_EQUAL(victim.dirty, left && left->dirty);
            CHECK_EQUAL(victim.shared, left && left->shared);
            if (left) CHECK_EQUAL(victim.line, left->number);
            break;
          }
          [[fallthrough]];
        case 2: {
          const Cache::Lookup lookup = cache.access(line, store);
          CHECK_EQUAL(lookup.hit, held != nullptr);
          CHECK_EQUAL(lookup.was_prefetched, held != nullptr && held->prefetched);
          CHECK_EQUAL(lookup.was_shared, held != nullptr && held->shared && store);
          if (held == nullptr) break;
          held->prefetched = false;
          if (store) held->shared = false;
          held->dirty |= store;
          reference.use(line);
          break;
        }
        case 3: {
          const bool hits = held != nullptr && !held->prefetched && !(store && held->shared);
          CHECK_EQUAL(cache.hit(line, store), hits);
          if (!hits) break;
          held->dirty |= store;
          reference.use(line);
          break;
        }
        case 4: {
          const bool hits = held != nullptr && held == reference.most_recent(line) &&
                            !held->prefetched && !(store && held->shared);
          CHECK_EQUAL(cache.hit_most_recent(line, store), hits);
          if (hits) held->dirty |= store;
          break;
        }
        case 5: {
          const Cache::Copy copy = cache.share(line);
          CHECK_EQUAL(copy.present, held != nullptr);
          CHECK_EQUAL(copy.dirty, held != nullptr && held->dirty);
          if (held != nullptr) held->shared = true;
          break;
        }
        case 6: {
          const Cache::Copy copy = cache.invalidate(line);
          CHECK_EQUAL(copy.present, held != nullptr);
          CHECK_EQUAL(copy.dirty, held != nullptr && held->dirty);
          reference.remove(line);
          break;
        }
        case 7:
          cache.unshare(line);
          if (held != nullptr) held->shared = false;
          break;
        default: {
          const bool takes = held != nullptr && held->dirty && !held->shared;
          CHECK_EQUAL(cache.take_dirty(line), takes);
          if (takes) held->dirty = false;
        }
      }
      const LineNumber other = random.below(lines);
      held = reference.find(other);
      CHECK_EQUAL(cache.contains(other), held != nullptr);
      CHECK_EQUAL(cache.contains_demanded(other), held != nullptr && !held->prefetched);
      CHECK_EQUAL(cache.contains_shared(other), held != nullptr && held->shared);
    }
  }
}
