/* X(name, arguments): every operator that the test program runs, and how it is called.  Python
 * finds the numbers of `enum operation` in the program's debug information. */
#ifndef OPERATIONS_H
#define OPERATIONS_H

#define OPERATIONS(X)                          \
  X(conv, (op, a, out, scratch))               \
  X(depthwise, (op, a, out, scratch))          \
  X(dense, (op, a, out))                       \
  X(maxpool, (op, a, out))                     \
  X(avgpool, (op, a, out))                     \
  X(add, (op, a, b, out))                      \
  X(concat, (op, list, out))                   \
  X(clip, (op, a, out))                        \
  X(lookup, (op, a, out))                      \
  X(reshape, (op, a, out, scratch))            \
  X(softmax, (op, a, out))                     \
  X(analog_pio, (op, a, out, scratch))         \
  X(analog_dma, (op, a, out, scratch))         \
  X(analog_small_dense, (op, a, out, scratch)) \
  X(copies_pio, (op, a, out, scratch))         \
  X(copies_dma, (op, a, out, scratch))

enum operation {
#define NUMBER(name, arguments) name##_ref, name##_neon,
  OPERATIONS(NUMBER)
#undef NUMBER
};

#endif
