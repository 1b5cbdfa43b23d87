/* The digital part of an analog layer, 64 columns of int8 codes at a time, and the offsets in
struct analog_lines for analog_lines.S (analog_finish_neon.c checks them). */
#ifndef AIMC_ANALOG_LINES_H
#define AIMC_ANALOG_LINES_H

#define LINES_COLUMNS 0
#define LINES_STEP 8
#define LINES_PIXEL_STRIDE 16
#define LINES_BLOCKS 24
#define LINES_STEPS 32
#define LINES_PIXEL1 128
#define LINES_PIXEL2 136
#define LINES_PIXEL3 144
#define LINES_OUT1 152
#define LINES_OUT2 160
#define LINES_OUT3 168
#define LINES_QUADS 176
#define LINES_GROUPS 184
#define LINES_LOW 192
#define LINES_HIGH 208
#define LINES_BEYOND 224
#define LINES_RANGE_GROUPS 232
#define LINES_RANGE_STEP 240

#define LINE_COLUMNS 64             /* int8 codes of a cache line */
#define ANALOG_PIXEL_COLUMN_BYTES 9 /* of `pixel_columns` of a layer, a column */

#ifndef __ASSEMBLER__
#include <arm_neon.h>
#include <stdint.h>

#include "aimc_layout.h"

/* From the last 16 columns of four pixels' codes to the first ones of the next four; from these
 * four pixels' outputs and columns to the next ones'; from the next four's first codes to those of
 * the four after them. */
struct analog_step {
  int64_t codes;
  int64_t out;
  int64_t columns;
  int64_t first;
};

struct analog_lines {
  const void* columns;           /* struct aimc_analog's, of the first column */
  int64_t step;                  /* bytes from a row block's codes to the next one's */
  int64_t pixel_stride;          /* and from a pixel's */
  uint64_t blocks;               /* 1 to AIMC_LINES_MAX_BLOCKS */
  struct analog_step step_to[3]; /* the next columns, the last quad, another quad */
  int64_t pixel[3];              /* from the first pixel's to the other three's, may be the same */
  int64_t out[3];
  uint64_t quads;  /* of pixels */
  uint64_t groups; /* of LINE_COLUMNS columns */
  int8x16_t low;
  int8x16_t high;
  const int8_t* beyond; /* codes that are read afterwards */
  /* Of one pixel, where the columns may be those of several ranges: */
  uint64_t range_groups; /* of each but the last */
  int64_t range_step;    /* bytes from the last line of a range's codes to the next one's first */
};

/* Adds up codes from `codes` on, which is a multiple of 64, and requantizes into `out`. */
void analog_lines(const struct analog_lines* lines, const int8_t* codes, int8_t* out);

/* The same for the first pixel only, with `pixel_columns`. */
void analog_pixel(const struct analog_lines* lines, const int8_t* codes, int8_t* out);

/* The same for one pixel whose codes are in two or more tiles' output windows, `step` apart, from
 * `window` on.  Each code is read once, in accesses of 16 bytes; nothing else is read. */
void analog_window_pixel(const struct analog_lines* lines, uintptr_t window, int8_t* out);
#endif

#endif
