#include "activity.hh"

#include <utility>

namespace aimc::embedded {

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

// Keeps the bit before `cycle`, which an arrival at `cycle` asks for.
void Activity::advance(Cycle cycle) {
  const auto words = static_cast<uint64_t>((cycle - 1 - base_) / 64);
  if (words == 0) return;
  base_ += static_cast<Cycle>(64 * words);
  for (size_t i = 0; i < kWords; ++i) words_[i] = i + words < kWords ? words_[i + words] : 0;
}

Delay Activity::delay_from(Cycle cycle) const {
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

bool Activity::any_from(Cycle cycle) const {
  const auto at = static_cast<uint64_t>(cycle - base_);
  if (at >= kBits) return false;
  bool any = (words_[at / 64] >> (at % 64)) != 0;
  for (size_t i = at / 64 + 1; i < kWords; ++i) any |= words_[i] != 0;
  return any;
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
  state.require(!any_from(front + static_cast<Cycle>(8 * kSavedBytes)));
  for (size_t i = 0; i < kSavedBytes; ++i) {
    unsigned byte = 0;
    for (unsigned bit = 0; bit < 8; ++bit) {
      byte |= static_cast<unsigned>(marked(front + static_cast<Cycle>(8 * i + bit))) << bit;
    }
    state.small(byte);
  }
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
  base_ = front;
  for (size_t i = 0; i < kSavedBytes; ++i) {
    words_[i / 8] |= static_cast<uint64_t>(state.small()) << (8 * (i % 8));
  }
}

}  // namespace aimc::embedded
