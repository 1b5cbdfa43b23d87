/* Builds a list in scattered order and reverses it in place. */
#include "one_region.h"

typedef struct node {
  struct node* next;
  long value;
} node;
static node nodes[64];

static int body(void) {
  node* head = 0;
  for (int i = 0; i < 64; i++) {
    node* n = &nodes[(i * 37) & 63];
    n->value = i;
    n->next = head;
    head = n;
  }
  for (int round = 0; round < 5; round++) {
    node *p = head, *r = 0;
    while (p) {
      node* q = p->next;
      p->next = r;
      r = p;
      p = q;
    }
    head = r;
  }
  long sum = 0;
  for (node* p = head; p; p = p->next) sum = sum * 3 + p->value;
  return sum == 0;
}
