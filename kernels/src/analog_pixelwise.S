/* The digital part of an analog layer of one pixel, 64 columns, a cache line of codes, at a time.
 * analog_window.S makes the same function for codes that are still in the tiles' windows.
 *
 * The lines of the row blocks are added up, then the four groups of 16 columns are requantized.  A
 * group's results are narrowed between the next group's operations and stored in the one after it,
 * across lines, whose first codes are loaded meanwhile; after the last line, parameters instead.
 * Behind a range's columns follow the next one's.
 */
#include "analog_linewise.h"

#ifndef FUNCTION
#define FUNCTION analog_pixelwise
/* Prefetches a line of codes. */
#define PREFETCH_CODES(...) prfm pldl1keep, [__VA_ARGS__]
#endif

/* Distance of the prefetch of parameters, in bytes. */
#define AHEAD (ANALOG_PIXEL_COLUMN_BYTES * LINE_COLUMNS)

lines .req x0
codes .req x1   /* of these columns: block 0 */
out .req x2
at .req x4      /* the next line to load */
step .req x5    /* from one block's line to the next */
second .req x6  /* from the first line to the second; 0 if there is none */
next .req x7    /* columns of a line */
left .req x8    /* lines to add */
blocks .req x9
columns .req x10 /* parameters of these columns */
next_columns .req x11
last_out .req x12 /* of the columns before */
groups .req x13   /* of 64 columns, left */
forward .req x14  /* from these columns' codes to the next ones' */
in_range .req x15 /* groups, with this one */
range_groups .req x16
range_step .req x17

/* Sums, int16: v0 to v7.  Lines: v16 to v19 and v20 to v23.
 * Accumulators of the even groups: v24 to v27, of the odd ones: v8 to v11. */
NARROW .req v12
NARROW2 .req v13
RESULT .req v14
TWO_TO_8 .req v29
LOW .req v30
HIGH .req v31

/* Lines --------------------------------------------------------------------------------------- */

.macro load_line a, b, c, d
    ldr q\a, [at]
    ldr q\b, [at, #16]
    ldr q\c, [at, #32]
    ldr q\d, [at, #48]
.endm

/* Adds the line in a to d.  If p to s are given, loads another line to them and prefetches the next
 * columns' line there. */
.macro add_line a, b, c, d, p, q, r, s
    saddw v0.8h, v0.8h, v\a\().8b
.ifnb \p
    PREFETCH_CODES(at, forward)
.endif
    saddw2 v1.8h, v1.8h, v\a\().16b
.ifnb \p
    ldr q\p, [at]
.endif
    saddw v2.8h, v2.8h, v\b\().8b
.ifnb \p
    ldr q\q, [at, #16]
.endif
    saddw2 v3.8h, v3.8h, v\b\().16b
    saddw v4.8h, v4.8h, v\c\().8b
.ifnb \p
    ldr q\r, [at, #32]
.endif
    saddw2 v5.8h, v5.8h, v\c\().16b
    saddw v6.8h, v6.8h, v\d\().8b
.ifnb \p
    ldr q\s, [at, #48]
.endif
    saddw2 v7.8h, v7.8h, v\d\().16b
.ifnb \p
    add at, at, step
.endif
.endm
.macro add_even
    add_line 16, 17, 18, 19, 20, 21, 22, 23
.endm
.macro add_odd
    add_line 20, 21, 22, 23, 16, 17, 18, 19
.endm
.macro add_last_even
    add_line 16, 17, 18, 19
.endm
.macro add_last_odd
    add_line 20, 21, 22, 23
.endm

/* Adds the first two lines; `more`: loads a third.  Prefetches the next columns' lines. */
.macro begin_sums more
    saddl v0.8h, v16.8b, v20.8b
    PREFETCH_CODES(codes, forward)
    saddl2 v1.8h, v16.16b, v20.16b
.if \more
    ldr q16, [at]
.endif
    saddl v2.8h, v17.8b, v21.8b
    sub left, at, step
    saddl2 v3.8h, v17.16b, v21.16b
.if \more
    ldr q17, [at, #16]
.endif
    saddl v4.8h, v18.8b, v22.8b
    PREFETCH_CODES(left, forward)
    saddl2 v5.8h, v18.16b, v22.16b
.if \more
    ldr q18, [at, #32]
.endif
    saddl v6.8h, v19.8b, v23.8b
.if \more
    PREFETCH_CODES(at, forward)
.endif
    saddl2 v7.8h, v19.16b, v23.16b
.if \more
    ldr q19, [at, #48]
    add at, at, step
    sub left, blocks, #2
.endif
.endm

.macro only_line
    sshll v0.8h, v16.8b, #0
    PREFETCH_CODES(codes, forward)
    sshll2 v1.8h, v16.16b, #0
    sshll v2.8h, v17.8b, #0
    sshll2 v3.8h, v17.16b, #0
    sshll v4.8h, v18.8b, #0
    sshll2 v5.8h, v18.16b, #0
    sshll v6.8h, v19.8b, #0
    sshll2 v7.8h, v19.16b, #0
.endm

/* Groups of 16 columns ------------------------------------------------------------------------ */

.macro prefetch_columns line
    prfm pldl1keep, [columns, #AHEAD + 64 * \line]
.endm

/* Requantizes group g, of sums `low` and `high`, in accumulators t0 to t3, which hold its bias;
 * narrows the group before it (in u0 to u3, which take the next group's bias, at `bias` of
 * `following`) and stores the one before that at `stored` of `to`: not before it is there, and no
 * load follows it closely.  x, y and z take parameters; a to f are accesses to memory or short, i to k
 * others. */
.macro group g, low, high, t0, t1, t2, t3, u0, u1, u2, u3, x, y, z, stored, to, following, bias, \
        a, b, c, d, e, f, i, j, k
    smlal v\t0\().4s, v\low\().4h, TWO_TO_8.4h
    ldr q15, [columns, #144 * \g + 64]
    sqxtn NARROW2.4h, v\u2\().4s
    ldr q28, [columns, #144 * \g + 80]
    smlal2 v\t1\().4s, v\low\().8h, TWO_TO_8.8h
    ldr q\x, [columns, #144 * \g + 96]
    sqxtn2 NARROW.8h, v\u1\().4s
    str q14, [\to, #\stored]
    smlal v\t2\().4s, v\high\().4h, TWO_TO_8.4h
    \i
    sqxtn2 NARROW2.8h, v\u3\().4s
    \j
    smlal2 v\t3\().4s, v\high\().8h, TWO_TO_8.8h
    \k
    sqxtn RESULT.8b, NARROW.8h
    ldr q\z, [columns, #144 * \g + 128]
    sqrdmulh v\t0\().4s, v\t0\().4s, v15.4s
    ldr q\y, [columns, #144 * \g + 112]
    sqrdmulh v\t1\().4s, v\t1\().4s, v28.4s
    \a
    sqrdmulh v\t2\().4s, v\t2\().4s, v\x\().4s
    ldr q\u0, [\following, #\bias]
    sqxtn2 RESULT.16b, NARROW2.8h
    ushr v15.4s, v\z\().4s, #8
    ldr q\u1, [\following, #\bias + 16]
    sqrdmulh v\t3\().4s, v\t3\().4s, v\y\().4s
    \b
    ushr v28.4s, v\z\().4s, #16
    ldr q\u2, [\following, #\bias + 32]
    srshl v\t0\().4s, v\t0\().4s, v\z\().4s
    ushr v\x\().4s, v\z\().4s, #24
    \c
    smax RESULT.16b, RESULT.16b, LOW.16b
    ldr q\u3, [\following, #\bias + 48]
    srshl v\t1\().4s, v\t1\().4s, v15.4s
    \d
    srshl v\t2\().4s, v\t2\().4s, v28.4s
    srshl v\t3\().4s, v\t3\().4s, v\x\().4s
    \e
    sqxtn NARROW.4h, v\t0\().4s
    \f
    smin RESULT.16b, RESULT.16b, HIGH.16b
.endm

.macro even_group g, low, high, x, y, z, stored, to, more:vararg
    group \g, \low, \high, 24, 25, 26, 27, 8, 9, 10, 11, \x, \y, \z, \stored, \to, columns, \
        144 * \g + 144, \more
.endm

.macro odd_group g, low, high, z, stored, to, following, bias, more:vararg
    group \g, \low, \high, 8, 9, 10, 11, 24, 25, 26, 27, 0, 1, \z, \stored, \to, \following, \
        \bias, \more
.endm

/* The function -------------------------------------------------------------------------------- */

    .section .text.FUNCTION, "ax"
    .balign 64
    .global FUNCTION
    .type FUNCTION, %function
FUNCTION:
    stp d8, d9, [sp, #-64]!
    stp d10, d11, [sp, #16]
    stp d12, d13, [sp, #32]
    stp d14, d15, [sp, #48]
    ldr step, [lines, #LINEWISE_STEP]
    ldr blocks, [lines, #LINEWISE_BLOCKS]
    mov at, codes
    load_line 16, 17, 18, 19
    cmp blocks, #1
    csel second, xzr, step, eq
    add at, codes, second
    ldr columns, [lines, #LINEWISE_COLUMNS]
    load_line 20, 21, 22, 23
    ldr groups, [lines, #LINEWISE_GROUPS]
    ldr q24, [columns]
    ldr q25, [columns, #16]
    ldr q26, [columns, #32]
    ldr q27, [columns, #48]
    ldr q30, [lines, #LINEWISE_LOW]
    ldr q31, [lines, #LINEWISE_HIGH]
    movi TWO_TO_8.8h, #1, lsl #8
    mov last_out, out /* of columns that did not exist; the bytes stored there are overwritten later
    */
    mov next, #LINE_COLUMNS
    ldr range_groups, [lines, #LINEWISE_RANGE_GROUPS]
    ldr range_step, [lines, #LINEWISE_RANGE_STEP]
    mov in_range, range_groups
    cmp in_range, #1
    csel forward, range_step, next, eq
1:
    add next_columns, columns, #576
    add at, codes, step, lsl #1
    cmp blocks, #2
    b.ne 3f
    begin_sums 0
2:
    even_group 0, 0, 1, 18, 19, 17, 32, last_out, "prefetch_columns 0", \
        "csel in_range, range_groups, in_range, eq", "prefetch_columns 1", "cmp in_range, #1", \
        "csel forward, range_step, next, eq", "prfm pstl1keep, [out, next]", \
        "add codes, codes, forward", "mov at, codes", "subs in_range, in_range, #1"
    odd_group 1, 2, 3, 17, 48, last_out, columns, 144 * 2, "prefetch_columns 2", "", \
        "prefetch_columns 3", "", "", "prefetch_columns 4", "subs groups, groups, #1", \
        "csel at, columns, at, eq", "csel second, xzr, second, eq"
    even_group 2, 4, 5, 0, 1, 2, 0, out, "ldr q16, [at]", "prefetch_columns 5", "ldr q17, [at, #16]", \
        "ldr q18, [at, #32]", "ldr q19, [at, #48]", "prefetch_columns 6"
    odd_group 3, 6, 7, 2, 16, out, next_columns, 0, "ldr q20, [at]", "prefetch_columns 7", \
        "ldr q21, [at, #16]", "ldr q22, [at, #32]", "ldr q23, [at, #48]", "prefetch_columns 8", \
        "add at, at, second"
    mov last_out, out
    add out, out, next
    mov columns, next_columns
    b.ne 1b
    sqxtn NARROW2.4h, v10.4s
    sqxtn2 NARROW.8h, v9.4s
    sqxtn2 NARROW2.8h, v11.4s
    str q14, [last_out, #32]
    sqxtn RESULT.8b, NARROW.8h
    sqxtn2 RESULT.16b, NARROW2.8h
    smax RESULT.16b, RESULT.16b, LOW.16b
    smin RESULT.16b, RESULT.16b, HIGH.16b
    str q14, [last_out, #48]
    ldp d14, d15, [sp, #48]
    ldp d12, d13, [sp, #32]
    ldp d10, d11, [sp, #16]
    ldp d8, d9, [sp], #64
    ret
3:
    b.lo 7f
    begin_sums 1
    cmp left, #4
    b.ls 5f
4:
    add_even
    add_odd
    add_even
    sub left, left, #4
    add_odd
    cmp left, #4
    b.hi 4b
5:
    cmp left, #2
    b.ls 6f
    add_even
    sub left, left, #2
    add_odd
6:
    tbnz left, #0, 8f
    add_even
    add_last_odd
    b 2b
7:
    only_line
    b 2b
8:
    add_last_even
    b 2b
    .size FUNCTION, . - FUNCTION
