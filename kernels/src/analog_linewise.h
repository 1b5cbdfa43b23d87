/* The digital part of an analog layer, 64 columns of int8 codes at a time, and the offsets in
struct analog_linewise for analog_linewise.S (analog_finish_neon.c checks them). */
#ifndef AIMC_ANALOG_LINES_H
#define AIMC_ANALOG_LINES_H

#define LINEWISE_COLUMNS 0
#define LINEWISE_STEP 8
#define LINEWISE_PIXEL_STRIDE 16
#define LINEWISE_BLOCKS 24
#define LINEWISE_STEPS 32
#define LINEWISE_PIXEL1 128
#define LINEWISE_PIXEL2 136
#define LINEWISE_PIXEL3 144
#define LINEWISE_OUT1 152
#define LINEWISE_OUT2 160
#define LINEWISE_OUT3 168
#define LINEWISE_QUADS 176
#define LINEWISE_GROUPS 184
#define LINEWISE_LOW 192
#define LINEWISE_HIGH 208
#define LINEWISE_BEYOND 224
#define LINEWISE_RANGE_GROUPS 232
#define LINEWISE_RANGE_STEP 240

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

struct analog_linewise {
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
void analog_linewise(const struct analog_linewise* lines, const int8_t* codes, int8_t* out);

/* The same for the first pixel only, with `pixel_columns`. */
void analog_pixelwise(const struct analog_linewise* lines, const int8_t* codes, int8_t* out);

/* The same for one pixel whose codes are in two or more tiles' output windows, `step` apart, from
 * `window` on.  Each code is read once, in accesses of 16 bytes; nothing else is read. */
void analog_window_pixel(const struct analog_linewise* lines, uintptr_t window, int8_t* out);
#endif

#endif
