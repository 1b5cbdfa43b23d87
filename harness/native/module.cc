// The Python module `harness._tile`.
#include <nanobind/nanobind.h>

#include "harness/native/batch.hh"

NB_MODULE(_tile, module) {
  module.doc() = "The AIMC tile of aimc_tile/core.";
  bind_batch(module);
}
