/* The digital part of an analog layer on int8 codes: 64 columns, a cache line of codes, by four
 * pixels at a time.
 *
 * Assembly, because the schedule is the point: an in-order core with one SIMD unit is busy when no
 * operation waits for another and an access to memory stands behind every second one.
 *
 * A "quad" is four pixels of 64 columns, a "pass" 16 columns of them: the codes of the row blocks
 * are added up, then each pixel is requantized.  A pixel's sums are narrowed between the next
 * pixel's operations and stored behind them, the last two in the next pass.  Each pass brings the
 * lines of one of the next quad's pixels nearer.
 */
#include "analog_lines.h"

lines .req x0
/* Codes of the pass: block 0. */
pixel0 .req x1
pixel1 .req x3
pixel2 .req x4
pixel3 .req x5
/* Outputs of the quad. */
out0 .req x2
out1 .req x6
out2 .req x7
out3 .req x8
last2 .req x9 /* of the quad before */
last3 .req x10
line .req x11  /* that is touched next, */
first .req x12 /* of the first block of that pixel */
even .req x13  /* offsets of the next even and odd block's codes */
odd .req x14
chain .req x15 /* rounds and bytes of the chain */
columns .req x16
chain_bytes .req w15
step .req x17
two_steps .req x19
second .req x20 /* offset of block 1's codes; 0 if there is none */
to_out .req x21
quads .req x22 /* left of these columns */
lines_left .req x23
quad .req x24 /* this quad's struct analog_step */
/* From this quad to the next. */
to_codes .req x25
to_columns .req x30
to_first .req x28
pixel_stride .req x29
spare .req x30
left .req x26 /* rounds of the chain */
even_first .req x18
odd_first .req x27

/* Sums: v0 to v7.  Codes of block 0 and from 2 on: v16 to v19.  Of block 1: v24 to v27, which are
 * also the accumulators of even pixels; of odd ones v8 to v11.  Multipliers: v20 to v23; shifts:
 * v12, v13, v15, v28. */
RESULT .req v14
TWO_TO_8 .req v29
LOW .req v30
HIGH .req v31

/* Adding up ----------------------------------------------------------------------------------- */

/* A block's codes, and between them accesses a to e and other operations f and g. */
.macro add_block a, b, c, d, e, f, g
    saddw v0.8h, v0.8h, v16.8b
    \f
    saddw2 v1.8h, v1.8h, v16.16b
    \a
    saddw v2.8h, v2.8h, v17.8b
    \e
    saddw2 v3.8h, v3.8h, v17.16b
    \b
    saddw v4.8h, v4.8h, v18.8b
    \g
    saddw2 v5.8h, v5.8h, v18.16b
    \c
    saddw v6.8h, v6.8h, v19.8b
    saddw2 v7.8h, v7.8h, v19.16b
    \d
.endm
/* With the next block's codes at `offset`; `other` goes on to the one after that. */
.macro add_and_load offset, other, touch, step_on
    add_block "ldr q16, [pixel0, \offset]", "ldr q17, [pixel1, \offset]", \
        "ldr q18, [pixel2, \offset]", "ldr q19, [pixel3, \offset]", "\touch", \
        "add \other, \other, two_steps", "\step_on"
.endm
#define CHAIN_BYTES (15 * 4)
#define CHAIN 8
.macro begin a, b, c, d, e, f, g
    saddl v0.8h, v16.8b, v24.8b
    \e
    saddl2 v1.8h, v16.16b, v24.16b
    \a
    saddl v2.8h, v17.8b, v25.8b
    \f
    saddl2 v3.8h, v17.16b, v25.16b
    \b
    saddl v4.8h, v18.8b, v26.8b
    \g
    saddl2 v5.8h, v18.16b, v26.16b
    \c
    saddl v6.8h, v19.8b, v27.8b
    saddl2 v7.8h, v19.16b, v27.16b
    \d
.endm
.macro begin_only a, b, c, d, e
    sshll v0.8h, v16.8b, #0
    \e
    \a
    sshll2 v1.8h, v16.16b, #0
    sshll v2.8h, v17.8b, #0
    \b
    sshll2 v3.8h, v17.16b, #0
    sshll v4.8h, v18.8b, #0
    \c
    sshll2 v5.8h, v18.16b, #0
    sshll v6.8h, v19.8b, #0
    \d
    sshll2 v7.8h, v19.16b, #0
.endm
/* The last of a sum, and what the first pixel wants of the parameters. */
.macro end_sums operation, g
    \operation "ldr q24, [columns, #192 * \g]", "ldr q25, [columns, #192 * \g + 16]", \
        "ldr q26, [columns, #192 * \g + 32]", "ldr q27, [columns, #192 * \g + 48]", \
        "ldr q22, [columns, #192 * \g + 96]"
    ldr q23, [columns, #192 * \g + 112]
.endm

/* Requantizing -------------------------------------------------------------------------------- */

/* A pixel with sums `low` and `high`, in accumulators t0 to t3, which hold the bias; narrows the
 * pixel before it, in u0 to u3, which are free then: u1 after d, u3 after e, u0 after f, u2 after
 * g.  a to j are accesses to memory, c a store of the pixel before that; k to r other operations. */
.macro pixel low, high, t0, t1, t2, t3, u0, u1, u2, u3, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r
    smlal v\t0\().4s, v\low\().4h, TWO_TO_8.4h
    \a
    sqxtn v\u2\().4h, v\u2\().4s
    \k
    smlal2 v\t1\().4s, v\low\().8h, TWO_TO_8.8h
    \b
    sqxtn2 v\u0\().8h, v\u1\().4s
    \l
    smlal v\t2\().4s, v\high\().4h, TWO_TO_8.4h
    \c
    sqxtn2 v\u2\().8h, v\u3\().4s
    \m
    smlal2 v\t3\().4s, v\high\().8h, TWO_TO_8.8h
    \d
    sqxtn RESULT.8b, v\u0\().8h
    \n
    sqrdmulh v\t0\().4s, v\t0\().4s, v20.4s
    \e
    sqrdmulh v\t1\().4s, v\t1\().4s, v21.4s
    \o
    sqrdmulh v\t2\().4s, v\t2\().4s, v22.4s
    \f
    sqxtn2 RESULT.16b, v\u2\().8h
    \p
    sqrdmulh v\t3\().4s, v\t3\().4s, v23.4s
    \g
    srshl v\t0\().4s, v\t0\().4s, v12.4s
    \q
    srshl v\t1\().4s, v\t1\().4s, v13.4s
    \h
    smax RESULT.16b, RESULT.16b, LOW.16b
    \r
    srshl v\t2\().4s, v\t2\().4s, v15.4s
    \i
    srshl v\t3\().4s, v\t3\().4s, v28.4s
    sqxtn v\t0\().4h, v\t0\().4s
    \j
    smin RESULT.16b, RESULT.16b, HIGH.16b
.endm

/* The step that is taken after a quad. */
.macro choose_step
    cmp quads, #3
    mov left, #3
    csel left, quads, left, lo
    add left, left, left, lsl #1
    add quad, lines, left, lsl #3
    add quad, quad, #LINES_STEPS - 24
.endm

/* A pass ---------------------------------------------------------------------------------------- */

/* The pass over columns 16 g of a quad; then the codes go on by `codes_by`.  The last two results
 * of the pass before go to `before2` and `before3`. */
.macro pass g, codes_by, before2, before3
    tbnz chain, #63, 6f
    begin "ldr q16, [pixel0, two_steps]", "ldr q17, [pixel1, two_steps]", \
        "ldr q18, [pixel2, two_steps]", "ldr q19, [pixel3, two_steps]", "adr spare, 4f", \
        "lsr left, chain, #16", "sub spare, spare, chain_bytes, uxth"
    br spare
3:
    sub left, left, #1
    add_and_load odd, even, "prfm pldl1keep, [line]", "add line, line, step"
    add_and_load even, odd, "prfm pldl1keep, [line]", "add line, line, step"
    add_and_load odd, even, "prfm pldl1keep, [line]", "add line, line, step"
    add_and_load even, odd, "prfm pldl1keep, [line]", "add line, line, step"
    add_and_load odd, even, "prfm pldl1keep, [line]", "add line, line, step"
    add_and_load even, odd, "prfm pldl1keep, [line]", "add line, line, step"
    add_and_load odd, even, "prfm pldl1keep, [line]", "add line, line, step"
    add_and_load even, odd, "prfm pldl1keep, [line]", "add line, line, step"
4:
    cbnz left, 3b
    end_sums add_block, \g
    b 9f
6:
    tbz chain, #0, 7f
    end_sums begin, \g
    b 9f
7:
    end_sums begin_only, \g
9:
    pixel 0, 1, 24, 25, 26, 27, 8, 9, 10, 11, \
        "ldr q12, [columns, #192 * \g + 128]", "ldr q13, [columns, #192 * \g + 144]", \
        "str q14, [\before2]", "", \
        "ldr q15, [columns, #192 * \g + 160]", "ldr q28, [columns, #192 * \g + 176]", \
        "ldr q8, [columns, #192 * \g]", "ldr q9, [columns, #192 * \g + 16]", \
        "ldr q10, [columns, #192 * \g + 32]", "ldr q11, [columns, #192 * \g + 48]", \
        "add pixel0, pixel0, \codes_by", "add pixel1, pixel1, \codes_by", \
        "add pixel2, pixel2, \codes_by", "add pixel3, pixel3, \codes_by"
.if \g == 3
    ldr to_columns, [quad, #16]
    subs quads, quads, #1
    b.ne 2f
    sub lines_left, lines_left, #1
    ldr quads, [lines, #LINES_QUADS]
2:
    choose_step
    ldr to_first, [quad]
    add to_first, to_first, pixel0
    add to_first, to_first, #48
    cmp lines_left, #1 /* the last quad of all? */
    ccmp quads, #1, #0, eq
    ldr left, [lines, #LINES_BEYOND]
    csel to_first, left, to_first, eq
.endif
    pixel 2, 3, 8, 9, 10, 11, 24, 25, 26, 27, \
        "ldr q16, [pixel0]", "ldr q17, [pixel1]", \
        "str q14, [\before3]", "", \
        "ldr q18, [pixel2]", "ldr q19, [pixel3]", \
        "ldr q24, [columns, #192 * \g]", "ldr q25, [columns, #192 * \g + 16]", \
        "ldr q26, [columns, #192 * \g + 32]", "ldr q27, [columns, #192 * \g + 48]", \
        "", "", "", "", "", "mov even, even_first", "mov odd, odd_first"
    pixel 4, 5, 24, 25, 26, 27, 8, 9, 10, 11, \
        "prfm pldl1keep, [line]", "prfm pldl1keep, [line, step]", \
        "str q14, [out0, #16 * \g]", "", \
        "prfm pldl1keep, [line, two_steps]", "", \
        "ldr q8, [columns, #192 * \g]", "ldr q9, [columns, #192 * \g + 16]", \
        "ldr q10, [columns, #192 * \g + 32]", "ldr q11, [columns, #192 * \g + 48]", \
        "", "", "", "", "", "add line, line, two_steps", "add line, line, step"
.if \g < 3
    add first, first, pixel_stride
    pixel 6, 7, 8, 9, 10, 11, 24, 25, 26, 27, \
        "prfm pldl1keep, [line]", "prfm pstl1keep, [out\g, to_out]", \
        "str q14, [out1, #16 * \g]", "", \
        "ldr q24, [pixel0, second]", "ldr q25, [pixel1, second]", \
        "ldr q26, [pixel2, second]", "ldr q27, [pixel3, second]", \
        "ldr q20, [columns, #192 * \g + 256]", "ldr q21, [columns, #192 * \g + 272]", \
        "", "", "", "mov line, first"
.else
    add columns, columns, to_columns
    pixel 6, 7, 8, 9, 10, 11, 24, 25, 26, 27, \
        "prfm pldl1keep, [line]", "prfm pstl1keep, [out3, to_out]", \
        "str q14, [out1, #48]", "", \
        "ldr q24, [pixel0, second]", "ldr q25, [pixel1, second]", \
        "ldr q26, [pixel2, second]", "ldr q27, [pixel3, second]", \
        "ldr q20, [columns, #64]", "ldr q21, [columns, #80]", \
        "add last2, out2, #48", "add last3, out3, #48", "add out0, out0, to_out", \
        "add out1, out1, to_out", "add out2, out2, to_out", "add out3, out3, to_out", \
        "mov line, to_first", "mov first, to_first"
.endif
.endm

/* The function -------------------------------------------------------------------------------- */

    .section .text.analog_lines, "ax"
    .balign 64
    .global analog_lines
    .type analog_lines, %function
analog_lines:
    stp d8, d9, [sp, #-160]!
    stp d10, d11, [sp, #16]
    stp d12, d13, [sp, #32]
    stp d14, d15, [sp, #48]
    stp x19, x20, [sp, #64]
    stp x21, x22, [sp, #80]
    stp x23, x24, [sp, #96]
    stp x25, x26, [sp, #112]
    stp x27, x28, [sp, #128]
    stp x29, x30, [sp, #144]
    ldr pixel1, [lines, #LINES_PIXEL1]
    ldr pixel2, [lines, #LINES_PIXEL2]
    ldr pixel3, [lines, #LINES_PIXEL3]
    add pixel1, pixel0, pixel1
    add pixel2, pixel0, pixel2
    add pixel3, pixel0, pixel3
    ldr q16, [pixel0]
    ldr columns, [lines, #LINES_COLUMNS]
    ldr q17, [pixel1]
    ldr step, [lines, #LINES_STEP]
    ldr q18, [pixel2]
    ldr chain, [lines, #LINES_BLOCKS]
    ldr q19, [pixel3]
    ldr out1, [lines, #LINES_OUT1]
    sub chain, chain, #3
    cmn chain, #2
    ldr out2, [lines, #LINES_OUT2]
    csel second, xzr, step, eq
    ldr out3, [lines, #LINES_OUT3]
    ldr quads, [lines, #LINES_QUADS]
    lsl two_steps, step, #1
    ldr q24, [pixel0, second]
    ldr q25, [pixel1, second]
    ldr q26, [pixel2, second]
    ldr q27, [pixel3, second]
    add out1, out0, out1
    ldr lines_left, [lines, #LINES_GROUPS]
    add out2, out0, out2
    ldr pixel_stride, [lines, #LINES_PIXEL_STRIDE]
    add out3, out0, out3
    ldr q20, [columns, #64]
    choose_step
    ldr q21, [columns, #80]
    movi TWO_TO_8.8h, #1, lsl #8
    ldr q30, [lines, #LINES_LOW]
    ldr q31, [lines, #LINES_HIGH]
    ldr to_codes, [quad]
    ldr to_out, [quad, #8]
    tst chain, #1
    add odd, two_steps, step
    csel even_first, two_steps, odd, eq
    csel odd_first, odd, two_steps, eq
    mov even, even_first
    mov odd, odd_first
    and spare, chain, #CHAIN - 1
    mov to_first, #CHAIN_BYTES
    mul spare, spare, to_first
    lsr to_first, chain, #3
    cmp chain, #0
    orr spare, spare, to_first, lsl #16
    csel chain, chain, spare, lt
    /* Of a pass that was not; what is stored there comes to be written again. */
    add last2, out2, #48
    add last3, out3, #48
    add first, pixel0, to_codes
    add first, first, #48
    cmp lines_left, #1
    ccmp quads, #1, #0, eq
    ldr left, [lines, #LINES_BEYOND]
    csel first, left, first, eq
    mov line, first
1:
    pass 0, #16, last2, last3
    pass 1, #16, "out2", "out3"
    pass 2, #16, "out2, #16", "out3, #16"
    pass 3, to_codes, "out2, #32", "out3, #32"
    ldr to_codes, [quad]
    ldr to_out, [quad, #8]
    cbnz lines_left, 1b
    sqxtn v10.4h, v10.4s
    sqxtn2 v8.8h, v9.4s
    sqxtn2 v10.8h, v11.4s
    str q14, [last2]
    sqxtn RESULT.8b, v8.8h
    sqxtn2 RESULT.16b, v10.8h
    smax RESULT.16b, RESULT.16b, LOW.16b
    smin RESULT.16b, RESULT.16b, HIGH.16b
    str q14, [last3]
    ldp x29, x30, [sp, #144]
    ldp x27, x28, [sp, #128]
    ldp x25, x26, [sp, #112]
    ldp x23, x24, [sp, #96]
    ldp x21, x22, [sp, #80]
    ldp x19, x20, [sp, #64]
    ldp d14, d15, [sp, #48]
    ldp d12, d13, [sp, #32]
    ldp d10, d11, [sp, #16]
    ldp d8, d9, [sp], #160
    ret
    .size analog_lines, . - analog_lines
