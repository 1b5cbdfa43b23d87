// Calls main and exits with the value that it returns.
  .section .text.start, "ax"
  .global _start
_start:
  adrp x0, stack_top
  mov sp, x0
  bl main
  mov x1, x0
  mov x0, #0
  ldr x2, =M5_FAIL
  str x0, [x2]
  b .
  .ltorg
