/* Programming during an inference. */
#include "aimc_ops.h"
#include "tile.h"

/* A tile forgets the descriptor that it holds, as the layer does what its tiles hold. */
void aimc_tiles_reload(const struct aimc_analog* op) {
  for (int32_t i = 0; i < op->block_count; ++i) {
    tile_write(op->block[i].tile, AIMC_REG_CONTROL, AIMC_CONTROL_RESET);
  }
  if (op->dma) {
    op->dma->in = 0;
    op->dma->pixels = 0;
  }
  aimc_tiles_program(op);
  for (int32_t i = 0; i < op->block_count; ++i) {
    tile_wait(op->block[i].tile, 0, AIMC_STATUS_PROGRAMMING, "programming failed");
  }
}
