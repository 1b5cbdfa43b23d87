/* Loads and stores of all widths, with addresses that depend on loaded values, and a jump table. */
#include "one_region.h"

static char text[256], copy[256];
static unsigned short halves[128];
static signed char small[128];
static long table[16];

static int body(void) {
  for (int i = 0; i < 255; i++) text[i] = (char)(1 + i % 100);
  char* d = copy;
  const char* s = text;
  while ((*d++ = *s++)) {
  }
  unsigned hash = 0;
  for (int i = 0; i < 128; i++) {
    halves[i] = (unsigned short)(i * i);
    small[i] = (signed char)-i;
  }
  for (int i = 0; i < 128; i++) hash = hash * 31 + halves[(unsigned char)small[i] & 127];
  for (int i = 0; i < 255; i++) {
    table[copy[i] & 15] += i;
    hash += (unsigned)table[hash & 15];
  }
  switch (hash & 7) {
    case 0:
      return 0;
    case 1:
      hash++;
      break;
    case 2:
      hash += 5;
      break;
    case 3:
      hash *= 3;
      break;
    case 4:
      hash -= 2;
      break;
    default:
      hash ^= 1;
  }
  return hash == 0;
}
