/* Quicksort of pointers, with a comparison through a function pointer. */
#include "one_region.h"

static int v[200];
static int* rows[200];

static int compare(const int* a, const int* b) { return *a < *b ? -1 : *a > *b; }
static int (*volatile order)(const int*, const int*) = compare;

static void sort(int** p, int n) {
  if (n < 2) return;
  int* pivot = p[n / 2];
  int i = 0, j = n - 1;
  while (i <= j) {
    while (order(p[i], pivot) < 0) i++;
    while (order(p[j], pivot) > 0) j--;
    if (i <= j) {
      int* t = p[i];
      p[i] = p[j];
      p[j] = t;
      i++;
      j--;
    }
  }
  sort(p, j + 1);
  sort(p + i, n - i);
}

static int body(void) {
  unsigned s = 1;
  for (int i = 0; i < 200; i++) {
    s = s * 1664525u + 1013904223u;
    v[i] = (int)(s >> 8);
    rows[i] = &v[i];
  }
  sort(rows, 200);
  for (int i = 1; i < 200; i++) {
    if (*rows[i - 1] > *rows[i]) return 1;
  }
  return 0;
}
