/* Tiles.  Each of these ends the program with a message if a tile is not as it should be. */
#ifndef AIMC_TILES_H
#define AIMC_TILES_H

#include <stdint.h>

#include "ops/analog.h"

/* Checks identity and geometry of tiles [0, count) and resets them; `features` is the set of
 * AIMC_FEATURE_* that the program needs. */
void aimc_tiles_probe(int32_t count, int32_t rows, int32_t columns, int32_t adc_bits,
                      uint32_t features);

/* Programs every block of a layer into its tile, all tiles at once (by DMA where the tiles have
 * it, else through their programming window). */
void aimc_tiles_program(const struct aimc_analog* op);

/* The same during an inference, over what the tiles hold: whatever they were doing for other layers
 * is over, and programming too when this returns. */
void aimc_tiles_reload(const struct aimc_analog* op);

/* Starts noise epoch `epoch` (the image's index) on tiles [0, count). */
void aimc_tiles_set_epoch(uint32_t epoch, int32_t count);

#endif
