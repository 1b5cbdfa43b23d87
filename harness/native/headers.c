#include "harness/native/headers.h"

#include "aimc_tile/core/registers.h"
#include "kernels/include/aimc_layout.h"
#include "kernels/include/aimc_runtime.h"
#include "kernels/include/platform.h"
#include "kernels/src/band.h"
#include "kernels/src/convolve.h"

const struct header_constant header_constants[] = {
#define CONSTANT(name) {#name, (int64_t)(name)},
#include "header_constants.inc"
#undef CONSTANT
#define REGISTER(name, offset, bytes, access, what) {"AIMC_REG_" #name, offset},
    AIMC_TILE_REGISTERS(REGISTER)
#undef REGISTER
#define WINDOW(name, offset, bytes, access, what) {"AIMC_WINDOW_" #name, offset},
        AIMC_TILE_WINDOWS(WINDOW)
#undef WINDOW
            {"AIMC_DESCRIPTOR_BYTES", sizeof(struct aimc_descriptor)},
    {0, 0},
};

static struct convolution convolution_of(const struct aimc_window* window, int32_t pixel_bytes,
                                         int32_t groups) {
  return (struct convolution){
      .window = window, .size = 1, .in_channels = pixel_bytes, .groups = groups};
}

struct conv_taps header_conv_taps(const struct aimc_window* window, int32_t pixel_bytes,
                                  int32_t groups) {
  const struct convolution op = convolution_of(window, pixel_bytes, groups);
  return (struct conv_taps){chunks_of(&op), taps_in_row(&op), gathers_patches(&op)};
}

int64_t header_convolve_scratch_bytes(const struct aimc_window* window, int32_t pixel_bytes,
                                      int32_t groups) {
  const struct convolution op = convolution_of(window, pixel_bytes, groups);
  return convolve_scratch_bytes(&op);
}

int64_t header_band_bytes(const struct aimc_window* window, int32_t pixel_bytes) {
  return plan_band(window, pixel_bytes, 1).bytes;
}
