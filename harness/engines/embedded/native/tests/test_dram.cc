#include <vector>

#include "aimc_tile/core/tests/check.hh"
#include "aimc_tile/core/tests/random.hh"
#include "harness/engines/embedded/native/dram.hh"
#include "harness/engines/embedded/native/tests/reference_dram.hh"

using aimc::embedded::Dram;
using aimc::embedded::DramParams;
using aimc::embedded::Femtoseconds;
using aimc::embedded::LineNumber;
using aimc_test::Random;
using aimc_test::ReferenceDram;

namespace {

constexpr LineNumber kRow = 4;  // lines
constexpr LineNumber kBanks = 4;

// Round numbers, so that every time below can be worked out by hand.
DramParams params_of() {
  DramParams params;
  params.latency_fs = 1000;
  params.line_fs = 10;
  params.row_lines = kRow;
  params.banks = kBanks;
  params.activate_fs = 100;
  params.precharge_fs = 50;
  params.row_open_fs = 300;
  params.same_bank_fs = 20;
  params.turnaround_fs = 70;
  params.refresh_interval_fs = 100000;
  params.refresh_fs = 500;
  return params;
}

LineNumber line_in(LineNumber bank, LineNumber row, LineNumber line = 0) {
  return (row * kBanks + bank) * kRow + line;
}

// When the channel begins with the line, of a read at `now`.
Femtoseconds given(Dram& dram, LineNumber line, Femtoseconds now) {
  return dram.read(line, now) - 900;
}

void read(Dram& dram, LineNumber line, Femtoseconds now, int times) {
  for (int i = 0; i < times; ++i) dram.read(line, now);
}

void write(Dram& dram, LineNumber line, Femtoseconds now, int times) {
  for (int i = 0; i < times; ++i) dram.write(line, now);
}

}  // namespace

TEST(dram_a_closed_row_takes_the_latency_and_an_open_one_less) {
  Dram dram(params_of());
  CHECK_EQUAL(dram.read(line_in(0, 0, 0), 5000), 6000);
  CHECK_EQUAL(dram.read(line_in(0, 0, 3), 6000), 6900);
  CHECK_EQUAL(dram.activates(), 1u);
  CHECK_EQUAL(dram.read(line_in(1, 0, 0), 6000), 7000);
  CHECK_EQUAL(dram.read(line_in(3, 7, 2), 6000), 7010);  // a bank of its own, one channel
  CHECK_EQUAL(dram.activates(), 3u);
}

TEST(dram_lines_of_a_bank_keep_their_distance) {
  Dram dram(params_of());
  CHECK_EQUAL(given(dram, line_in(0, 0, 0), 0), 100);
  CHECK_EQUAL(given(dram, line_in(0, 0, 1), 0), 120);
  CHECK_EQUAL(given(dram, line_in(0, 0, 2), 139), 140);
  CHECK_EQUAL(given(dram, line_in(0, 0, 3), 161), 161);
}

TEST(dram_another_row_waits_until_the_open_one_may_close) {
  Dram dram(params_of());
  CHECK_EQUAL(given(dram, line_in(0, 0), 0), 100);
  CHECK_EQUAL(given(dram, line_in(0, 1), 50), 300 + 50 + 100);
  CHECK_EQUAL(given(dram, line_in(0, 0), 2000), 2000 + 50 + 100);
  CHECK_EQUAL(dram.activates(), 3u);
}

TEST(dram_a_row_is_closed_after_sixteen_lines) {
  for (const bool long_open : {false, true}) {
    DramParams params = params_of();
    if (long_open) params.row_open_fs = 1000;
    Dram dram(params);
    for (int i = 0; i < 16; ++i) CHECK_EQUAL(given(dram, line_in(0, 0), 0), 100 + 20 * i);
    CHECK_EQUAL(dram.activates(), 1u);
    const Femtoseconds closed = long_open ? 1000 : 410;
    CHECK_EQUAL(given(dram, line_in(0, 0), 0), closed + 50 + 100);
    CHECK_EQUAL(dram.activates(), 2u);
    for (int i = 1; i < 16; ++i) dram.read(line_in(0, 0), 0);
    CHECK_EQUAL(dram.activates(), 2u);
    dram.read(line_in(0, 0), 0);
    CHECK_EQUAL(dram.activates(), 3u);
  }
}

TEST(dram_a_line_whose_bank_is_ready_goes_before_those_that_wait) {
  Dram dram(params_of());
  CHECK_EQUAL(given(dram, line_in(0, 0), 0), 100);
  CHECK_EQUAL(given(dram, line_in(0, 1), 0), 450);  // the channel idles from 110
  CHECK_EQUAL(given(dram, line_in(1, 0), 0), 110);
  CHECK_EQUAL(given(dram, line_in(1, 0), 0), 130);  // and from 120 to 130, as long as a line
  CHECK_EQUAL(given(dram, line_in(2, 0), 0), 120);
  CHECK_EQUAL(given(dram, line_in(3, 0), 0), 140);
  CHECK_EQUAL(given(dram, line_in(1, 0), 440), 440);  // ends where the waiting line begins
  CHECK_EQUAL(given(dram, line_in(2, 0), 440), 460);
}

TEST(dram_an_idle_time_shorter_than_a_line_is_not_used) {
  Dram dram(params_of());
  CHECK_EQUAL(given(dram, line_in(0, 0), 0), 100);
  CHECK_EQUAL(given(dram, line_in(0, 1), 0), 450);
  CHECK_EQUAL(given(dram, line_in(1, 0), 441), 460 + 81);  // its row opens first
  CHECK_EQUAL(given(dram, line_in(1, 0), 441), 561);
  CHECK_EQUAL(given(dram, line_in(2, 0), 341), 441 + 19);  // 441 to 451 does not fit
}

TEST(dram_the_idle_time_on_either_side_of_a_line_stays_of_use) {
  DramParams params = params_of();
  params.same_bank_fs = 100;
  Dram dram(params);
  CHECK_EQUAL(given(dram, line_in(0, 0), 0), 100);
  CHECK_EQUAL(given(dram, line_in(0, 1), 0), 450);  // the channel idles from 110
  CHECK_EQUAL(given(dram, line_in(1, 0), 0), 110);
  CHECK_EQUAL(given(dram, line_in(1, 0), 0), 210);  // and now from 120 and from 220
  CHECK_EQUAL(given(dram, line_in(2, 0), 100), 200);
  CHECK_EQUAL(given(dram, line_in(3, 0), 115), 220);
}

TEST(dram_an_idle_time_as_long_as_a_line_is_used) {
  DramParams params = params_of();
  params.same_bank_fs = 10;
  Dram before(params);
  CHECK_EQUAL(given(before, line_in(0, 0), 0), 100);
  CHECK_EQUAL(given(before, line_in(1, 0), 20), 120);  // the channel idles from 110
  CHECK_EQUAL(given(before, line_in(0, 0), 20), 110);
  Dram behind(params);
  CHECK_EQUAL(given(behind, line_in(0, 0), 0), 100);
  CHECK_EQUAL(given(behind, line_in(0, 1), 0), 450);
  CHECK_EQUAL(given(behind, line_in(1, 0), 330), 430);  // and then from 440
  CHECK_EQUAL(given(behind, line_in(2, 0), 340), 440);
}

TEST(dram_a_refresh_closes_all_rows_and_all_wait) {
  Dram dram(params_of());
  dram.read(line_in(0, 0), 99000);
  CHECK_EQUAL(given(dram, line_in(0, 0), 99999), 99999);
  CHECK_EQUAL(given(dram, line_in(0, 0), 100000), 100000 + 50 + 500 + 100);
  CHECK_EQUAL(given(dram, line_in(1, 0), 100001), 100660);
  CHECK_EQUAL(dram.activates(), 3u);
  CHECK_EQUAL(given(dram, line_in(0, 0), 199999), 199999);
  // Two are due, and only the last one is still under way.
  CHECK_EQUAL(given(dram, line_in(0, 0), 300200), 300650);
  CHECK_EQUAL(given(dram, line_in(2, 0), 301000), 301100);
  CHECK_EQUAL(given(dram, line_in(2, 0), 400000), 400650);
}

TEST(dram_writes_wait_until_so_many_do_and_go_in_batches) {
  Dram dram(params_of());
  write(dram, line_in(0, 0), 0, 16);
  write(dram, line_in(1, 0), 0, 48);
  CHECK_EQUAL(dram.activates(), 0u);
  dram.write(line_in(2, 0), 0);
  CHECK_EQUAL(dram.activates(), 1u);  // the sixteen oldest, which use up their row
  write(dram, line_in(3, 0), 100000, 15);
  CHECK_EQUAL(dram.activates(), 1u);
  dram.write(line_in(3, 0), 200000);
  CHECK_EQUAL(dram.activates(), 2u);
}

TEST(dram_writes_wait_while_the_channel_is_taken_unless_a_read_opens_it) {
  for (const Femtoseconds now : {109, 110}) {
    Dram dram(params_of());
    dram.read(line_in(0, 0), 0);  // until 110
    write(dram, line_in(1, 0), now, 65);
    CHECK_EQUAL(dram.activates(), now < 110 ? 1u : 2u);
  }
  Dram dram(params_of());
  dram.read(line_in(0, 0), 0);
  write(dram, line_in(1, 0), 50, 64);
  CHECK_EQUAL(given(dram, line_in(0, 0), 60), 120);
  CHECK_EQUAL(dram.activates(), 1u);
  dram.write(line_in(1, 0), 70);
  CHECK_EQUAL(dram.activates(), 1u);
  CHECK_EQUAL(given(dram, line_in(0, 0), 80), 140);
  // The batch begins with that read: its row opens at 140, and its lines move from 240 on.
  CHECK_EQUAL(dram.activates(), 2u);
  CHECK_EQUAL(given(dram, line_in(1, 0), 540), 140 + 100 + 15 * 20 + 10 + 50 + 100);
}

TEST(dram_reads_wait_for_the_turnaround_after_writes) {
  DramParams params = params_of();
  params.same_bank_fs = params.line_fs;  // no idle time between
  Dram dram(params);
  write(dram, line_in(0, 0), 0, 65);
  CHECK_EQUAL(given(dram, line_in(1, 0), 0), 100 + 16 * 10 + 70);
}

TEST(dram_open_time_is_that_of_any_row) {
  Dram dram(params_of());
  CHECK_EQUAL(dram.open_until(500), 0);
  dram.read(line_in(0, 0), 2000);
  CHECK_EQUAL(dram.open_until(3000), 1000);
  CHECK_EQUAL(dram.open_until(2500), 1000);  // never less
  dram.read(line_in(1, 0), 4000);
  CHECK_EQUAL(dram.open_until(5000), 3000);
  dram.read(line_in(0, 1), 6000);
  CHECK_EQUAL(dram.open_until(7000), 5000);
}

TEST(dram_open_time_leaves_out_the_time_between_rows) {
  Dram dram(params_of());
  dram.read(line_in(0, 0), 0);
  dram.read(line_in(0, 1), 600);
  CHECK_EQUAL(dram.open_until(1000), 1000 - 50);
  read(dram, line_in(0, 1), 1000, 15);  // the last one from 1280 to 1290
  CHECK_EQUAL(dram.open_until(5000), 1290 - 50);
  dram.read(line_in(0, 1), 6000);
  CHECK_EQUAL(dram.open_until(6500), 1290 - 50 + 500);
}

TEST(dram_open_time_lasts_until_the_last_of_several_rows_closes) {
  // Bank 0 closes at 300 and bank 1 at 500, whichever of the two is used up first.
  for (const bool later_first : {false, true}) {
    DramParams params = params_of();
    params.same_bank_fs = 1;
    params.line_fs = 1;
    Dram dram(params);
    read(dram, line_in(0, 0), 0, 15);
    read(dram, line_in(1, 0), 200, later_first ? 16 : 15);
    CHECK_EQUAL(given(dram, line_in(0, 0), 250), 250);
    read(dram, line_in(1, 0), 260, later_first ? 0 : 1);
    CHECK_EQUAL(dram.open_until(1000), 500);
    CHECK_EQUAL(dram.open_until(9000), 500);
  }
}

TEST(dram_open_time_ends_with_a_refresh) {
  Dram dram(params_of());
  dram.read(line_in(0, 0), 99000);
  dram.read(line_in(1, 0), 99500);
  CHECK_EQUAL(dram.open_until(350000), 1000);
  dram.read(line_in(0, 0), 350000);
  CHECK_EQUAL(dram.open_until(360000), 11000);
  dram.read(line_in(0, 0), 400000);  // opens once the refresh is over
  CHECK_EQUAL(dram.open_until(401000), 51000 + 450);
}

TEST(dram_open_time_ends_with_a_refresh_before_a_row_was_to_close) {
  DramParams params = params_of();
  params.refresh_interval_fs = 700;
  Dram dram(params);
  dram.read(line_in(1, 0), 0);
  read(dram, line_in(0, 0), 390, 16);  // until 800
  CHECK_EQUAL(dram.open_until(2000), 700);
}

// Random lines, against lists of all that has been.  Loads are so light, or banks so few, that no
// two idle times of the channel compete.
TEST(dram_equals_the_reference) {
  struct Load {
    int banks;
    uint32_t lines, interval, writes_in_16;
  };
  for (const Load& load : std::vector<Load>{{1, 64, 50, 4},
                                            {1, 4096, 50, 4},
                                            {2, 4096, 4000, 0},
                                            {4, 64, 400, 0},
                                            {8, 64, 4000, 0},
                                            {8, 4096, 4000, 0}}) {
    DramParams params = params_of();
    params.latency_fs = 617;
    params.line_fs = 33;
    params.row_lines = 16;
    params.banks = load.banks;
    params.activate_fs = 142;
    params.precharge_fs = 141;
    params.row_open_fs = 320;
    params.same_bank_fs = 50;
    params.turnaround_fs = 75;
    params.refresh_interval_fs = 39000;
    params.refresh_fs = 3500;
    Dram dram(params);
    ReferenceDram reference(params);
    Random random(1);
    Femtoseconds now = 0;
    for (int i = 0; i < 5000; ++i) {
      const LineNumber line = random.below(load.lines);
      now += random.below(load.interval);
      if (load.writes_in_16 > 0 && random.below(16) < load.writes_in_16) {
        dram.write(line, now);
        reference.write(line, now);
      } else {
        CHECK_EQUAL(dram.read(line, now), reference.read(line, now));
      }
      CHECK_EQUAL(dram.activates(), reference.activates());
    }
  }
}
