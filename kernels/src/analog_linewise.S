/* The digital part of an analog layer on int8 codes: 64 columns, a cache line of codes, by four
 * pixels at a time.
 *
 * Assembly because of its schedule: an in-order core with one SIMD unit is busy if no operation
 * waits for another and a memory access follows every second one.
 *
 * A "quad" is four pixels of 64 columns, a "pass" 16 columns of them.  In a pass the codes of the
 * row blocks are added up, then each pixel is requantized.  A pixel's sums are narrowed between the
 * next pixel's operations and stored after them, the last two in the next pass.  Each pass
 * prefetches the lines of one of the next quad's pixels.
 */
#include "analog_linewise.h"

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
to_columns .req x30 /* in the passes: the next quad's columns */
to_first .req x28   /* and where the chain is entered */
pixel_stride .req x29
spare .req x30 /* before there is one */
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

/* For arguments of macros, which the preprocessor does not expand. */
.equ at_quads, LINEWISE_QUADS
.equ at_beyond, LINEWISE_BEYOND

/* Adding up ----------------------------------------------------------------------------------- */

/* Adds a block's codes, with one argument after each instruction. */
.macro add_block s1, s2, s3, s4, s5, s6, s7, s8
    saddw v0.8h, v0.8h, v16.8b
    \s1
    saddw2 v1.8h, v1.8h, v16.16b
    \s2
    saddw v2.8h, v2.8h, v17.8b
    \s3
    saddw2 v3.8h, v3.8h, v17.16b
    \s4
    saddw v4.8h, v4.8h, v18.8b
    \s5
    saddw2 v5.8h, v5.8h, v18.16b
    \s6
    saddw v6.8h, v6.8h, v19.8b
    \s7
    saddw2 v7.8h, v7.8h, v19.16b
    \s8
.endm
/* The same, loading the next block's codes at `offset`; `other` advances to the block after that.
 * Prefetches a line of the next quad. */
.macro add_and_load offset, other
    add_block "", "ldr q16, [pixel0, \offset]", "prfm pldl1keep, [line]", \
        "add \other, \other, two_steps", "ldr q17, [pixel1, \offset]", \
        "ldr q18, [pixel2, \offset]", "add line, line, step", "ldr q19, [pixel3, \offset]"
.endm
#define CHAIN_BYTES (15 * 4)
#define CHAIN 8
.macro begin s1, s2, s3, s4, s5, s6, s7, s8
    saddl v0.8h, v16.8b, v24.8b
    \s1
    saddl2 v1.8h, v16.16b, v24.16b
    \s2
    saddl v2.8h, v17.8b, v25.8b
    \s3
    saddl2 v3.8h, v17.16b, v25.16b
    \s4
    saddl v4.8h, v18.8b, v26.8b
    \s5
    saddl2 v5.8h, v18.16b, v26.16b
    \s6
    saddl v6.8h, v19.8b, v27.8b
    \s7
    saddl2 v7.8h, v19.16b, v27.16b
    \s8
.endm
.macro begin_only s1, s2, s3, s4, s5, s6, s7, s8
    sshll v0.8h, v16.8b, #0
    \s1
    sshll2 v1.8h, v16.16b, #0
    \s2
    sshll v2.8h, v17.8b, #0
    \s3
    sshll2 v3.8h, v17.16b, #0
    \s4
    sshll v4.8h, v18.8b, #0
    \s5
    sshll2 v5.8h, v18.16b, #0
    \s6
    sshll v6.8h, v19.8b, #0
    \s7
    sshll2 v7.8h, v19.16b, #0
    \s8
.endm
/* The last of a sum, and the first pixel's bias. */
.macro end_sums operation, g
    \operation "", "ldr q24, [columns, #192 * \g]", "", \
        "ldr q25, [columns, #192 * \g + 16]", "", "ldr q26, [columns, #192 * \g + 32]", "", \
        "ldr q27, [columns, #192 * \g + 48]"
.endm

/* Requantizing -------------------------------------------------------------------------------- */

/* A pixel with sums `low` and `high`, in accumulators t0 to t3, which hold the bias; narrows the
 * pixel before it, in u0 to u3, which are free then: u1 from s4 on, u3 from s6, u0 from s8, u2 from
 * s12.  s1 to s20 stand behind the operations: the store of the pixel before that is s4, which no
 * load follows closely, and no three accesses are next to each other. */
.macro pixel low, high, t0, t1, t2, t3, u0, u1, u2, u3, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, \
        s11, s12, s13, s14, s15, s16, s17, s18, s19, s20
    smlal v\t0\().4s, v\low\().4h, TWO_TO_8.4h
    \s1
    sqxtn v\u2\().4h, v\u2\().4s
    \s2
    smlal2 v\t1\().4s, v\low\().8h, TWO_TO_8.8h
    \s3
    sqxtn2 v\u0\().8h, v\u1\().4s
    \s4
    smlal v\t2\().4s, v\high\().4h, TWO_TO_8.4h
    \s5
    sqxtn2 v\u2\().8h, v\u3\().4s
    \s6
    smlal2 v\t3\().4s, v\high\().8h, TWO_TO_8.8h
    \s7
    sqxtn RESULT.8b, v\u0\().8h
    \s8
    sqrdmulh v\t0\().4s, v\t0\().4s, v20.4s
    \s9
    sqrdmulh v\t1\().4s, v\t1\().4s, v21.4s
    \s10
    sqrdmulh v\t2\().4s, v\t2\().4s, v22.4s
    \s11
    sqxtn2 RESULT.16b, v\u2\().8h
    \s12
    sqrdmulh v\t3\().4s, v\t3\().4s, v23.4s
    \s13
    srshl v\t0\().4s, v\t0\().4s, v12.4s
    \s14
    srshl v\t1\().4s, v\t1\().4s, v13.4s
    \s15
    smax RESULT.16b, RESULT.16b, LOW.16b
    \s16
    srshl v\t2\().4s, v\t2\().4s, v15.4s
    \s17
    srshl v\t3\().4s, v\t3\().4s, v28.4s
    \s18
    sqxtn v\t0\().4h, v\t0\().4s
    \s19
    smin RESULT.16b, RESULT.16b, HIGH.16b
    \s20
.endm

/* A pass ---------------------------------------------------------------------------------------- */

/* The pass over columns 16 g of a quad; then the codes go on by `codes_by`.  The last two results
 * of the pass before go to `before2` and `before3`. */
.macro pass g, codes_by, before2, before3, first_slot
    tbnz chain, #63, .Lfew_blocks\g
    begin "adr to_first, 4f", "ldr q16, [pixel0, two_steps]", "lsr left, chain, #16", \
        "ldr q17, [pixel1, two_steps]", "sub to_first, to_first, chain_bytes, uxth", \
        "ldr q18, [pixel2, two_steps]", "", "ldr q19, [pixel3, two_steps]"
    br to_first
3:
    sub left, left, #1
    add_and_load odd, even
    add_and_load even, odd
    add_and_load odd, even
    add_and_load even, odd
    add_and_load odd, even
    add_and_load even, odd
    add_and_load odd, even
    add_and_load even, odd
4:
    cbnz left, 3b
    end_sums add_block, \g
.Lsums\g:
.if \g < 3
    pixel 0, 1, 24, 25, 26, 27, 8, 9, 10, 11, \
        "\first_slot", "ldr q12, [columns, #192 * \g + 128]", "", \
        "str q14, [\before2]", "add pixel0, pixel0, \codes_by", "add pixel1, pixel1, \codes_by", \
        "add pixel2, pixel2, \codes_by", "ldr q13, [columns, #192 * \g + 144]", \
        "ldr q15, [columns, #192 * \g + 160]", "add pixel3, pixel3, \codes_by", \
        "ldr q28, [columns, #192 * \g + 176]", "ldr q8, [columns, #192 * \g]", "", \
        "ldr q9, [columns, #192 * \g + 16]", "ldr q10, [columns, #192 * \g + 32]", \
        "mov odd, odd_first", "ldr q11, [columns, #192 * \g + 48]", \
        "prfm pldl1keep, [to_columns, #192 * \g]", "mov even, even_first", \
        "prfm pldl1keep, [to_columns, #192 * \g + 64]"
    pixel 2, 3, 8, 9, 10, 11, 24, 25, 26, 27, \
        "", "ldr q16, [pixel0]", "", "str q14, [\before3]", "", "", "", "ldr q17, [pixel1]", \
        "ldr q18, [pixel2]", "", "ldr q19, [pixel3]", "ldr q24, [columns, #192 * \g]", "", \
        "ldr q25, [columns, #192 * \g + 16]", "ldr q26, [columns, #192 * \g + 32]", "", \
        "ldr q27, [columns, #192 * \g + 48]", "prfm pldl1keep, [line]", "add line, line, step", ""
    pixel 4, 5, 24, 25, 26, 27, 8, 9, 10, 11, \
        "prfm pstl1keep, [out\g, to_out]", "", "", "str q14, [out0, #16 * \g]", "", "", "", \
        "prfm pldl1keep, [line]", "", "", "ldr q8, [columns, #192 * \g]", \
        "ldr q9, [columns, #192 * \g + 16]", "", "ldr q10, [columns, #192 * \g + 32]", \
        "ldr q11, [columns, #192 * \g + 48]", "", "prfm pldl1keep, [line, step]", "", \
        "add first, first, pixel_stride", ""
    pixel 6, 7, 8, 9, 10, 11, 24, 25, 26, 27, \
        "prfm pldl1keep, [first]", "", "mov line, first", "str q14, [out1, #16 * \g]", "", "", "", \
        "ldr q24, [pixel0, second]", "ldr q25, [pixel1, second]", "", \
        "ldr q20, [columns, #192 * \g + 256]", "ldr q21, [columns, #192 * \g + 272]", "", \
        "ldr q26, [pixel2, second]", "ldr q27, [pixel3, second]", "", \
        "ldr q22, [columns, #192 * \g + 288]", "ldr q23, [columns, #192 * \g + 304]", "", \
        "prfm pldl1keep, [to_columns, #192 * \g + 128]"
.else
    pixel 0, 1, 24, 25, 26, 27, 8, 9, 10, 11, \
        "\first_slot", "ldr q12, [columns, #704]", \
        "subs quads, quads, #1", "str q14, [\before2]", "add pixel0, pixel0, \codes_by", \
        "add pixel1, pixel1, \codes_by", "add pixel2, pixel2, \codes_by", \
        "ldr q13, [columns, #720]", "ldr q15, [columns, #736]", "add pixel3, pixel3, \codes_by", \
        "ldr q28, [columns, #752]", "ldr q8, [columns, #576]", "cset left, eq", \
        "ldr q9, [columns, #592]", "ldr q10, [columns, #608]", "sub lines_left, lines_left, left", \
        "ldr q11, [columns, #624]", "ldr left, [lines, #at_quads]", "mov even, even_first", \
        "prfm pldl1keep, [to_columns, #576]"
    pixel 2, 3, 8, 9, 10, 11, 24, 25, 26, 27, \
        "", "ldr q16, [pixel0]", "csel quads, left, quads, eq", "str q14, [\before3]", \
        "cmp quads, #3", "mov left, #3", "csel left, quads, left, lo", "ldr q17, [pixel1]", \
        "ldr q18, [pixel2]", "cmp lines_left, #1", "ldr q19, [pixel3]", "ldr q24, [columns, #576]", \
        "ccmp quads, #1, #0, eq", "ldr q25, [columns, #592]", "ldr q26, [columns, #608]", \
        "mov odd, odd_first", "ldr q27, [columns, #624]", "prfm pldl1keep, [line]", \
        "add line, line, step", "add quad, lines, left, lsl #5"
    pixel 4, 5, 24, 25, 26, 27, 8, 9, 10, 11, \
        "prfm pstl1keep, [out3, to_out]", "ldr to_first, [quad, #24]", "", "str q14, [out0, #48]", \
        "", "", "", "prfm pldl1keep, [line]", "ldr left, [lines, #at_beyond]", \
        "add to_first, to_first, pixel0", "ldr q8, [columns, #576]", "ldr q9, [columns, #592]", "", \
        "ldr q10, [columns, #608]", "ldr q11, [columns, #624]", "csel first, left, to_first, eq", \
        "prfm pldl1keep, [line, step]", "", "mov columns, to_columns", \
        "prfm pldl1keep, [to_columns, #640]"
    pixel 6, 7, 8, 9, 10, 11, 24, 25, 26, 27, \
        "add last2, out2, #48", "", "mov line, first", "str q14, [out1, #48]", "add out0, out0, to_out", \
        "add out2, out2, to_out", "add last3, out3, #48", "ldr q24, [pixel0, second]", \
        "ldr q25, [pixel1, second]", "add out1, out1, to_out", "ldr q20, [columns, #64]", \
        "ldr q21, [columns, #80]", "", "ldr q26, [pixel2, second]", "ldr q27, [pixel3, second]", \
        "add out3, out3, to_out", "ldr q22, [columns, #96]", "ldr q23, [columns, #112]", "", \
        "prfm pldl1keep, [to_columns, #704]"
.endif
.endm

/* Where the pass has no chain. */
.macro few_blocks g
.Lfew_blocks\g:
    tbz chain, #0, 7f
    end_sums begin, \g
    b .Lsums\g
7:
    end_sums begin_only, \g
    b .Lsums\g
.endm

/* `eq`: the next quad is the last.  After it its own first codes are loaded again, since other
 * codes are not needed and would miss. */
.macro stay_behind_last
    mov left, #-48
    csel to_codes, left, to_codes, eq
.endm

/* The function -------------------------------------------------------------------------------- */

    .section .text.analog_linewise, "ax"
    .balign 64
    .global analog_linewise
    .type analog_linewise, %function
analog_linewise:
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
    ldr pixel1, [lines, #LINEWISE_PIXEL1]
    ldr pixel2, [lines, #LINEWISE_PIXEL2]
    ldr pixel3, [lines, #LINEWISE_PIXEL3]
    add pixel1, pixel0, pixel1
    add pixel2, pixel0, pixel2
    add pixel3, pixel0, pixel3
    ldr q16, [pixel0]
    ldr columns, [lines, #LINEWISE_COLUMNS]
    ldr q17, [pixel1]
    ldr step, [lines, #LINEWISE_STEP]
    ldr q18, [pixel2]
    ldr chain, [lines, #LINEWISE_BLOCKS]
    ldr q19, [pixel3]
    ldr out1, [lines, #LINEWISE_OUT1]
    sub chain, chain, #3
    cmn chain, #2
    ldr out2, [lines, #LINEWISE_OUT2]
    csel second, xzr, step, eq
    ldr out3, [lines, #LINEWISE_OUT3]
    ldr quads, [lines, #LINEWISE_QUADS]
    lsl two_steps, step, #1
    ldr q24, [pixel0, second]
    ldr q25, [pixel1, second]
    ldr q26, [pixel2, second]
    ldr q27, [pixel3, second]
    add out1, out0, out1
    ldr lines_left, [lines, #LINEWISE_GROUPS]
    add out2, out0, out2
    ldr pixel_stride, [lines, #LINEWISE_PIXEL_STRIDE]
    add out3, out0, out3
    ldr q20, [columns, #64]
    cmp quads, #3 /* the step after the first quad */
    mov left, #3
    csel left, quads, left, lo
    add quad, lines, left, lsl #5
    ldr q21, [columns, #80]
    ldr q22, [columns, #96]
    ldr q23, [columns, #112]
    movi TWO_TO_8.8h, #1, lsl #8
    ldr q30, [lines, #LINEWISE_LOW]
    ldr q31, [lines, #LINEWISE_HIGH]
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
    ldr to_columns, [quad, #16]
    /* Results of a pass that did not happen; the bytes stored there are overwritten later. */
    add last2, out2, #48
    add last3, out3, #48
    ldr first, [quad, #24]
    add first, first, pixel0
    cmp lines_left, #1
    ccmp quads, #1, #0, eq
    ldr left, [lines, #LINEWISE_BEYOND]
    csel first, left, first, eq
    mov line, first
    stay_behind_last
1:
    pass 0, #16, last2, last3, "add to_columns, columns, to_columns"
    pass 1, #16, "out2", "out3"
    pass 2, #16, "out2, #16", "out3, #16"
    pass 3, to_codes, "out2, #32", "out3, #32"
    ldr to_codes, [quad]
    ldr to_out, [quad, #8]
    ldr to_columns, [quad, #16]
    stay_behind_last
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
    few_blocks 0
    few_blocks 1
    few_blocks 2
    few_blocks 3
    .size analog_linewise, . - analog_linewise
