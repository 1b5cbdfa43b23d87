// The way of an access of the core to a device, and of its answer.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_DEVICE_PATH_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_DEVICE_PATH_HH_

#include <cstdint>

#include "params.hh"

namespace aimc::embedded {

// Without caches in between the way takes a fixed time, and the answer none.
//
// Through the caches an access takes each cache's latency there and back, and crosses to the system
// crossbar, whose edges the request, the device's answer and the core's caches wait for.  Stages
// and latencies are those of gem5's caches and crossbars (src/mem/cache/base.cc, coherent_xbar.cc).
class DevicePath {
 public:
  DevicePath(const AttachParams& attach, const CachesParams& caches, Femtoseconds period);

  // The clock whose edges accesses wait for.
  Femtoseconds period() const;

  // When an access that issues at `start` is at the device.
  Femtoseconds arrival(Femtoseconds start, uint32_t bytes, bool store) const;

  // When the core has the answer of a device that is done at `done`.
  Femtoseconds answer(Femtoseconds done, bool store) const;

 private:
  struct Stages {
    Femtoseconds to_crossbar = 0;
    Femtoseconds to_device = 0;
    Femtoseconds extra_beat = 0;
    Femtoseconds through_l2 = 0;  // of the answer
    Femtoseconds to_core = 0;
  };

  Stages stages(const AccessParams& access, const CachesParams& caches, bool store) const;

  bool through_caches_;
  Femtoseconds period_;
  Stages load_;
  Stages store_;
};

}  // namespace aimc::embedded

#endif
