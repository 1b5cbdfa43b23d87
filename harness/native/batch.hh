// Many MVMs of one tile at once, for the reference: no registers, no time.
#ifndef HARNESS_NATIVE_BATCH_HH
#define HARNESS_NATIVE_BATCH_HH

#include <nanobind/nanobind.h>

void bind_batch(nanobind::module_& module);

#endif  // HARNESS_NATIVE_BATCH_HH
