// The Python module `harness._tile`.
#include <nanobind/nanobind.h>

#include "harness/native/batch.hh"
#include "harness/native/device.hh"

NB_MODULE(_tile, module) {
  module.doc() = "The AIMC tile of aimc_tile/core.";
  bind_batch(module);
  bind_device(module);
}
