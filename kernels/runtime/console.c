/* Console and comparison of results. */
#include "aimc_runtime.h"
#include "platform.h"

#define DIFFERENCES_SHOWN 4

/* Simulated serial ports accept every character, so their flag register is not polled. */
static void put(char c) { *(volatile uint32_t*)PLATFORM_UART_BASE = (uint8_t)c; }

void aimc_print(const char* text) {
  while (*text) put(*text++);
}

void aimc_print_decimal(int64_t value) {
  char digits[20];
  int count = 0;
  uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;
  do {
    digits[count++] = (char)('0' + rest % 10);
    rest /= 10;
  } while (rest);
  if (value < 0) put('-');
  while (count) put(digits[--count]);
}

void aimc_print_hex(uint64_t value) {
  aimc_print("0x");
  for (int shift = 60; shift >= 0; shift -= 4) put("0123456789abcdef"[(value >> shift) & 15]);
}

uint32_t aimc_compare(const char* name, const int8_t* actual, const int8_t* expected,
                      uint32_t count) {
  uint32_t differences = 0;
  for (uint32_t i = 0; i < count; ++i) {
    if (actual[i] == expected[i]) continue;
    if (differences++ < DIFFERENCES_SHOWN) {
      aimc_print(name);
      aimc_print("[");
      aimc_print_decimal(i);
      aimc_print("] = ");
      aimc_print_decimal(actual[i]);
      aimc_print(", expected ");
      aimc_print_decimal(expected[i]);
      aimc_print("\n");
    }
  }
  if (differences) {
    aimc_print(name);
    aimc_print(": ");
    aimc_print_decimal(differences);
    aimc_print(" of ");
    aimc_print_decimal(count);
    aimc_print(" differ\n");
  }
  return differences;
}
