/* Calls to the simulator through gem5's memory-mapped pseudo-instructions. */
#include "aimc_runtime.h"
#include "platform.h"

/* In .data, because a board may write it before the start. */
uint32_t aimc_platform_mmu __attribute__((section(".data.aimc_platform_mmu"))) = 1;

/* Loading from the operation's address performs it; arguments are in x0 and x1. */
static void pseudo_instruction(uint64_t operation, uint64_t first, uint64_t second) {
  register uint64_t x0 __asm__("x0") = first;
  register uint64_t x1 __asm__("x1") = second;
  __asm__ volatile("dsb sy\n\tldr x0, [%2]"
                   : "+r"(x0)
                   : "r"(x1), "r"(PLATFORM_M5OPS_BASE + (operation << 8))
                   : "memory");
}

static _Noreturn void end(uint32_t code) {
  if (code == 0) pseudo_instruction(PLATFORM_M5_EXIT, 0, 0);
  pseudo_instruction(PLATFORM_M5_FAIL, 0, code);
  for (;;) __asm__ volatile("wfe");
}

void aimc_region_begin(uint32_t id) { pseudo_instruction(PLATFORM_M5_WORK_BEGIN, id, 0); }

void aimc_region_end(uint32_t id) { pseudo_instruction(PLATFORM_M5_WORK_END, id, 0); }

_Noreturn void aimc_exit(uint32_t mismatches) {
  end(mismatches > AIMC_EXIT_MISMATCH_MAX ? AIMC_EXIT_MISMATCH_MAX : mismatches);
}

_Noreturn void aimc_fatal(const char* message) {
  aimc_print("fatal: ");
  aimc_print(message);
  aimc_print("\n");
  end(AIMC_EXIT_FATAL);
}

/* Called by the exception vectors. */
_Noreturn void aimc_fault(uint64_t vector, uint64_t syndrome, uint64_t address, uint64_t data);

_Noreturn void aimc_fault(uint64_t vector, uint64_t syndrome, uint64_t address, uint64_t data) {
  static uint32_t entered;
  if (entered++) end(AIMC_EXIT_FAULT); /* printing faulted too */
  aimc_print("fault: vector ");
  aimc_print_decimal((int64_t)vector);
  aimc_print(", syndrome ");
  aimc_print_hex(syndrome);
  aimc_print(", at ");
  aimc_print_hex(address);
  aimc_print(", data address ");
  aimc_print_hex(data);
  aimc_print("\n");
  end(AIMC_EXIT_FAULT);
}
