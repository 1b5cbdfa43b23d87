/* What the analog drivers share: what becomes of codes. */
#ifndef AIMC_ANALOG_H
#define AIMC_ANALOG_H

#include <stdint.h>

#include "aimc_ops.h"

/* Of `columns` of the layer, a column. */
#define ANALOG_COLUMN_BYTES 12

/* Adds up the codes of a range's blocks and requantizes, for `pixels` pixels, `pixel_bytes` of the
 * layer each.  `codes` and `out` are the first pixel's, of all columns. */
typedef void analog_finish(const struct aimc_analog* op, const struct aimc_range* range,
                           const int8_t* codes, int32_t pixels, int8_t* out);

analog_finish analog_finish_ref;
analog_finish analog_finish_neon;

#endif
