#include "harness/engines/embedded/native/tests/reference_dram.hh"

#include <algorithm>

namespace aimc_test {

ReferenceDram::Time ReferenceDram::read(int64_t line, Time now) {
  const Time given = command(line, now);
  if (waiting_.size() > 64) write_waiting(given);
  return given + params_.latency_fs - params_.activate_fs;
}

void ReferenceDram::write(int64_t line, Time now) {
  waiting_.push_back(line);
  const bool idle = busy_.empty() || busy_.rbegin()->second <= now;
  if (waiting_.size() > 64 && idle) write_waiting(now);
}

void ReferenceDram::write_waiting(Time now) {
  for (int i = 0; i < 16; ++i) {
    now = command(waiting_.front(), now);
    waiting_.erase(waiting_.begin());
  }
  const Time end = busy_.rbegin()->second;
  busy_[end] = end + params_.turnaround_fs;
}

void ReferenceDram::refresh(Time now) {
  while ((refreshes_ + 1) * params_.refresh_interval_fs <= now) {
    const Time begin = ++refreshes_ * params_.refresh_interval_fs;
    for (Bank& bank : banks_) {
      bank.row = -1;
      bank.next_opens = begin + params_.precharge_fs + params_.refresh_fs;
    }
  }
}

ReferenceDram::Time ReferenceDram::first_free(Time earliest) const {
  Time time = earliest;
  const Time longest = std::max(params_.line_fs, params_.turnaround_fs);
  for (auto at = busy_.lower_bound(earliest - longest); at != busy_.end(); ++at) {
    if (at->first < time + params_.line_fs && time < at->second) time = at->second;
  }
  return time;
}

ReferenceDram::Time ReferenceDram::command(int64_t line, Time now) {
  refresh(now);
  const int64_t banks = params_.banks;
  Bank& bank = banks_[static_cast<size_t>(line / params_.row_lines % banks)];
  const int64_t row = line / params_.row_lines / banks;
  if (bank.row != row) {
    if (bank.row != -1) {
      const Time closes = std::max(now, bank.opened + params_.row_open_fs);
      bank.next_opens = std::max(bank.next_opens, closes + params_.precharge_fs);
    }
    bank.row = row;
    bank.lines = 0;
    bank.opened = std::max(now, bank.next_opens);
    bank.next_line = bank.opened + params_.activate_fs;
    ++activates_;
  }
  const Time given = first_free(std::max(now, bank.next_line));
  busy_[given] = given + params_.line_fs;
  bank.next_line = given + params_.same_bank_fs;
  if (++bank.lines == 16) {
    const Time closes = std::max(given + params_.line_fs, bank.opened + params_.row_open_fs);
    bank.row = -1;
    bank.next_opens = closes + params_.precharge_fs;
  }
  return given;
}

}  // namespace aimc_test
