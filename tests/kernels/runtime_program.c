/* One program for all tests of the runtime; SCENARIO chooses. */
#include "aimc_runtime.h"

enum { PRINT, MISMATCHES, MANY_MISMATCHES, FATAL, EXCEPTION, MEMORY, ZEROED, REGIONS };

static int8_t data[64];
AIMC_BUFFER static uint8_t buffer[256];

static uint32_t check_memory(void) {
  uint32_t wrong = 0;
  for (size_t bytes = 0; bytes < 90; ++bytes) {
    for (size_t shift = 0; shift < 3; ++shift) {
      uint8_t* from = buffer + 1;
      uint8_t* to = buffer + 120 + shift;
      for (int i = 0; i < 256; ++i) buffer[i] = (uint8_t)(i * 7 + 1);
      memcpy(to, from, bytes);
      for (size_t i = 0; i < bytes; ++i) wrong += to[i] != (uint8_t)((i + 1) * 7 + 1);
      wrong += to[bytes] != (uint8_t)((120 + shift + bytes) * 7 + 1);
      wrong += memcmp(to, from, bytes) != 0;
      if (bytes) {
        to[bytes - 1] ^= 0x80;
        wrong += memcmp(to, from, bytes) == 0;
      }
      memset(to, (int)bytes, bytes);
      for (size_t i = 0; i < bytes; ++i) wrong += to[i] != bytes;
      wrong += to[bytes] != (uint8_t)((120 + shift + bytes) * 7 + 1);
      for (int distance = -20; distance <= 20; ++distance) {
        for (int i = 0; i < 256; ++i) buffer[i] = (uint8_t)(i * 7 + 1);
        memmove(buffer + 60 + distance, buffer + 60, bytes);
        for (size_t i = 0; i < bytes; ++i) {
          wrong += buffer[(int)i + 60 + distance] != (uint8_t)((i + 60) * 7 + 1);
        }
      }
    }
  }
  return wrong;
}

int main(void) {
  static const int8_t expected[64];
  switch (SCENARIO) {
    case PRINT:
      aimc_print("text ");
      aimc_print_decimal(0);
      aimc_print(" ");
      aimc_print_decimal(INT64_MIN);
      aimc_print(" ");
      aimc_print_decimal(INT64_MAX);
      aimc_print(" ");
      aimc_print_hex(0xfedcba9876543210u);
      return 0;
    case MISMATCHES:
      for (int i = 0; i < 7; ++i) data[i * 9] = (int8_t)-i;
      return (int)aimc_compare("output", data, expected, sizeof data);
    case MANY_MISMATCHES:
      return 1000;
    case FATAL:
      aimc_fatal("no reason");
    case EXCEPTION: /* what the core does on a synchronous one */
      __asm__ volatile("mrs x0, vbar_el1\n\tadd x0, x0, #0x200\n\tbr x0");
      return 0;
    case MEMORY:
      return (int)check_memory();
    case ZEROED:
      for (int i = 0; i < 64; ++i) data[i] = (int8_t)(data[i] + 1);
      return (int)aimc_compare("data", data, expected, sizeof data);
    case REGIONS:
      aimc_region_begin(7);
      aimc_region_end(7);
      aimc_region_begin(0);
      aimc_region_end(0);
      return 0;
    default:
      return 1;
  }
}
