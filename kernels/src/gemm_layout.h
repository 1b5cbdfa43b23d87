/* Offsets of the fields of struct gemm_panel for gemm_tile.S; gemm_neon.c checks them. */
#ifndef AIMC_GEMM_LAYOUT_H
#define AIMC_GEMM_LAYOUT_H

#define PANEL_WEIGHT 0
#define PANEL_TAPS 8
#define PANEL_FAR 16
#define PANEL_FAR_STEP 24
#define PANEL_OUT_STRIDE 32
#define PANEL_BIAS 40
#define PANEL_SUMS 48
#define PANEL_ROWS 56
#define PANEL_TILES 64
#define PANEL_TAP_COUNT 72
#define PANEL_STEPS 76
#define PANEL_SHIFTS_LEFT 80
#define PANEL_BLOCKS 84
#define PANEL_LOW 96
#define PANEL_HIGH 112
#define PANEL_MULTIPLIER 128
#define PANEL_RIGHT 160
#define PANEL_LEFT 192

#endif
