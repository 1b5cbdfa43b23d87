/* Moves the same bytes over each of a tile's paths, once cold and once warm. */
#include <arm_neon.h>

#include "aimc_runtime.h"
#include "platform.h"
#include "registers.h"

#define BYTES 4096u
#define WINDOW 256u /* a tile of 256 x 256 */

static uintptr_t at(uint32_t offset) { return PLATFORM_TILE_BASE + offset; }

#define REG(offset) (*(volatile uint32_t*)at(offset))

/* Conductances, then the scales. */
static AIMC_BUFFER uint16_t image[256 * 256 + 2 * 256];

static void store8(void) {
  for (uint32_t i = 0; i < BYTES; i += 8) *(volatile uint64_t*)at(AIMC_WINDOW_IN + i % WINDOW) = 0;
}

static void store16(void) {
  const uint8x16_t zero = vdupq_n_u8(0);
  for (uint32_t i = 0; i < BYTES; i += 16)
    __asm__ volatile("str %q0, [%1]" : : "w"(zero), "r"(at(AIMC_WINDOW_IN + i % WINDOW)));
}

static void load8(void) {
  for (uint32_t i = 0; i < BYTES; i += 8)
    (void)*(volatile uint64_t*)at(AIMC_WINDOW_PROGRAM + i % WINDOW);
}

static void load16(void) {
  uint8x16_t value;
  for (uint32_t i = 0; i < BYTES; i += 16)
    __asm__ volatile("ldr %q0, [%1]" : "=w"(value) : "r"(at(AIMC_WINDOW_PROGRAM + i % WINDOW)));
}

static void dma(void) {
  REG(AIMC_REG_CONTROL) = AIMC_CONTROL_PROGRAM;
  while (REG(AIMC_REG_STATUS) & AIMC_STATUS_DMA_BUSY) {
  }
}

int main(void) {
  void (*const paths[])(void) = {store8, store16, load8, load16, dma};
  for (uint32_t i = 0; i < 256; ++i) image[256 * 256 + 2 * i + 1] = 20; /* a valid ADC shift */
  for (uint32_t round = 0; round < 2; ++round) {
    for (uint32_t path = 0; path < sizeof paths / sizeof *paths; ++path) {
      REG(AIMC_REG_CONTROL) = AIMC_CONTROL_RESET; /* nothing in the input bank */
      *(volatile uint64_t*)at(AIMC_REG_PROGRAM_ADDR) = (uintptr_t)image;
      __asm__ volatile("dmb osh" : : : "memory");
      aimc_region_begin(path);
      paths[path]();
      aimc_region_end(path);
      if (REG(AIMC_REG_ERROR)) return 1;
    }
  }
  return 0;
}
