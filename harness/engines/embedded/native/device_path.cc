#include "device_path.hh"

#include <algorithm>

#include "clock.hh"

namespace aimc::embedded {

namespace {

// The system crossbar's latency of an answer, and the beat of a load's data.
constexpr Femtoseconds kAnswer = 2 * kSystemPeriod;
constexpr Femtoseconds kBeat = kSystemPeriod;
// The crossbar between the caches, on the way there.
constexpr int kL2CrossbarCycles = 1;

}  // namespace

DevicePath::DevicePath(const AttachParams& attach, const CachesParams& caches, Femtoseconds period)
    : through_caches_(attach.through_caches),
      period_(period),
      load_(stages(attach.load, caches, false)),
      store_(stages(attach.store, caches, true)) {}

DevicePath::Stages DevicePath::stages(const AccessParams& access, const CachesParams& caches,
                                      bool store) const {
  Stages stages;
  stages.extra_beat = access.extra_beat_fs;
  if (!through_caches_) {
    stages.to_device = access.time_fs;
    return stages;
  }
  const int l1 = caches.l1d.hit_latency_cycles;
  const int l2 = caches.l2.hit_latency_cycles;
  const int there = std::min(kL2CrossbarCycles, access.cycles);
  const Femtoseconds beat = store ? 0 : kBeat;
  stages.to_crossbar = (l1 + there + l2) * period_;
  stages.to_device = std::max<Femtoseconds>(access.time_fs - kAnswer - beat, 0);
  stages.through_l2 = l2 * period_ + beat;
  stages.to_core = (access.cycles - there + l1) * period_;
  return stages;
}

Femtoseconds DevicePath::period() const { return through_caches_ ? kSystemPeriod : period_; }

Femtoseconds DevicePath::arrival(Femtoseconds start, uint32_t bytes, bool store) const {
  const Stages& stages = store ? store_ : load_;
  const auto further_beats = static_cast<Femtoseconds>((bytes + 7) / 8 - 1);
  const Femtoseconds to_device = stages.to_device + further_beats * stages.extra_beat;
  if (!through_caches_) return start + to_device;
  return up_to_edge(start + stages.to_crossbar, kSystemPeriod) + to_device;
}

Femtoseconds DevicePath::answer(Femtoseconds done, bool store) const {
  if (!through_caches_) return done;
  const Stages& stages = store ? store_ : load_;
  const Femtoseconds at_l2 = up_to_edge(done, kSystemPeriod) + kAnswer;
  const Femtoseconds behind_l2 = up_to_edge(at_l2, period_) + stages.through_l2;
  return up_to_edge(behind_l2, period_) + stages.to_core;
}

}  // namespace aimc::embedded
