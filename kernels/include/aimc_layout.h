/* Sizes that kernels and code generator share.  harness/codegen/packing.py packs weights and
 * reserves scratch memory by them, and has them from here through the Python module
 * `harness._headers`, which `make` builds again after an edit.
 */
#ifndef AIMC_LAYOUT_H
#define AIMC_LAYOUT_H

#define AIMC_ALIGN 64 /* bytes of a cache line, on which every buffer starts */
#define AIMC_SLACK 64 /* bytes behind a tensor that may be read */

/* How far the kernels read beyond packed arrays. */
#define AIMC_CHANNEL_PAD 16 /* values, beyond an array of one value per channel */
#define AIMC_WEIGHT_PAD 256 /* bytes, beyond packed weights: two steps of a matrix product */
#define AIMC_COLUMNS_PAD 32 /* values, beyond pack_analog_columns() */
#define AIMC_PIXEL_PAD 512  /* bytes, beyond pack_pixel_columns(): 64 columns and the next bias */

/* Matrix products (gemm_neon.h).  A register tile is AIMC_GEMM_ROWS output pixels by AIMC_PANEL
 * output channels. */
#define AIMC_PANEL 8
#define AIMC_GEMM_ROWS 8
#define AIMC_GEMM_SUMS 256 /* unfinished sums, int32 */

/* Convolutions (convolve.c). */
#define AIMC_STRIP 64 /* output pixels that all panels are multiplied with before the next ones */
#define AIMC_LONG_TAP 256 /* bytes of a pixel from which on a kernel row is more than one tap */
#define AIMC_CHUNK_BYTES 512
#define AIMC_PATCH_ROW 16 /* bytes of a kernel row up to which patches are gathered */

#define AIMC_BAND_BYTES (128 << 10) /* of a band, unless a single output row needs more */

/* Analog layers. */
#define AIMC_PIO_BATCH 8    /* pixels that are gathered, and whose codes are finished, together */
#define AIMC_PIECE_BYTES 24 /* sizeof(struct piece) of analog_pio.h */
#define AIMC_LINES_MAX_BLOCKS 256   /* row blocks whose int8 codes certainly add up in int16 */
#define AIMC_SMALL_DENSE_OUTPUTS 64 /* of a layer that aimc_analog_small_dense takes, at most */

#endif
