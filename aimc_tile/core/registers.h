/* The guest's view of one AIMC tile: register offsets, status bits, descriptor layout.
 *
 * One header for the tile model (C++17), the guest's driver (C11) and the reference.
 * A tile occupies a window of AIMC_TILE_WINDOW bytes; all registers are 32-bit and little-endian
 * except the 64-bit ones marked so, and each takes accesses of exactly its width.  Buffer windows
 * take any naturally aligned access of 1, 2, 4, 8 or 16 bytes within the buffer, which is rounded
 * up to 16 bytes; bytes past its last element read as 0 and must be written as 0.
 *
 * A refused access sets its error, changes nothing else, and reads as 0.
 *
 * A tile serves either programmed I/O (IN, START, OUT, POP) or descriptors at a time: it takes a
 * descriptor only when no input is written but not started and no output is left to POP, and
 * inputs only when no descriptor is in progress.  AIMC_STATUS_DMA_READY and _IN_READY say so.
 */
#ifndef AIMC_TILE_REGISTERS_H
#define AIMC_TILE_REGISTERS_H

#include <stdint.h>

#define AIMC_TILE_WINDOW 0x10000u /* bytes per tile */

/* X(name, offset, bytes, access, what), in the order of the offsets; what lies between two of them
 * is reserved.  The constants AIMC_REG_*, the model's checks, gem5's register bank and the table in
 * docs/tile-device.md are made from this list.
 */
#define AIMC_TILE_REGISTERS(X)                                                                  \
  X(ID, 0x000, 4, RO, "`AIMC_TILE_ID`")                                                         \
  X(VERSION, 0x004, 4, RO, "`AIMC_TILE_VERSION`")                                               \
  X(ROWS, 0x008, 4, RO, "rows of the crossbar")                                                 \
  X(COLS, 0x00c, 4, RO, "columns of the crossbar")                                              \
  X(FEATURES, 0x010, 4, RO, "bits 7:0 ADC bits, bits 15:8 DAC bits, `AIMC_FEATURE_*`")          \
  X(STATUS, 0x014, 4, RO, "`AIMC_STATUS_*`")                                                    \
  X(ERROR, 0x018, 4, RW, "`AIMC_ERROR_*` since the reset; writing 1 clears a bit")              \
  X(ERROR_COUNT, 0x01c, 4, RO, "errors of the guest since the reset; stays at its largest")     \
  X(CONTROL, 0x020, 4, WO, "`AIMC_CONTROL_*`")                                                  \
  X(ACTIVE_ROWS, 0x028, 4, RW, "rows of the next MVM by programmed I/O")                        \
  X(ACTIVE_COLS, 0x02c, 4, RW, "columns of the next MVM by programmed I/O")                     \
  X(NOISE_EPOCH, 0x030, 4, RW, "key of the noise; writing restarts `MVM_COUNT`")                \
  X(MVM_COUNT, 0x034, 4, RO, "MVMs started in this epoch")                                      \
  X(DESCRIPTOR, 0x038, 8, WO, "address of an `aimc_descriptor`; queues it")                     \
  X(DMA_DONE, 0x040, 4, RO, "descriptors completed since the reset, modulo 2^32")               \
  X(DMA_PIXELS, 0x044, 4, RO, "pixels whose codes DMA has stored since the reset, modulo 2^32") \
  X(PROGRAM_ADDR, 0x048, 8, RW, "address of a programming image")                               \
  X(PROGRAM_ROWS, 0x050, 4, RW, "rows of the image")                                            \
  X(PROGRAM_COLS, 0x054, 4, RW, "columns of the image")                                         \
  X(PROGRAM_ROW, 0x058, 4, RW, "row that the `PROGRAM` window shows, or `AIMC_PROGRAM_ADC`")

enum {
#define AIMC_OFFSET(name, offset, bytes, access, what) AIMC_REG_##name = offset,
  AIMC_TILE_REGISTERS(AIMC_OFFSET)
#undef AIMC_OFFSET
};

/* Writing NOISE_EPOCH restarts MVM_COUNT at 0; refused (BUSY) while a descriptor is in progress.
 * A descriptor that fails sets its error and completes without its other pixels.
 * DMA_PIXELS counts a pixel when its codes are in memory, so a driver can follow a long descriptor.
 * AGAIN is for the descriptor that was queued last, which need not have completed but must have
 * been fetched (else BUSY): all its pixels again, without another look at memory.  After RESET, and
 * after a descriptor that could not be fetched or was impossible, there is none.
 */

/* Buffer windows.
 * IN takes writes while AIMC_STATUS_IN_READY (else BUSY); inputs that are not written count as 0.
 * OUT shows the codes of the oldest finished MVM: int8 if the ADC has 8 bits or fewer, else int16.
 * PROGRAM shows row PROGRAM_ROW: int16 conductances, or with AIMC_PROGRAM_ADC the ADC scales
 * (uint16 multiplier, uint16 shift a column); writes are refused (BUSY) while an MVM is converting
 * or queued, or DMA is in progress.
 */
#define AIMC_WINDOW_BYTES 0x4000u

/* X as of AIMC_TILE_REGISTERS. */
#define AIMC_TILE_WINDOWS(X)                                                \
  X(IN, 0x4000, AIMC_WINDOW_BYTES, WO, "inputs, int8")                      \
  X(OUT, 0x8000, AIMC_WINDOW_BYTES, RO, "codes of the oldest finished MVM") \
  X(PROGRAM, 0xc000, AIMC_WINDOW_BYTES, RW, "one row of conductances, or the ADC scales")

enum {
#define AIMC_OFFSET(name, offset, bytes, access, what) AIMC_WINDOW_##name = offset,
  AIMC_TILE_WINDOWS(AIMC_OFFSET)
#undef AIMC_OFFSET
};

#define AIMC_TILE_ID 0x434d4941u /* "AIMC" */
#define AIMC_TILE_VERSION 3u
#define AIMC_PROGRAM_ADC 0xffffffffu

#define AIMC_FEATURE_DMA (1u << 16)
#define AIMC_FEATURE_DOUBLE_BUFFER (1u << 17)

#define AIMC_STATUS_BUSY (1u << 0)        /* an MVM is converting or queued */
#define AIMC_STATUS_IN_READY (1u << 1)    /* START would be accepted, the IN window may be filled */
#define AIMC_STATUS_OUT_VALID (1u << 2)   /* the OUT window holds a finished MVM */
#define AIMC_STATUS_DMA_BUSY (1u << 3)    /* a descriptor or a programming image is in progress */
#define AIMC_STATUS_DMA_READY (1u << 4)   /* a DESCRIPTOR would be accepted: 2 at a time */
#define AIMC_STATUS_PROGRAMMING (1u << 5) /* cells are being programmed */
#define AIMC_STATUS_ERROR (1u << 31)      /* AIMC_REG_ERROR is not 0 */

/* Of several bits in one write, RESET acts first, then POP, START, PROGRAM and AGAIN.  RESET keeps
 * the conductances, the ADC scales, the noise epoch and count, and the RW registers.
 */
#define AIMC_CONTROL_START (1u << 0)   /* convert the filled input bank */
#define AIMC_CONTROL_POP (1u << 1)     /* release the oldest finished MVM's output bank */
#define AIMC_CONTROL_PROGRAM (1u << 2) /* load the programming image by DMA */
#define AIMC_CONTROL_RESET (1u << 3)   /* drop queues, banks and errors */
#define AIMC_CONTROL_AGAIN (1u << 4)   /* queue the last descriptor again, as the tile holds it */

/* X(NAME, gem5Name, what), in the order of their bits: why an access or a job fails.  gem5's
 * statistics and the table in docs/tile-device.md are made from this list.
 */
#define AIMC_TILE_ERRORS(X)                                                                  \
  X(ADDRESS, address, "no register there, or a misaligned access")                           \
  X(SIZE, size, "wrong width, beyond the window's end, or neither a plain load nor a store") \
  X(GEOMETRY, geometry, "more rows or columns than the crossbar has, or none")               \
  X(BUSY, busy, "no free slot for `START`, a descriptor, `PROGRAM` or `AGAIN`")              \
  X(EMPTY, empty, "`POP` or a read of `OUT` without a finished MVM")                         \
  X(DESCRIPTOR, descriptor, "an impossible field, or `AGAIN` without a descriptor")          \
  X(BUS, bus, "DMA to or from an address outside memory")                                    \
  X(READ_ONLY, readOnly, "write of a read-only or read of a write-only register")            \
  X(VALUE, value, "unknown `CONTROL` bit, or an ADC shift outside 17 to 62, which is clamped")

#define AIMC_ERROR_ADDRESS (1u << 0)
#define AIMC_ERROR_SIZE (1u << 1)
#define AIMC_ERROR_GEOMETRY (1u << 2)
#define AIMC_ERROR_BUSY (1u << 3)
#define AIMC_ERROR_EMPTY (1u << 4)
#define AIMC_ERROR_DESCRIPTOR (1u << 5)
#define AIMC_ERROR_BUS (1u << 6)
#define AIMC_ERROR_READ_ONLY (1u << 7)
#define AIMC_ERROR_VALUE (1u << 8)
#define AIMC_ERROR_KINDS 9u

/* Programming image in memory, rows R, columns C:
 *   int16 conductance[R][C]; uint16 { multiplier, shift }[C]
 */

/* One DMA job: MVMs on a rectangle of a convolution's output pixels, `row_count` rows of `count`
 * pixels from (oy, ox0) on, in raster order.
 *
 * The input is an NHWC int8 feature map.  The patch of output pixel (oy, ox) is the virtual vector
 * in (ky, kx, channel) order whose element is the input at (oy * stride_y - pad_top + ky * dil_y,
 * ox * stride_x - pad_left + kx * dil_x, channel), or 0 outside the map.  The tile gathers elements
 * [k0, k0 + k_len) of it into rows [0, k_len), converts, and writes `columns` codes to
 * out_base + i * out_stride for pixel i of the job.  A dense layer is a 1 x 1 map with one pixel.
 *
 * The descriptor is 8-byte aligned; the output is aligned to its code's size, and pixels do not
 * overlap in it.  Descriptors complete in order, but with double buffering the next one is fetched
 * and gathers before the one before it is written: it must not read what that one writes.
 */
struct aimc_descriptor {
  uint64_t in_base;
  uint64_t out_base;
  uint32_t in_channels;
  uint32_t k0;
  uint32_t k_len;
  uint32_t columns;
  uint32_t out_stride; /* bytes */
  uint16_t in_height;
  uint16_t in_width;
  uint16_t oy;
  uint16_t ox0;
  uint16_t count;     /* pixels of each row */
  uint16_t row_count; /* rows */
  uint8_t kernel_h;
  uint8_t kernel_w;
  uint8_t stride_y;
  uint8_t stride_x;
  uint8_t dilation_y;
  uint8_t dilation_x;
  uint8_t pad_top;
  uint8_t pad_left;
  uint32_t reserved0; /* 0 */
  uint32_t reserved1; /* 0 */
};

#endif
