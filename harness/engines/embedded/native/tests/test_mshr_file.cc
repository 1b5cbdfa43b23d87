#include "aimc_tile/core/tests/check.hh"
#include "harness/engines/embedded/native/mshr_file.hh"

using aimc::embedded::MshrFile;

TEST(mshr_file_fills_are_in_flight_until_their_fill_time) {
  MshrFile mshrs(4);
  mshrs.allocate(7, 100);
  CHECK(mshrs.fill_time(7, 99) == 100);
  CHECK(mshrs.fill_time(7, 100) <= 100);
  CHECK(mshrs.fill_time(8, 99) == 0);
  mshrs.allocate(8, 120);
  CHECK(mshrs.in_flight(99) == 2);
  CHECK(mshrs.in_flight(100) == 1);
  CHECK(mshrs.in_flight(120) == 0);
}

TEST(mshr_file_allocation_replaces_and_deallocation_removes) {
  MshrFile mshrs(4);
  mshrs.allocate(7, 100);
  mshrs.allocate(7, 150);
  CHECK(mshrs.fill_time(7, 0) == 150);
  CHECK(mshrs.in_flight(0) == 1);
  mshrs.deallocate(7);
  CHECK(mshrs.fill_time(7, 0) == 0);
  CHECK(mshrs.in_flight(0) == 0);
}

TEST(mshr_file_keeps_two_free_of_prefetches) {
  MshrFile mshrs(4);
  mshrs.allocate(1, 100);
  CHECK(mshrs.free_for_prefetch_at(10) == 10);
  mshrs.allocate(2, 90);
  CHECK(mshrs.free_for_prefetch_at(10) == 90);
  CHECK(MshrFile(2).free_for_prefetch_at(10) == MshrFile::kNever);
}

TEST(mshr_file_is_full_until_enough_fills_complete) {
  MshrFile mshrs(2);
  mshrs.allocate(1, 100);
  CHECK(mshrs.free_at(10) == 10);
  mshrs.allocate(2, 90);
  CHECK(mshrs.free_at(10) == 90);
  CHECK(mshrs.free_at(95) == 95);
  // Prefetches and write-backs may allocate beyond the capacity.
  mshrs.allocate(3, 120);
  mshrs.allocate(4, 110);
  CHECK(mshrs.free_at(95) == 110);
  CHECK(mshrs.free_at(115) == 115);
}
