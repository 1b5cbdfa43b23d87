/* Gathering convolution patches: the inputs of one output pixel in (ky, kx, channel) order. */
#ifndef AIMC_PATCH_H
#define AIMC_PATCH_H

#include <stdint.h>

#include "aimc_ops.h"

/* Gathers the patches of output pixels [first, first + count), raster order, to patches + i *
 * stride.  A patch takes `channels` consecutive ones of the map's `in_channels`, from `in` on;
 * padding gives zeros.  Up to 15 bytes beyond a patch are overwritten. */
void gather_patches(const struct aimc_window* window, int32_t in_channels, int32_t channels,
                    const int8_t* in, int64_t first, int32_t count, int8_t* patches,
                    int64_t stride);

#endif
