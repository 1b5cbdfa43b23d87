#include "activity.hh"

#include <utility>

namespace aimc::embedded {

// A cycle beyond the window, or before it.
void Activity::mark_far(uint64_t at) {
  if (at < kBits) words_[at / 64] |= uint64_t{1} << (at % 64);
  overruns_ += at <= INT64_MAX;
}

void Activity::remove_first() {
  size_t kept = 0;
  Cycle next = INT64_MAX;
  for (size_t i = 0; i < awaited_count_; ++i) {
    if (awaited_[i].arrival == first_awaited_) continue;
    next = std::min(next, awaited_[i].arrival);
    awaited_[kept++] = awaited_[i];
  }
  awaited_count_ = kept;
  first_awaited_ = next;
}

// Keeps the bit of the cycle before `cycle`, which an arrival at `cycle` queries.
void Activity::advance(Cycle cycle) {
  const auto words = static_cast<uint64_t>((cycle - 1 - base_) / 64);
  base_ += static_cast<Cycle>(64 * words);
  for (size_t i = 0; i < kWords; ++i) words_[i] = i + words < kWords ? words_[i + words] : 0;
}

Delay Activity::delay_from(Cycle cycle) {
  Delay delay{cycle, Delay::kEver};
  for (size_t i = 0; i < awaited_count_; ++i) {
    const auto [asked, arrival] = awaited_[i];
    if (asked < cycle && arrival - cycle > kLongWait && !marked(arrival - 1)) {
      delay.to = std::min(delay.to, arrival);
    }
  }
  return delay;
}

void Activity::apply(Delay delay) {
  first_awaited_ = INT64_MAX;
  for (size_t i = 0; i < awaited_count_; ++i) {
    delay.apply(awaited_[i].asked);
    delay.apply(awaited_[i].arrival);
    first_awaited_ = std::min(first_awaited_, awaited_[i].arrival);
  }
  const auto at = static_cast<uint64_t>(std::max(delay.from, base_) - base_);
  if (at >= kBits) return;
  overruns_ += words_[kWords - 1] != 0;
  const std::array<uint64_t, kWords> unchanged = words_;
  const size_t word = at / 64;
  for (size_t i = kWords - 1; i > word; --i) words_[i] = words_[i] << 1 | words_[i - 1] >> 63;
  const uint64_t before = (uint64_t{1} << (at % 64)) - 1;
  words_[word] = (words_[word] & before) | (words_[word] & ~before) << 1;
  const auto end = static_cast<uint64_t>(delay.to - base_);
  if (end >= kBits) return;
  const uint64_t below = (uint64_t{1} << (end % 64)) - 1;
  words_[end / 64] = (words_[end / 64] & below) | (unchanged[end / 64] & ~below);
  for (size_t i = end / 64 + 1; i < kWords; ++i) words_[i] = unchanged[i];
}

void Activity::save(StateWriter& state, Cycle front) const {
  state.small(static_cast<unsigned>(awaited_count_));
  std::array<Awaited, kAwaited> sorted = awaited_;
  std::sort(sorted.begin(), sorted.begin() + awaited_count_,
            [](const Awaited& a, const Awaited& b) {
              return std::pair(a.arrival, a.asked) < std::pair(b.arrival, b.asked);
            });
  for (size_t i = 0; i < awaited_count_; ++i) {
    state.exact(sorted[i].asked);
    state.exact(sorted[i].arrival);
  }
  state.require(awaited_count_ < kAwaited);
  // Bytes from `front` on, up to the last that is not 0.
  const std::array<uint64_t, kWords> ahead = words_from(front);
  size_t count = kWords;
  while (count > 0 && ahead[count - 1] == 0) --count;
  const size_t bytes = count == 0 ? 0 : 8 * count - __builtin_clzll(ahead[count - 1]) / 8;
  state.require(8 * bytes < kFar);
  state.small(static_cast<unsigned>(bytes));
  for (size_t i = 0; i < bytes; ++i) {
    state.small(static_cast<unsigned>(ahead[i / 8] >> (8 * (i % 8)) & 255));
  }
}

// The bits of `front` and what follows.
std::array<uint64_t, Activity::kWords> Activity::words_from(Cycle front) const {
  std::array<uint64_t, kWords> words{};
  const auto at = static_cast<uint64_t>(front - base_);
  for (size_t i = at / 64, to = 0; i < kWords; ++i, ++to) {
    words[to] = words_[i] >> (at % 64);
    if (at % 64 != 0 && i + 1 < kWords) words[to] |= words_[i + 1] << (64 - at % 64);
  }
  return words;
}

void Activity::load(StateReader& state, Cycle front) {
  awaited_count_ = state.small();
  first_awaited_ = INT64_MAX;
  for (size_t i = 0; i < awaited_count_; ++i) {
    awaited_[i].asked = state.cycle();
    awaited_[i].arrival = state.cycle();
    first_awaited_ = std::min(first_awaited_, awaited_[i].arrival);
  }
  words_ = {};
  base_ = base_of(front);
  const auto first = static_cast<size_t>(front - base_);
  const size_t bytes = state.small();
  for (size_t i = 0; i < bytes; ++i) {
    const uint64_t byte = state.small();
    const size_t at = first + 8 * i;
    words_[at / 64] |= byte << (at % 64);
    if (at % 64 > 56) words_[at / 64 + 1] |= byte >> (64 - at % 64);
  }
}

}  // namespace aimc::embedded
