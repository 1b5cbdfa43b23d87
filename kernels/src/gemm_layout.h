/* Where gemm_tile.S finds the fields of struct gemm_panel; gemm_neon.c checks them. */
#ifndef AIMC_GEMM_LAYOUT_H
#define AIMC_GEMM_LAYOUT_H

#define GEMM_WEIGHT 0
#define GEMM_TAPS 8
#define GEMM_FAR 16
#define GEMM_FAR_STEP 24
#define GEMM_OUT_STRIDE 32
#define GEMM_TAP_COUNT 40
#define GEMM_STEPS 44
#define GEMM_SHIFTS_LEFT 48
#define GEMM_BIAS 64
#define GEMM_LOW 96
#define GEMM_HIGH 112
#define GEMM_MULTIPLIER 128
#define GEMM_RIGHT 160
#define GEMM_LEFT 192

#endif
