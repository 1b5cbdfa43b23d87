"""Every address that the timing model derives is the one that the emulator accesses.

The same runs show that remembering what blocks cost gives what stepping through them gives.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engines.programs import REGIONS_C, build_asm, build_c, run, system

# main in a region of its own.
MARKED = (
    REGIONS_C
    + """
static int body(void);
int main(void) {
  begin(1);
  int result = body();
  end(1);
  return result;
}
static int body(void) {
"""
)
EXIT = "mov x1, #0\nmov x0, #0\nldr x2, =0x10012200\nstr x0, [x2]\nb .\n.ltorg"

C_PROGRAMS = {
    "matrix product": """
#include <arm_neon.h>
static int8_t a[20][64], b[20][64];
static int32_t c[20][20];
int main(void) {
  int8_t *pa = &a[0][0], *pb = &b[0][0];
  for (int i = 0; i < 20 * 64; i++) { pa[i] = (int8_t)(i * 7); pb[i] = (int8_t)(i * 5 + 1); }
  for (int i = 0; i < 20; i++)
    for (int j = 0; j < 20; j++) {
      int32x4_t s = vdupq_n_s32(0);
      for (int k = 0; k < 64; k += 16) s = vdotq_s32(s, vld1q_s8(a[i] + k), vld1q_s8(b[j] + k));
      c[i][j] = vaddvq_s32(s);
    }
  int32_t want = 0;
  for (int k = 0; k < 64; k++) want += a[3][k] * b[4][k];
  return want != c[3][4];
}
""",
    "linked list": """
typedef struct node { struct node *next; long value; } node;
static node nodes[64];
int main(void) {
  node *head = 0;
  for (int i = 0; i < 64; i++) {
    node *n = &nodes[(i * 37) & 63];
    n->value = i; n->next = head; head = n;
  }
  for (int round = 0; round < 5; round++) {  /* reverse in place */
    node *p = head, *r = 0;
    while (p) { node *q = p->next; p->next = r; r = p; p = q; }
    head = r;
  }
  long sum = 0;
  for (node *p = head; p; p = p->next) sum = sum * 3 + p->value;
  return sum == 0;
}
""",
    "sort and search": """
static int v[200];
static int *rows[200];
static int compare(const int *a, const int *b) { return *a < *b ? -1 : *a > *b; }
static int (*volatile order)(const int *, const int *) = compare;
static void sort(int **p, int n) {
  if (n < 2) return;
  int *pivot = p[n / 2];
  int i = 0, j = n - 1;
  while (i <= j) {
    while (order(p[i], pivot) < 0) i++;
    while (order(p[j], pivot) > 0) j--;
    if (i <= j) { int *t = p[i]; p[i] = p[j]; p[j] = t; i++; j--; }
  }
  sort(p, j + 1);
  sort(p + i, n - i);
}
int main(void) {
  unsigned s = 1;
  for (int i = 0; i < 200; i++) { s = s * 1664525u + 1013904223u; v[i] = (int)(s >> 8);
                                  rows[i] = &v[i]; }
  sort(rows, 200);
  for (int i = 1; i < 200; i++) if (*rows[i - 1] > *rows[i]) return 1;
  return 0;
}
""",
    "bytes and words": """
static char text[256], copy[256];
static unsigned short halves[128];
static signed char small[128];
static long table[16];
int main(void) {
  for (int i = 0; i < 255; i++) text[i] = (char)(1 + i % 100);
  char *d = copy; const char *s = text;
  while ((*d++ = *s++)) {}
  unsigned hash = 0;
  for (int i = 0; i < 128; i++) { halves[i] = (unsigned short)(i * i); small[i] = (signed char)-i; }
  for (int i = 0; i < 128; i++) hash = hash * 31 + halves[(unsigned char)small[i] & 127];
  for (int i = 0; i < 255; i++) { table[copy[i] & 15] += i; hash += (unsigned)table[hash & 15]; }
  switch (hash & 7) { case 0: return 0; case 1: hash++; break; case 2: hash += 5; break;
                      case 3: hash *= 3; break; case 4: hash -= 2; break; default: hash ^= 1; }
  return hash == 0;
}
""",
    "structures": """
#include <arm_neon.h>
static unsigned char rgb[3 * 64], planes[3][64];
static float f[64];
void *memcpy(void *to, const void *from, unsigned long n) {
  for (unsigned long i = 0; i < n; i++) ((volatile char *)to)[i] = ((const char *)from)[i];
  return to;
}
int main(void) {
  for (int i = 0; i < 192; i++) rgb[i] = (unsigned char)i;
  for (int i = 0; i < 64; i += 16) {
    uint8x16x3_t v = vld3q_u8(rgb + 3 * i);
    for (int c = 0; c < 3; c++) vst1q_u8(planes[c] + i, v.val[c]);
  }
  for (int i = 0; i < 64; i += 4) vst1q_f32(f + i, vcvtq_f32_u32(vdupq_n_u32(planes[1][i])));
  float sum = 0;
  for (int i = 0; i < 64; i++) sum += f[i] / 3.0f;
  vst1q_lane_u8(rgb, vld1q_u8(planes[2]), 5);
  return sum < 0 || rgb[0] != 17;
}
""",
}


@pytest.mark.parametrize("optimize", ["-O0", "-O2", "-O3"])
@pytest.mark.parametrize("name", C_PROGRAMS, ids=str)
def test_compiled_programs(tmp_path: Path, name: str, optimize: str) -> None:
    text = C_PROGRAMS[name].replace("int main(void) {", MARKED)
    elf = build_c(tmp_path, text, optimize)
    for preset in ("alpine-hp", "a55-hermes"):
        small = system("caches.l1i.size_kib=1", "caches.l1d.size_kib=1", name=preset)
        for config in (system(name=preset), small):
            checked = run(elf, config, ["main"], check=True)
            plain = run(elf, config, ["main"])
            assert checked.exit_code == 0
            assert checked.instructions > 250
            assert plain.simulated_ns == checked.simulated_ns
            assert plain.instructions == checked.instructions
            assert plain.regions == checked.regions
            assert plain.regions[0].events["cycles"] > 0


ASM_PROGRAMS = {
    # The address depends on a value that no one knows before the block runs.
    "address through simd": """
adrp x20, buffer
add x1, x20, #128
fmov d0, x1
str x1, [x20]
fmov x2, d0
ldr x3, [x2, #8]
ldr x4, [x20]
ldr x5, [x4]
umov x6, v0.d[0]
str x5, [x6, #16]!
ldr x7, [x6]
""",
    # A pointer that the same block stores before it loads it.
    "pointer stored and loaded": """
adrp x20, buffer
add x1, x20, #256
str x1, [x20, #64]
ldr x2, [x20, #64]
ldr x3, [x2]
strb wzr, [x20, #65]
ldr x2, [x20, #64]
add x2, x2, x20
mov w4, #8
ldr x5, [x20, w4, sxtw]
""",
    # The console between pointers: stores that have not happened when the address is needed.
    "device between": """
adrp x20, buffer
ldr x9, =0x1c090000
mov w8, #65
add x1, x20, #256
str w8, [x9]
str x1, [x20, #64]
ldr x2, [x20, #64]
ldr x3, [x2]
ldr w10, [x9, #0x18]
add x11, x20, x10
ldr x12, [x11]
b 1f
.ltorg
1:
""",
    "all addressing modes": """
adrp x20, buffer
add x20, x20, #1024
mov x1, #3
mov w2, #-4
ldr x3, [x20, x1, lsl #3]
ldr w3, [x20, w2, sxtw #2]
ldr x3, [x20, w1, uxtw]
ldrsb x3, [x20, #-5]
ldrsh w3, [x20], #6
strh w3, [x20, #-6]!
ldp x4, x5, [x20], #16
stp q0, q1, [x20, #-32]!
ldpsw x6, x7, [x20, #8]
ld1 {v0.16b, v1.16b, v2.16b}, [x20], #48
mov x8, #32
st1 {v0.8h, v1.8h}, [x20], x8
ld4 {v0.b, v1.b, v2.b, v3.b}[3], [x20], #4
ld2r {v4.2d, v5.2d}, [x20]
ldr q6, 1f
ldr x9, 1f
ldrsw x9, 1f
prfm pldl1keep, [x20, #64]
and x20, x20, #-16
ldxr x10, [x20]
ldar x11, [x20]
stlr x11, [x20]
ldadd x1, x12, [x20]
swp x1, x12, [x20]
cas x1, x12, [x20]
sub x13, x20, x1, lsl #2
and x13, x13, #-16
ldr q7, [x13]
b 2f
.p2align 4
1: .quad 0x1234, 0x5678
2:
""",
    "addresses by arithmetic": """
adrp x20, buffer
mov x1, #12345
mov x2, #17
mul x3, x1, x2
udiv x4, x3, x1
lsl x5, x4, #3
ubfx x6, x3, #2, #9
cmp x5, #100
csel x7, x5, x6, lt
adds x8, x7, #1
csinc x9, x8, x7, eq
rbit x10, x9
lsr x10, x10, #50
and x10, x10, #~7
ldr x11, [x20, x10]
bfi x12, x6, #3, #5
and x12, x12, #0xff8
ldr x13, [x20, x12]
ccmp x6, #3, #0, gt
cset x14, hi
ldrb w15, [x20, x14]
eor x16, x20, x14
bic x16, x16, #7
ldr x17, [x16]
ror x18, x20, #4
ror x18, x18, #60
str x17, [x18]
""",
}


@pytest.mark.parametrize("name", ASM_PROGRAMS, ids=str)
@pytest.mark.parametrize("times", [1, 3])
def test_assembly(tmp_path: Path, name: str, times: int) -> None:
    body = f"mov x28, #{times}\nagain:\n{ASM_PROGRAMS[name]}\nsubs x28, x28, #1\nb.ne again\n"
    elf = build_asm(tmp_path, body + EXIT)
    assert run(elf, system(), check=True).exit_code == 0


def test_clearing_whole_lines(tmp_path: Path) -> None:
    """DC ZVA stores as many bytes as DCZID_EL0 says, and as memory shows."""
    source = """
static unsigned char bytes[4096] __attribute__((aligned(2048)));
int main(void) {
  for (int i = 0; i < 4096; i++) bytes[i] = 255;
  unsigned long id;
  __asm__ volatile("mrs %0, dczid_el0" : "=r"(id));
  MARK(0x5a);
  __asm__ volatile("dc zva, %0" ::"r"(bytes + 2048 + 40) : "memory");
  MARK(0x5b);
  int zeros = 0;
  for (int i = 0; i < 4096; i++) zeros += !bytes[i];
  return zeros != 4 << (id & 15) ? 255 : zeros / 16;
}
"""
    mark = '__asm__ volatile("mov x0, #1; str x0, [%0]" ::"r"(0x10010000ul + (OP << 8)) : "x0")'
    text = source.replace("MARK(", "mark(").replace(
        "int main", f"#define mark(OP) {mark}\nint main", 1
    )
    result = run(build_c(tmp_path, text), system(), ["clear"])
    assert 0 < result.exit_code < 255
    assert result.regions[0].events["l1d_accesses"] == 1
    assert result.regions[0].events["stores"] == 2
