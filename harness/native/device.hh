// The whole tile device for Python, with a numpy array as the memory that its DMA reaches.
#ifndef HARNESS_NATIVE_DEVICE_HH
#define HARNESS_NATIVE_DEVICE_HH

#include <nanobind/nanobind.h>

void bind_device(nanobind::module_& module);

#endif  // HARNESS_NATIVE_DEVICE_HH
