// Entry point, exception vectors and the identity map; see aimc_runtime.h.

#include "cores.h"
#include "platform.h"

#define SCTLR_RES1 0x30d00800
#define SCTLR_M (1 << 0)
#define SCTLR_C (1 << 2)
#define SCTLR_I (1 << 12)

// Memory attributes: index 0 is device nGnRE, index 1 normal write-back, read and write allocate.
#define MAIR_VALUE 0xff04
// 4 KiB granule, 32-bit virtual addresses (a table of four 1 GiB blocks), 36-bit physical ones,
// walks write-back and inner shareable, no second half (EPD1).
#define TCR_VALUE ((1 << 32) | (1 << 23) | (3 << 12) | (1 << 10) | (1 << 8) | 32)

#define BLOCK_VALID (1 << 0)
#define BLOCK_NORMAL (1 << 2)
#define BLOCK_INNER_SHAREABLE (3 << 8)
#define BLOCK_ACCESSED (1 << 10)
#define BLOCK_NEVER_EXECUTE (3 << 53)
#define DEVICE (BLOCK_VALID | BLOCK_ACCESSED | BLOCK_NEVER_EXECUTE)
#define DRAM (BLOCK_VALID | BLOCK_NORMAL | BLOCK_INNER_SHAREABLE | BLOCK_ACCESSED)

  .section .text.start, "ax"
  .globl _start
  .type _start, %function
_start:
  ldr x0, =aimc_vectors
  msr vbar_el1, x0
  mov x0, #(3 << 20)  // Advanced SIMD and floating point do not trap
  msr cpacr_el1, x0
  isb

  ldr x0, =aimc_platform_mmu
  ldr w0, [x0]
  cbz w0, choose
  ldr x0, =MAIR_VALUE
  msr mair_el1, x0
  ldr x0, =TCR_VALUE
  msr tcr_el1, x0
  ldr x0, =translation_table
  msr ttbr0_el1, x0
  dsb sy
  tlbi vmalle1
  ic iallu
  dsb sy
  isb
  ldr x0, =(SCTLR_RES1 | SCTLR_I | SCTLR_C | SCTLR_M)
  msr sctlr_el1, x0
  isb

choose:  // main() runs on core 0
  mrs x19, mpidr_el1
  and x19, x19, #0xffffff
  cbnz x19, sleep

  ldr x0, =aimc_bss_start
  ldr x1, =aimc_bss_end
1:
  cmp x0, x1
  b.hs 2f
  stp xzr, xzr, [x0], #16
  b 1b
2:
  ldr x0, =aimc_stack_top
  mov sp, x0
  mov x29, xzr
  bl main
  bl aimc_exit

// Another core, x19, sleeps until aimc_start_core() gives it an entry, an argument and a stack.
sleep:
  cmp x19, #AIMC_CORES
  b.hs park
  ldr x20, =aimc_core_slots
  add x20, x20, x19, lsl #5
1:
  ldar x1, [x20]
  cbnz x1, 2f
  wfe
  b 1b
2:
  ldp x0, x2, [x20, #8]
  mov sp, x2
  mov x29, xzr
  blr x1

park:
  wfe
  b park
  .ltorg

// Any exception ends the program: aimc_fault() gets its kind, syndrome and address on a new stack.
  .macro vector number
  .balign 128
  mov x0, #\number
  b enter_fault
  .endm

  .section .text.vectors, "ax"
  .balign 2048
aimc_vectors:
  vector 0
  vector 1
  vector 2
  vector 3
  vector 4
  vector 5
  vector 6
  vector 7
  vector 8
  vector 9
  vector 10
  vector 11
  vector 12
  vector 13
  vector 14
  vector 15

enter_fault:
  ldr x1, =aimc_stack_top
  mov sp, x1
  mrs x1, esr_el1
  mrs x2, elr_el1
  mrs x3, far_el1
  bl aimc_fault
  b park
  .ltorg

  .section .data.translation_table, "aw"
  .balign 4096
// One GiB: DRAM from its base on, devices below.
  .macro block gib
  .if (\gib << 30) < PLATFORM_DRAM_BASE
  .quad (\gib << 30) | DEVICE
  .else
  .quad (\gib << 30) | DRAM
  .endif
  .endm

translation_table:
  block 0
  block 1
  block 2
  block 3
