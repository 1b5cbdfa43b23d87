/* Addresses of the simulated board, on every engine (gem5's VExpress_GEM5_V2 map).  They stand here
 * alone: Python has them from `harness._headers`, gem5's script from its settings, and link.ld from
 * harness/toolchain/build.py. */
#ifndef AIMC_PLATFORM_H
#define AIMC_PLATFORM_H

#ifdef __ASSEMBLER__
#define PLATFORM_ADDRESS(address) address
#else
#define PLATFORM_ADDRESS(address) address##ul
#endif

/* Operation f is at base + (f << 8) and has its arguments in x0 and x1. */
#define PLATFORM_M5OPS_BASE PLATFORM_ADDRESS(0x10010000)
/* Tile t is at base + t * AIMC_TILE_WINDOW. */
#define PLATFORM_TILE_BASE PLATFORM_ADDRESS(0x14000000)
#define PLATFORM_TILE_MAX 1024u
#define PLATFORM_UART_BASE PLATFORM_ADDRESS(0x1c090000) /* PL011 */
#define PLATFORM_DRAM_BASE PLATFORM_ADDRESS(0x80000000)

#define PLATFORM_M5_EXIT 0x21u
#define PLATFORM_M5_FAIL 0x22u       /* x0: delay in ns, x1: exit code */
#define PLATFORM_M5_WORK_BEGIN 0x5au /* x0: region id, x1: 0 */
#define PLATFORM_M5_WORK_END 0x5bu   /* x0: region id, x1: 0 */

#endif
