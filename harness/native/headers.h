/* What the C headers of kernels and tiles say, compiled for the host; headers.cc hands it to
 * Python. */
#ifndef HARNESS_NATIVE_HEADERS_H
#define HARNESS_NATIVE_HEADERS_H

#include <stdint.h>

#include "kernels/include/aimc_window.h"

#ifdef __cplusplus
extern "C" {
#endif

struct header_constant {
  const char* name;
  int64_t value;
};

/* Every integer macro and register offset of kernels/include and aimc_tile/core/registers.h; the
 * last one has no name. */
extern const struct header_constant header_constants[];

/* How kernels/src/convolve.h takes the inputs of a convolution. */
struct conv_taps {
  int32_t chunks;
  int32_t in_row;
  int32_t gathers;
};

struct conv_taps header_conv_taps(const struct aimc_window* window, int32_t pixel_bytes,
                                  int32_t groups);

/* Scratch of kernels/src/convolve.h. */
int64_t header_convolve_scratch_bytes(const struct aimc_window* window, int32_t pixel_bytes,
                                      int32_t groups);

/* Size of the copy that kernels/src/band.h plans. */
int64_t header_band_bytes(const struct aimc_window* window, int32_t pixel_bytes);

#ifdef __cplusplus
}
#endif

#endif
