/* Waking the cores that have slept since the reset. */
#include "cores.h"

#include "aimc_runtime.h"

/* Read by start.S: 32 bytes; the entry is written last. */
struct core_slot {
  void (*entry)(void*);
  void* argument;
  void* stack_top;
  uint64_t unused;
};

extern struct core_slot aimc_core_slots[AIMC_CORES];

/* In .data, because core 0 clears .bss while the others poll. */
struct core_slot aimc_core_slots[AIMC_CORES] __attribute__((section(".data.aimc_core_slots"))) = {
    {0, 0, 0, 0},
};

void aimc_start_core(uint32_t core, void (*entry)(void*), void* argument, void* stack_top) {
  if (core == 0 || core >= AIMC_CORES) aimc_fatal("there is no such core to start");
  struct core_slot* slot = &aimc_core_slots[core];
  slot->argument = argument;
  slot->stack_top = stack_top;
  __atomic_store_n(&slot->entry, entry, __ATOMIC_RELEASE);
  __asm__ volatile("dsb ish\n\tsev" : : : "memory");
}
