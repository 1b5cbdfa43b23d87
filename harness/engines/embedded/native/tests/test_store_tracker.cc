#include "aimc_tile/core/tests/check.hh"
#include "harness/engines/embedded/native/store_tracker.hh"

using aimc::embedded::StoreTracker;

namespace {

// Stores to other units of 16 bytes, none of which shares an entry with units 0 to 99.
void store_elsewhere(StoreTracker& tracker, int count) {
  for (int i = 0; i < count; ++i) tracker.note(16 * (100 + static_cast<uint32_t>(i)), 8);
}

}  // namespace

TEST(store_tracker_finds_recent_stores_to_the_same_unit) {
  StoreTracker tracker(5);
  tracker.note(0x108, 16);  // units 0x10 and 0x11
  CHECK(tracker.may_forward(0x100, 1));
  CHECK(tracker.may_forward(0x117, 4));
  CHECK(!tracker.may_forward(0x0f8, 8));
  CHECK(!tracker.may_forward(0x120, 8));
}

TEST(store_tracker_forgets_stores_that_must_have_left_the_buffer) {
  StoreTracker tracker(5);
  tracker.note(0x100, 8);
  store_elsewhere(tracker, 6);  // 5 in the buffer, and one that has not committed
  CHECK(tracker.may_forward(0x100, 8));
  store_elsewhere(tracker, 1);
  CHECK(!tracker.may_forward(0x100, 8));
}

TEST(store_tracker_knows_when_it_lacks_a_store) {
  StoreTracker tracker(5);
  tracker.note(0x100, 8);
  tracker.note(0x100 + 16 * 256, 8);  // the same entry
  CHECK(tracker.incomplete());
  store_elsewhere(tracker, 5);
  CHECK(tracker.incomplete());
  store_elsewhere(tracker, 1);
  CHECK(!tracker.incomplete());
}
