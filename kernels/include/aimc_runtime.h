/* The runtime of a bare-metal program, instead of an operating system and a C library.
 *
 * The runtime's entry point is at the very start of the image (PLATFORM_DRAM_BASE).  On every core
 * it turns on Advanced SIMD, and the MMU and caches unless the board says otherwise
 * (aimc_platform_mmu).  Core 0 then sets up the stack, clears .bss and calls main(), whose return
 * value goes to aimc_exit(); the others sleep until aimc_start_core().  A CPU exception prints its
 * syndrome and fails with AIMC_EXIT_FAULT.
 */
#ifndef AIMC_RUNTIME_H
#define AIMC_RUNTIME_H

#include <stddef.h>
#include <stdint.h>

#define AIMC_EXIT_MISMATCH_MAX 253 /* larger numbers of mismatches exit as this */
#define AIMC_EXIT_FATAL 254        /* aimc_fatal() */
#define AIMC_EXIT_FAULT 255        /* CPU exception */

/* For activation and scratch buffers: aligned as aimc_ops.h asks, and not cleared at start. */
#define AIMC_BUFFER __attribute__((aligned(64), section(".bss.aimc_buffer")))

/* Nonzero: start-up turns on the MMU (identity map: DRAM cacheable, all else device memory) and
 * the caches.  In .data; a board that needs no MMU writes 0 here before the start. */
extern uint32_t aimc_platform_mmu;

/* The program. */
int main(void);

/* All code, in the image. */
extern const char aimc_text_start[];
extern const char aimc_text_end[];

/* Wakes core `core`, 1 to 7 and once, to call entry(argument) on a stack of its own that ends at
 * stack_top (a multiple of 16); after that it sleeps for good.  What was written before is seen
 * there.  Nothing tells whether the core exists, and the console, regions and exit are for one core
 * at a time: a core says that it is done through memory. */
void aimc_start_core(uint32_t core, void (*entry)(void*), void* argument, void* stack_top);

/* Ends the simulation: exit code 0 if mismatches is 0, else min(mismatches, 253). */
_Noreturn void aimc_exit(uint32_t mismatches);

/* Ends the simulation with AIMC_EXIT_FATAL after printing "fatal: " and the message. */
_Noreturn void aimc_fatal(const char* message);

/* Marks the execution of one region (a layer); regions do not nest. */
void aimc_region_begin(uint32_t id);
void aimc_region_end(uint32_t id);

/* Console. */
void aimc_print(const char* text);
void aimc_print_decimal(int64_t value);
void aimc_print_hex(uint64_t value); /* 0x and 16 digits */

/* Number of bytes that differ; prints the first few differences under the given name. */
uint32_t aimc_compare(const char* name, const int8_t* actual, const int8_t* expected,
                      uint32_t count);

/* The compiler emits calls to these. */
void* memcpy(void* restrict to, const void* restrict from, size_t bytes);
void* memmove(void* to, const void* from, size_t bytes);
void* memset(void* to, int value, size_t bytes);
int memcmp(const void* a, const void* b, size_t bytes);

#endif
