/* The register tiles of gemm_neon.h, in int8 (SDOT) and in fp32 (FMLA).
 *
 * Assembly because of its schedule: an in-order core with one SIMD unit and one load per cycle is
 * busy if every load follows a multiplication, is a dozen multiplications before its use, and is
 * not next to another load.
 *
 * Both kinds share everything except the multiplication and the finishing of the sums. 32 bytes of
 * weights are a "quad": four int8 inputs, or one fp32 input, of 8 channels.  A "step" is the four
 * quads in 16 bytes of a row's inputs.
 */
#include "gemm_layout.h"

.equ NEAR, 384 /* bytes by which prefetches to the L1 run ahead of the weights' use */

panel .req x0
rows .req x1
out .req x2
tiles .req x3
w .req x4      /* weights of the present step */
offset .req x5 /* of the next inputs from a row's pointer */
step .req w6
tap .req w7
tap_at .req x8 /* where the next tap's offset is */
far .req x17   /* weights that will be needed later */
far_step .req x19
steps .req w20
stride .req x21
shifts_left .req w22
first_tap .req x23
ahead .req x24 /* as offset, of the next tile's inputs */
next_first .req x25 /* pointers of its rows 0 and 4 */
next_middle .req x30
beyond .req x29 /* from the last tile to its inputs in what follows this call */
sums .req x26 /* initial values of the next tile's sums */
sums_step .req x27
tap_count .req w18
partial .req x28 /* address of unfinished sums */

/* Row r: sums of channels 0-3 and 4-7, inputs, pointer. */
.macro name_row r, low, high, inputs, pointer
L\r .req v\low
QL\r .req q\low
DL\r .req d\low
H\r .req v\high
QH\r .req q\high
X\r .req v\inputs
QX\r .req q\inputs
FROM\r .req x\pointer
.endm
name_row 0, 0, 1, 16, 9
name_row 1, 2, 3, 17, 10
name_row 2, 4, 5, 18, 11
name_row 3, 6, 7, 19, 12
name_row 4, 8, 9, 20, 13
name_row 5, 10, 11, 21, 14
name_row 6, 12, 13, 22, 15
name_row 7, 14, 15, 23, 16

/* Weights of a quad: channels 0-3 and 4-7. */
.macro name_weights name, low, high
\name\()L .req v\low
Q\name\()L .req q\low
\name\()H .req v\high
Q\name\()H .req q\high
.endm
name_weights A, 24, 25
name_weights B, 26, 27
name_weights C, 28, 29
LOW .req v30
HIGH .req v31

.macro for_rows tile_rows, operation:vararg
.irp r, 0, 1, 2, 3
    \operation \r
.endr
.if \tile_rows == 8
.irp r, 4, 5, 6, 7
    \operation \r
.endr
.endif
.endm

/* The inner loop ------------------------------------------------------------------------------ */

.macro multiply_int8 sum, weights, inputs, lane
    sdot \sum\().4s, \weights\().16b, \inputs\().4b[\lane]
.endm
.macro multiply_fp32 sum, weights, inputs, lane
    fmla \sum\().4s, \weights\().4s, \inputs\().s[\lane]
.endm

/* One row's part of a quad, with an instruction behind each multiplication. */
.macro row kind, r, weights, lane, first, second
    multiply_\kind L\r, \weights\()L, X\r, \lane
    \first
    multiply_\kind H\r, \weights\()H, X\r, \lane
    \second
.endm

/* Multiplies inputs `lane` of all rows by a quad of weights. a0 to h1 are interleaved: the letter
 * is the row, and 1 means after its second multiplication, where loads are. */
.macro quad kind, tile_rows, weights, lane, a0, a1, b0, b1, c0, c1, d1, e1, f1, g1, h1
    row \kind, 0, \weights, \lane, "\a0", "\a1"
    row \kind, 1, \weights, \lane, "\b0", "\b1"
    row \kind, 2, \weights, \lane, "\c0", "\c1"
    row \kind, 3, \weights, \lane, "", "\d1"
.if \tile_rows == 8
    row \kind, 4, \weights, \lane, "", "\e1"
    row \kind, 5, \weights, \lane, "", "\f1"
    row \kind, 6, \weights, \lane, "", "\g1"
    row \kind, 7, \weights, \lane, "", "\h1"
.endif
.endm

/* A quad that loads each row's next inputs after the row. */
.macro last_quad kind, tile_rows, weights, lane, a0, b0, c0
    quad \kind, \tile_rows, \weights, \lane, \
        a0="\a0", a1="ldr QX0, [FROM0, offset]", b0="\b0", b1="ldr QX1, [FROM1, offset]", \
        c0="\c0", c1="ldr QX2, [FROM2, offset]", d1="ldr QX3, [FROM3, offset]", \
        e1="ldr QX4, [FROM4, offset]", f1="ldr QX5, [FROM5, offset]", \
        g1="ldr QX6, [FROM6, offset]", h1="ldr QX7, [FROM7, offset]"
.endm

/* Four quads; `next` computes the next inputs' address, `advance` is interleaved. */
.macro whole_step kind, tile_rows, next, advance
    quad \kind, \tile_rows, A, 0, a1="ldr QBL, [w, #32]", b1="ldr QBH, [w, #48]", \
        c1="ldr QCL, [w, #64]", d1="ldr QCH, [w, #80]"
    quad \kind, \tile_rows, B, 1, a0="add far, far, far_step", a1="ldr QAL, [w, #128]", b1="ldr QAH, [w, #144]", \
        c1="prfm pldl1keep, [w, #NEAR]", d1="prfm pldl1keep, [w, #NEAR + 64]"
    quad \kind, \tile_rows, C, 2, a0="\next", a1="ldr QBL, [w, #96]", b1="ldr QBH, [w, #112]", \
        c1="prfm pldl1keep, [far]", d1="prfm pldl1keep, [next_first, ahead]", \
        f1="prfm pldl1keep, [next_middle, ahead]"
    last_quad \kind, \tile_rows, B, 3, "add w, w, #128", "\advance", "add ahead, ahead, #64"
.endm

/* The end of a tap, 1 to 4 quads. */
.macro end_tap_1 kind, tile_rows
    ldr offset, [tap_at]
    ldr QBL, [w, #32]
    ldr QBH, [w, #48]
    last_quad \kind, \tile_rows, A, 0, "add w, w, #32", "add tap_at, tap_at, #8"
    mov AL.16b, BL.16b
    mov AH.16b, BH.16b
.endm
.macro end_tap_2 kind, tile_rows
    quad \kind, \tile_rows, A, 0, a1="ldr QBL, [w, #32]", b1="ldr QBH, [w, #48]", \
        c1="ldr offset, [tap_at]", d1="prfm pldl1keep, [w, #NEAR]"
    ldr QAL, [w, #64]
    ldr QAH, [w, #80]
    last_quad \kind, \tile_rows, B, 1, "add w, w, #64", "add tap_at, tap_at, #8"
.endm
.macro end_tap_3 kind, tile_rows
    quad \kind, \tile_rows, A, 0, a1="ldr QBL, [w, #32]", b1="ldr QBH, [w, #48]", \
        c1="ldr QCL, [w, #64]", d1="ldr QCH, [w, #80]"
    quad \kind, \tile_rows, B, 1, a0="add far, far, far_step", a1="ldr QAL, [w, #96]", \
        b0="prfm pldl1keep, [w, #NEAR]", b1="ldr QAH, [w, #112]", c1="ldr offset, [tap_at]", \
        d1="prfm pldl1keep, [far]"
    last_quad \kind, \tile_rows, C, 2, "add w, w, #96", "add tap_at, tap_at, #8"
.endm
.macro end_tap_4 kind, tile_rows
    whole_step \kind, \tile_rows, "ldr offset, [tap_at]", "add tap_at, tap_at, #8"
.endm

/* The end of a tile --------------------------------------------------------------------------- */

.macro load_pointers tile_rows
    ldp FROM0, FROM1, [rows]
    ldp FROM2, FROM3, [rows, #16]
.if \tile_rows == 8
    ldp FROM4, FROM5, [rows, #32]
    ldp FROM6, FROM7, [rows, #48]
.endif
    add rows, rows, #64
.endm
.macro load_inputs r
    ldr QX\r, [FROM\r, offset]
.endm
.macro load_low r
    ldr QL\r, [sums, #32 * \r]
.endm
.macro load_high r
    ldr QH\r, [sums, #32 * \r + 16]
.endm
.macro load_sums r
    load_low \r
    load_high \r
.endm

.macro shift_left r
    sqshl L\r\().4s, L\r\().4s, v28.4s
    sqshl H\r\().4s, H\r\().4s, v29.4s
.endm
.macro multiply_row r
    sqrdmulh L\r\().4s, L\r\().4s, v24.4s
    sqrdmulh H\r\().4s, H\r\().4s, v25.4s
.endm
/* Beside these, the next tile's first inputs and sums are loaded. */
.macro shift_right r
    srshl L\r\().4s, L\r\().4s, v26.4s
    load_inputs \r
    srshl H\r\().4s, H\r\().4s, v27.4s
.endm
.macro narrow_low r
    sqxtn L\r\().4h, L\r\().4s
.endm
.macro narrow_high r
    sqxtn2 L\r\().8h, H\r\().4s
    load_high \r
.endm
.macro narrow_even r, s, result
    sqxtn L\r\().8b, L\r\().8h
.endm
.macro narrow_odd r, s, result
    sqxtn2 L\r\().16b, L\s\().8h
    load_low \s
.endm
.macro clamp_low r, s, result
    smax L\r\().16b, L\r\().16b, LOW.16b
.endm
.macro clamp_high r, s, result
    smin v\result\().16b, L\r\().16b, HIGH.16b
    load_low \r
.endm
/* Two pairs; LOW and HIGH, which are read again, hold the second rows meanwhile. */
.macro store_pairs one, other
    dup d30, v\one\().d[1]
    dup d31, v\other\().d[1]
    str d\one, [out]
    str d30, [out, stride]
    add out, out, stride, lsl #1
    str d\other, [out]
    str d31, [out, stride]
    add out, out, stride, lsl #1
.endm
.macro for_pairs tile_rows, operation
    \operation 0, 1, 26
    \operation 2, 3, 27
.if \tile_rows == 8
    \operation 4, 5, 28
    \operation 6, 7, 29
.endif
.endm

/* Requantizes and stores; begins the next tile. */
.macro finish_int8 tile_rows
    ldr q24, [panel, #PANEL_MULTIPLIER]
    ldr q25, [panel, #PANEL_MULTIPLIER + 16]
    ldr q26, [panel, #PANEL_RIGHT]
    ldr q27, [panel, #PANEL_RIGHT + 16]
    cbz shifts_left, 5f
    ldr q28, [panel, #PANEL_LEFT]
    ldr q29, [panel, #PANEL_LEFT + 16]
    for_rows \tile_rows, shift_left
5:
    multiply_row 0
    ldp FROM0, FROM1, [rows]
    multiply_row 1
    ldp FROM2, FROM3, [rows, #16]
    multiply_row 2
    multiply_row 3
.if \tile_rows == 8
    multiply_row 4
    ldp FROM4, FROM5, [rows, #32]
    multiply_row 5
    ldp FROM6, FROM7, [rows, #48]
    multiply_row 6
    multiply_row 7
.endif
    add rows, rows, #64
    ldr QAL, [w]
    ldr QAH, [w, #16]
    ldr q30, [panel, #PANEL_LOW]
    ldr q31, [panel, #PANEL_HIGH]
    for_rows \tile_rows, shift_right
    for_rows \tile_rows, narrow_low
    for_rows \tile_rows, narrow_high
    for_pairs \tile_rows, narrow_even
    for_pairs \tile_rows, narrow_odd
    for_pairs \tile_rows, clamp_low
    for_pairs \tile_rows, clamp_high
    store_pairs 26, 27
.if \tile_rows == 8
    store_pairs 28, 29
.endif
.endm

.macro clamp_fp32 r
    fmaxnm L\r\().4s, L\r\().4s, LOW.4s
    load_inputs \r
    fmaxnm H\r\().4s, H\r\().4s, LOW.4s
.endm
.macro store_fp32 r
    fminnm L\r\().4s, L\r\().4s, HIGH.4s
    fminnm H\r\().4s, H\r\().4s, HIGH.4s
    str QL\r, [out]
    str QH\r, [out, #16]
    add out, out, stride
.endm
.macro finish_fp32 tile_rows
    load_pointers \tile_rows
    ldr QAL, [w]
    ldr QAH, [w, #16]
    for_rows \tile_rows, clamp_fp32
    for_rows \tile_rows, store_fp32
    for_rows \tile_rows, load_sums
.endm

/* Stores unfinished sums to memory. */
.macro store_partial r
    str QL\r, [partial, #32 * \r]
    load_inputs \r
    str QH\r, [partial, #32 * \r + 16]
.endm
.macro finish_partial tile_rows
    load_pointers \tile_rows
    ldr QAL, [w]
    ldr QAH, [w, #16]
    for_rows \tile_rows, store_partial
    add partial, partial, #256
    for_rows \tile_rows, load_sums
.endm
/* The functions ------------------------------------------------------------------------------- */

/* void gemm_KIND_ROWS_QUADS(panel, rows, out, tiles), where QUADS end each tap */
.macro gemm kind, tile_rows, quads, blocks=0
    .section .text.gemm_\kind\()_\tile_rows\()_\quads, "ax"
    .balign 64
    .global gemm_\kind\()_\tile_rows\()_\quads
    .type gemm_\kind\()_\tile_rows\()_\quads, %function
gemm_\kind\()_\tile_rows\()_\quads:
    stp x19, x20, [sp, #-160]!
    stp x21, x22, [sp, #16]
    stp x23, x24, [sp, #32]
    stp x25, x26, [sp, #112]
    stp x27, x28, [sp, #128]
    stp x29, x30, [sp, #144]
    stp d8, d9, [sp, #48]
    stp d10, d11, [sp, #64]
    stp d12, d13, [sp, #80]
    stp d14, d15, [sp, #96]
    ldr w, [panel, #PANEL_WEIGHT]
    ldr first_tap, [panel, #PANEL_TAPS]
    ldr far, [panel, #PANEL_FAR]
    ldr far_step, [panel, #PANEL_FAR_STEP]
    ldr stride, [panel, #PANEL_OUT_STRIDE]
    ldr steps, [panel, #PANEL_STEPS]
    ldr shifts_left, [panel, #PANEL_SHIFTS_LEFT]
    ldr sums, [panel, #PANEL_BIAS]
    mov sums_step, #0
    ldr partial, [panel, #PANEL_SUMS]
    ldr q30, [panel, #PANEL_LOW]
    ldr q31, [panel, #PANEL_HIGH]
    ldr tap_count, [panel, #PANEL_TAP_COUNT]
    ldr beyond, [first_tap, tap_count, uxtw #3]
    ldr offset, [first_tap], #8
    sub beyond, beyond, offset
    load_pointers \tile_rows
    ldr QAL, [w]
    ldr QAH, [w, #16]
    for_rows \tile_rows, load_inputs
    for_rows \tile_rows, load_sums
1:
    ldr next_first, [rows]
    ldr next_middle, [rows, #32]
    cmp tiles, #1
    csel tap_at, beyond, xzr, eq
    add next_first, next_first, tap_at
    add next_middle, next_middle, tap_at
    mov tap, tap_count
    mov tap_at, first_tap
2:
    mov ahead, offset
    mov step, steps
    cbz steps, 4f
3:
    whole_step \kind, \tile_rows, "add offset, offset, #16", "subs step, step, #1"
    b.ne 3b
4:
    end_tap_\quads \kind, \tile_rows
    subs tap, tap, #1
    b.ne 2b
    subs tiles, tiles, #1
.if \blocks
    ldr tap, [panel, #PANEL_BLOCKS]
    b.eq 6f
    ldr w, [panel, #PANEL_WEIGHT]
    ldr offset, [first_tap, #-8]
    add sums, sums, sums_step
    cbz tap, 7f
    finish_partial \tile_rows
    b 1b
6:  /* a block's last tile */
    cbz tap, 7f
    sub tap, tap, #1
    str tap, [panel, #PANEL_BLOCKS]
    str w, [panel, #PANEL_WEIGHT]
    add first_tap, first_tap, tap_count, uxtw #3
    ldr offset, [first_tap, #-8]
    sub tap_at, first_tap, #8
    ldr beyond, [tap_at, tap_count, uxtw #3]
    sub beyond, beyond, offset
    ldr rows, [panel, #PANEL_ROWS]
    ldr sums, [panel, #PANEL_SUMS]
    mov sums_step, #256
    finish_partial \tile_rows
    mov partial, sums
    ldr tiles, [panel, #PANEL_TILES]
    b 1b
7:
.else
    ldr w, [panel, #PANEL_WEIGHT]
    ldr offset, [first_tap, #-8]
    add sums, sums, sums_step
.endif
    finish_\kind \tile_rows
    cbnz tiles, 1b
    ldp x29, x30, [sp, #144]
    ldp x27, x28, [sp, #128]
    ldp x25, x26, [sp, #112]
    ldp x23, x24, [sp, #32]
    ldp x21, x22, [sp, #16]
    ldp d8, d9, [sp, #48]
    ldp d10, d11, [sp, #64]
    ldp d12, d13, [sp, #80]
    ldp d14, d15, [sp, #96]
    ldp x19, x20, [sp], #160
    ret
.endm

.irp quads, 1, 2, 3, 4
gemm int8, 8, \quads, blocks=1
gemm int8, 4, \quads
gemm fp32, 8, \quads, blocks=1
gemm fp32, 4, \quads
.endr
