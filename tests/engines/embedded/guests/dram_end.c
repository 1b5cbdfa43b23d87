/* Exits with the last word of DRAM_BYTES of memory. */
#include "platform.h"

int main(void) { return *(volatile int*)(PLATFORM_DRAM_BASE + DRAM_BYTES - 4); }
