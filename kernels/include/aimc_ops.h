/* Operators of the integer network (harness/quant/program.py) and of its analog layers
 * (harness/placement/plan.py), bit-exact with their definitions there.
 *
 * A generated program describes every layer by one `static const struct aimc_<op>` and calls
 *
 *     aimc_conv(&conv1, input, output, scratch);
 *
 * which is aimc_conv_neon (Advanced SIMD with dot product), or aimc_conv_ref (plain C) where
 * AIMC_REFERENCE_KERNELS is defined.
 *
 * Memory
 *   Activations are NHWC int8 without the batch axis and without channel padding: pixel (y, x) of
 *   an (h, w, c) map is at (y * w + x) * c; a vector is a 1 x 1 map.
 *   Every activation buffer and the scratch buffer start on a multiple of AIMC_ALIGN bytes and are
 *   followed by AIMC_SLACK bytes that may be read (their values do not matter).  Nothing is ever
 *   written beyond a tensor's last element.  Input and output must not overlap, except in
 *   aimc_add, aimc_clip and aimc_lookup, whose output may be an input itself.
 *   Scratch holds nothing between calls: one buffer as large as the largest request serves the
 *   whole network.  harness/codegen/packing.py computes the requests (conv_scratch_bytes, ...).
 *   Weights, biases and requantization arrays have the layouts that the functions named below in
 *   harness/codegen/packing.py return, and start on a multiple of AIMC_ALIGN bytes; what kernels
 *   read beyond their end is part of the returned arrays.
 */
#ifndef AIMC_OPS_H
#define AIMC_OPS_H

#include "aimc_tiles.h"
#include "ops/add.h"
#include "ops/analog.h"
#include "ops/avgpool.h"
#include "ops/clip.h"
#include "ops/concat.h"
#include "ops/conv.h"
#include "ops/copies.h"
#include "ops/dense.h"
#include "ops/depthwise.h"
#include "ops/lookup.h"
#include "ops/maxpool.h"
#include "ops/reshape.h"
#include "ops/softmax.h"

#endif
