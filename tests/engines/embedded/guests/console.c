/* Prints a line with a two-byte character and a byte that is no UTF-8; exits with 3. */
#include "platform.h"

static volatile unsigned* const uart = (unsigned*)PLATFORM_UART_BASE; /* PL011 */
enum { DATA = 0x00 / 4, FLAGS = 0x18 / 4, TRANSMIT_FULL = 0x20 };

static void put(char c) {
  while (uart[FLAGS] & TRANSMIT_FULL) {
  }
  uart[DATA] = (unsigned char)c;
}

int main(void) {
  for (const char* s = "hello, \xc3\xa4\n\xff"; *s; s++) put(*s);
  return 3;
}
