/* Analog layers of one pixel by the tiles' own DMA, fast. */
#ifndef AIMC_ANALOG_PIXEL_H
#define AIMC_ANALOG_PIXEL_H

#include "aimc_ops.h"

/* Waits for a layer of one pixel, all of whose tiles have started, and finishes it. */
void analog_stream_pixel(const struct aimc_analog* op, const int8_t* codes, int8_t* out);

#endif
