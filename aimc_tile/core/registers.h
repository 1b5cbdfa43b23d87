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

#define AIMC_TILE_WINDOW 0x10000u /* bytes a tile */

/* Registers */
#define AIMC_REG_ID 0x000u           /* RO: AIMC_TILE_ID */
#define AIMC_REG_VERSION 0x004u      /* RO: AIMC_TILE_VERSION */
#define AIMC_REG_ROWS 0x008u         /* RO: crossbar rows */
#define AIMC_REG_COLS 0x00cu         /* RO: crossbar columns */
#define AIMC_REG_FEATURES 0x010u     /* RO: [7:0] ADC bits, [15:8] DAC bits, AIMC_FEATURE_* */
#define AIMC_REG_STATUS 0x014u       /* RO: AIMC_STATUS_* */
#define AIMC_REG_ERROR 0x018u        /* R, write 1 to clear: AIMC_ERROR_* */
#define AIMC_REG_ERROR_COUNT 0x01cu  /* RO: guest errors since reset, saturating */
#define AIMC_REG_CONTROL 0x020u      /* WO: AIMC_CONTROL_* */
#define AIMC_REG_ACTIVE_ROWS 0x028u  /* RW: rows of the next PIO MVM */
#define AIMC_REG_ACTIVE_COLS 0x02cu  /* RW: columns of the next PIO MVM */
#define AIMC_REG_NOISE_EPOCH 0x030u  /* RW: noise key; see below */
#define AIMC_REG_MVM_COUNT 0x034u    /* RO: MVMs started in this epoch */
#define AIMC_REG_DESCRIPTOR 0x038u   /* WO, 64-bit: address of an aimc_descriptor; queues it */
#define AIMC_REG_DMA_DONE 0x040u     /* RO: descriptors completed since reset, modulo 2**32 */
#define AIMC_REG_DMA_PIXELS 0x044u   /* RO: pixels stored since reset, modulo 2**32 */
#define AIMC_REG_PROGRAM_ADDR 0x048u /* RW, 64-bit: address of a programming image */
#define AIMC_REG_PROGRAM_ROWS 0x050u /* RW: rows of the image */
#define AIMC_REG_PROGRAM_COLS 0x054u /* RW: columns of the image */
#define AIMC_REG_PROGRAM_ROW 0x058u  /* RW: row that the PROGRAM window shows; AIMC_PROGRAM_ADC */

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
#define AIMC_WINDOW_IN 0x4000u      /* WO */
#define AIMC_WINDOW_OUT 0x8000u     /* RO */
#define AIMC_WINDOW_PROGRAM 0xc000u /* RW */
#define AIMC_WINDOW_BYTES 0x4000u

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

#define AIMC_ERROR_ADDRESS (1u << 0)    /* no register there, or a misaligned access */
#define AIMC_ERROR_SIZE (1u << 1)       /* access width or window overrun */
#define AIMC_ERROR_GEOMETRY (1u << 2)   /* rows or columns beyond the crossbar, or zero */
#define AIMC_ERROR_BUSY (1u << 3)       /* no free slot for START, descriptor, PROGRAM, AGAIN */
#define AIMC_ERROR_EMPTY (1u << 4)      /* POP or OUT read without a finished MVM */
#define AIMC_ERROR_DESCRIPTOR (1u << 5) /* a descriptor field is impossible; AGAIN without one */
#define AIMC_ERROR_BUS (1u << 6)        /* a DMA access left memory */
#define AIMC_ERROR_READ_ONLY (1u << 7)  /* write to a read-only or read of a write-only register */
#define AIMC_ERROR_VALUE (1u << 8) /* unknown CONTROL bit; ADC shift not in [17, 62] (clamped) */
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
