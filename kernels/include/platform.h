/* Where things are on the simulated board, on every engine (gem5's VExpress_GEM5_V2 map). */
#ifndef AIMC_PLATFORM_H
#define AIMC_PLATFORM_H

#define PLATFORM_M5OPS_BASE 0x10010000ul /* operation f at base + (f << 8), arguments in x0.. */
#define PLATFORM_TILE_BASE 0x14000000ul  /* tile t at base + t * AIMC_TILE_WINDOW */
#define PLATFORM_TILE_MAX 1024u
#define PLATFORM_UART_BASE 0x1c090000ul /* PL011 */
#define PLATFORM_DRAM_BASE 0x80000000ul

#define PLATFORM_M5_EXIT 0x21u
#define PLATFORM_M5_FAIL 0x22u       /* x0: delay in ns, x1: exit code */
#define PLATFORM_M5_WORK_BEGIN 0x5au /* x0: region id, x1: 0 */
#define PLATFORM_M5_WORK_END 0x5bu   /* x0: region id, x1: 0 */

#endif
