/* The digital part of an analog layer, 64 columns of int8 codes at a time; where analog_lines.S
 * finds the fields of struct analog_lines (analog_finish_neon.c checks them). */
#ifndef AIMC_ANALOG_LINES_H
#define AIMC_ANALOG_LINES_H

#define LINES_COLUMNS 0
#define LINES_STEP 8
#define LINES_PIXEL_STRIDE 16
#define LINES_OUT_STRIDE 24
#define LINES_BLOCKS 32
#define LINES_PIXELS 40
#define LINES_GROUPS 48
#define LINES_LOW 64
#define LINES_HIGH 80

#define LINE_COLUMNS 64 /* int8 codes of a cache line */

#ifndef __ASSEMBLER__
#include <arm_neon.h>
#include <stdint.h>

struct analog_lines {
  const int32_t* columns; /* struct aimc_analog's, of the first column */
  int64_t step;           /* bytes from a row block's codes to the next one's */
  int64_t pixel_stride;   /* and from a pixel's */
  int64_t out_stride;
  uint64_t blocks; /* 1 to 256: their codes add up in int16 */
  uint64_t pixels;
  uint64_t groups; /* of LINE_COLUMNS columns */
  int8x16_t low;
  int8x16_t high;
};

/* Adds up codes from `codes` on, which is a multiple of 64, and requantizes into `out`.  Up to 128
 * bytes beyond the codes of the last pixel's last block are read. */
void analog_lines(const struct analog_lines* lines, const int8_t* codes, int8_t* out);
#endif

#endif
