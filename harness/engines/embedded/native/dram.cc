#include "dram.hh"

#include <algorithm>

namespace aimc::embedded {

Dram::Dram(const DramParams& params)
    : params_(params),
      lines_in_row_(static_cast<LineNumber>(params.row_lines)),
      banks_(static_cast<size_t>(params.banks)),
      next_refresh_(params.refresh_interval_fs) {}

// Refreshes that are due by `now` close all rows.  Returns when the last of them has ended, or
// `now`.
Femtoseconds Dram::after_refresh(Femtoseconds now) {
  if (now < next_refresh_) return now;
  const Femtoseconds passed = (now - next_refresh_) / params_.refresh_interval_fs;
  const Femtoseconds last = next_refresh_ + passed * params_.refresh_interval_fs;
  next_refresh_ = last + params_.refresh_interval_fs;
  const Femtoseconds over = last + params_.precharge_fs + params_.refresh_fs;
  count_open(last - passed * params_.refresh_interval_fs);
  banks_open_ = 0;
  last_closes_ = 0;
  for (Bank& bank : banks_) {
    bank.row = -1;
    bank.closed = over;
  }
  return std::max(now, over);
}

Femtoseconds Dram::command(LineNumber line, Femtoseconds now) {
  now = after_refresh(now);
  const LineNumber row_of_all = line / lines_in_row_;
  Bank& bank = banks_[row_of_all % banks_.size()];
  const auto row = static_cast<int64_t>(row_of_all / banks_.size());
  if (bank.row != row) {
    Femtoseconds open_at = std::max(now, bank.closed);
    if (bank.row >= 0) {
      const Femtoseconds close_at = std::max(now, bank.activated + params_.row_open_fs);
      open_at = std::max(open_at, close_at + params_.precharge_fs);
      close(close_at);
    }
    count_open(open_at);
    ++banks_open_;
    ++activates_;
    bank.row = row;
    bank.uses = 0;
    bank.activated = open_at;
    bank.ready = open_at + params_.activate_fs;
  }
  const Femtoseconds given = take_channel(std::max(now, bank.ready), now);
  bank.ready = given + params_.same_bank_fs;
  if (++bank.uses == kUsesOfRow) {
    const Femtoseconds close_at =
        std::max(given + params_.line_fs, bank.activated + params_.row_open_fs);
    bank.row = -1;
    bank.closed = close_at + params_.precharge_fs;
    close(close_at);
  }
  return given;
}

// The channel's first free time for a line from `earliest` on.  A line whose bank is ready passes
// earlier lines that wait for their banks.
Femtoseconds Dram::take_channel(Femtoseconds earliest, Femtoseconds now) {
  const Femtoseconds takes = params_.line_fs;
  gaps_.erase(
      std::remove_if(gaps_.begin(), gaps_.end(), [now](const Gap& gap) { return gap.end <= now; }),
      gaps_.end());
  for (Gap& gap : gaps_) {
    const Femtoseconds given = std::max(gap.begin, earliest);
    if (given + takes > gap.end) continue;
    const Gap rest{given + takes, gap.end};
    gap.end = given;
    if (rest.end - rest.begin >= takes) gaps_.push_back(rest);
    return given;
  }
  const Femtoseconds given = std::max(earliest, channel_free_);
  const Gap before{std::max(channel_free_, now), given};
  if (before.end - before.begin >= takes) gaps_.push_back(before);
  channel_free_ = given + takes;
  return given;
}

// The open row of one bank is closed at `at`, which may be in the future.
void Dram::close(Femtoseconds at) {
  last_closes_ = std::max(last_closes_, at);
  if (--banks_open_ == 0) count_open(at);
}

void Dram::count_open(Femtoseconds until) {
  if (until <= open_counted_to_) return;
  const Femtoseconds end = banks_open_ > 0 ? until : std::min(until, last_closes_);
  open_ += std::max(Femtoseconds{0}, end - open_counted_to_);
  open_counted_to_ = until;
}

Femtoseconds Dram::open_until(Femtoseconds now) {
  after_refresh(now);
  count_open(now);
  return open_;
}

Femtoseconds Dram::read(LineNumber line, Femtoseconds now) {
  const Femtoseconds given = command(line, now);
  if (writes_.size() > kWritesWaiting) write_batch(given);
  return given + params_.latency_fs - params_.activate_fs;
}

void Dram::write(LineNumber line, Femtoseconds now) {
  writes_.push_back(line);
  if (writes_.size() > kWritesWaiting && channel_free_ <= now) write_batch(now);
}

void Dram::write_batch(Femtoseconds now) {
  Femtoseconds given = now;
  for (size_t i = 0; i < kWriteBatch; ++i) given = command(writes_[i], given);
  channel_free_ += params_.turnaround_fs;
  writes_.erase(writes_.begin(), writes_.begin() + kWriteBatch);
}

}  // namespace aimc::embedded
