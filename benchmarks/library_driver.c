/* Runs convolutions with a library's int8 indirect-GEMM kernel.  An indirection buffer of input
 * pointers is made beforehand.  The library on one thread takes 4 output pixels at a time and all
 * output channels; with CHANNELS_OUTERMOST, 16 output channels at a time and all pixels, so that
 * weights are read once.  Exits with the number of bytes that differ. */
#include "aimc_runtime.h"
#include "layers.h"

/* XNNPACK's qs8 igemm interface, 4 pixels by 16 channels. */
typedef struct {
  float scale;
  int16_t zero_point;
  int8_t low;
  int8_t high;
} Requantization;

extern void library_igemm(size_t pixels, size_t channels, size_t input_channels, size_t taps_bytes,
                          const int8_t* const* indirection, const void* weights, int8_t* output,
                          size_t pixel_stride, size_t channel_stride, size_t input_offset,
                          const int8_t* zero, const Requantization* requantization);

enum { PIXELS = 4, CHANNELS = 16 };

static AIMC_BUFFER const int8_t* indirection[INDIRECTION_ENTRIES];
static AIMC_BUFFER int8_t output[OUTPUT_BYTES];
static const int8_t zero[ZERO_BYTES];

static const int8_t* input_pixel(const Layer* layer, int32_t pixel, int32_t ky, int32_t kx) {
  const int32_t y = pixel / layer->output_width * layer->stride + ky - layer->pad;
  const int32_t x = pixel % layer->output_width * layer->stride + kx - layer->pad;
  if (y < 0 || y >= layer->height || x < 0 || x >= layer->width) {
    return zero;
  }
  return program_data + layer->input + ((int64_t)y * layer->width + x) * layer->input_channels;
}

static void make_indirection(const Layer* layer) {
  const int8_t** entry = indirection;
  for (int32_t first = 0; first < layer->pixels; first += PIXELS) {
    for (int32_t ky = 0; ky < layer->kernel; ky++) {
      for (int32_t kx = 0; kx < layer->kernel; kx++) {
        for (int32_t i = 0; i < PIXELS; i++) {
          const int32_t pixel = first + i < layer->pixels ? first + i : layer->pixels - 1;
          *entry++ = input_pixel(layer, pixel, ky, kx);
        }
      }
    }
  }
}

static void convolve(const Layer* layer) {
  const Requantization requantization = {layer->scale, 0, -128, 127};
  const size_t taps = (size_t)layer->kernel * (size_t)layer->kernel;
  const size_t depth = (size_t)layer->input_channels;
  const size_t channels = (size_t)layer->output_channels;
  const size_t pixels = (size_t)layer->pixels;
#ifdef CHANNELS_OUTERMOST
  const size_t block = CHANNELS;
#else
  const size_t block = channels;
#endif
  for (size_t channel = 0; channel < channels; channel += block) {
    const size_t width = channels - channel < block ? channels - channel : block;
    const int8_t* weights = program_data + layer->weights;
    weights += channel * (sizeof(int32_t) + taps * ((depth + 3) & ~(size_t)3));
    for (size_t first = 0; first < pixels; first += PIXELS) {
      const size_t height = pixels - first < PIXELS ? pixels - first : PIXELS;
      int8_t* to = output + first * channels + channel;
      library_igemm(height, width, depth, taps * PIXELS * sizeof(void*), indirection + first * taps,
                    weights, to, channels, CHANNELS, 0, zero, &requantization);
    }
  }
}

int main(void) {
  uint32_t mismatches = 0;
  for (int32_t measured = 0; measured < 2; measured++) {
    for (uint32_t i = 0; i < LAYERS; i++) {
      make_indirection(&layers[i]);
      if (measured) {
        aimc_region_begin(i + 1);
      }
      convolve(&layers[i]);
      if (measured) {
        aimc_region_end(i + 1);
      }
      mismatches += aimc_compare("output", output, program_data + layers[i].expected,
                                 (uint32_t)layers[i].pixels * (uint32_t)layers[i].output_channels);
    }
  }
  return (int)mismatches;
}
