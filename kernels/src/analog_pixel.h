/* Analog layers of one pixel by the tiles' own DMA, fast. */
#ifndef AIMC_ANALOG_PIXEL_H
#define AIMC_ANALOG_PIXEL_H

#include "aimc_ops.h"

/* Finishes a layer of one pixel, whose tiles have all begun, when they have made it. */
void analog_follow_pixel(const struct aimc_analog* op, const int8_t* codes, int8_t* out);

#endif
