#include "aimc_tile/core/patch.hh"

#include <algorithm>
#include <cstddef>
#include <type_traits>

#include "aimc_tile/core/bytes.hh"

namespace aimc {
namespace {

constexpr uint64_t kMaxMapBytes = uint64_t{1} << 48;

// visit(field, offset) for every field of the guest's layout.
template <typename Descriptor, typename Visit>
void for_each_field(Descriptor* d, Visit visit) {
  static_assert(sizeof(aimc_descriptor) == kDescriptorBytes, "the guest's layout");
#define AIMC_FIELD(name) visit(d->name, offsetof(aimc_descriptor, name))
  AIMC_FIELD(in_base);
  AIMC_FIELD(out_base);
  AIMC_FIELD(in_channels);
  AIMC_FIELD(k0);
  AIMC_FIELD(k_len);
  AIMC_FIELD(columns);
  AIMC_FIELD(out_stride);
  AIMC_FIELD(in_height);
  AIMC_FIELD(in_width);
  AIMC_FIELD(oy);
  AIMC_FIELD(ox0);
  AIMC_FIELD(count);
  AIMC_FIELD(row_count);
  AIMC_FIELD(kernel_h);
  AIMC_FIELD(kernel_w);
  AIMC_FIELD(stride_y);
  AIMC_FIELD(stride_x);
  AIMC_FIELD(dilation_y);
  AIMC_FIELD(dilation_x);
  AIMC_FIELD(pad_top);
  AIMC_FIELD(pad_left);
  AIMC_FIELD(reserved0);
  AIMC_FIELD(reserved1);
#undef AIMC_FIELD
}

}  // namespace

aimc_descriptor decode_descriptor(const uint8_t* bytes) {
  aimc_descriptor descriptor;
  for_each_field(&descriptor, [bytes](auto& field, size_t offset) {
    field = load_le<std::decay_t<decltype(field)>>(bytes + offset);
  });
  return descriptor;
}

void encode_descriptor(const aimc_descriptor& descriptor, uint8_t* bytes) {
  for_each_field(&descriptor,
                 [bytes](auto field, size_t offset) { store_le(bytes + offset, field); });
}

uint32_t check_descriptor(const aimc_descriptor& d, uint32_t rows, uint32_t columns,
                          uint32_t code_bytes) {
  if (d.k_len == 0 || d.k_len > rows || d.columns == 0 || d.columns > columns)
    return AIMC_ERROR_GEOMETRY;
  if (d.in_channels == 0 || d.in_height == 0 || d.in_width == 0 || d.count == 0 ||
      d.row_count == 0 || d.kernel_h == 0 || d.kernel_w == 0 || d.stride_y == 0 ||
      d.stride_x == 0 || d.dilation_y == 0 || d.dilation_x == 0 || d.reserved0 != 0 ||
      d.reserved1 != 0)
    return AIMC_ERROR_DESCRIPTOR;

  const uint64_t elements = uint64_t{d.kernel_h} * d.kernel_w * d.in_channels;
  if (uint64_t{d.k0} + d.k_len > elements) return AIMC_ERROR_DESCRIPTOR;

  const uint64_t pixels = uint64_t{d.in_height} * d.in_width;
  if (pixels > kMaxMapBytes / d.in_channels) return AIMC_ERROR_DESCRIPTOR;
  if (d.in_base > UINT64_MAX - pixels * d.in_channels) return AIMC_ERROR_DESCRIPTOR;

  const uint64_t output_bytes = uint64_t{d.columns} * code_bytes;
  const uint64_t last = pixel_count(d) - uint64_t{1};
  if (last > 0 && d.out_stride < output_bytes) return AIMC_ERROR_DESCRIPTOR;  // would overlap
  if (d.out_base % code_bytes != 0 || d.out_stride % code_bytes != 0) return AIMC_ERROR_DESCRIPTOR;
  const uint64_t extent = last * d.out_stride + output_bytes;
  if (d.out_base > UINT64_MAX - extent) return AIMC_ERROR_DESCRIPTOR;
  return 0;
}

PatchRun patch_run(const aimc_descriptor& d, uint32_t pixel, uint32_t row) {
  // With no gaps between kernel columns a whole kernel row is contiguous, else one kernel element.
  const bool dense = d.dilation_x == 1;
  const uint64_t unit = dense ? uint64_t{d.kernel_w} * d.in_channels : d.in_channels;
  const uint64_t k = uint64_t{d.k0} + row;
  const uint64_t index = k / unit;
  const uint64_t within = k % unit;
  const int64_t ky = static_cast<int64_t>(dense ? index : index / d.kernel_w);
  const int64_t kx = static_cast<int64_t>(dense ? 0 : index % d.kernel_w);
  const int64_t oy = int64_t{d.oy} + pixel / d.count;
  const int64_t ox = int64_t{d.ox0} + pixel % d.count;
  const int64_t y = oy * d.stride_y - d.pad_top + ky * d.dilation_y;
  const int64_t x = ox * d.stride_x - d.pad_left + kx * d.dilation_x;

  PatchRun run{};
  run.row = row;
  const uint64_t rest = std::min<uint64_t>(unit - within, d.k_len - row);
  run.length = static_cast<uint32_t>(rest);
  run.padding = true;
  if (y < 0 || y >= d.in_height) return run;

  // Offset in the map's row `y`, which holds [0, width).
  const int64_t width = int64_t{d.in_width} * d.in_channels;
  const int64_t begin = x * d.in_channels + static_cast<int64_t>(within);
  const int64_t end = begin + static_cast<int64_t>(rest);
  if (begin < 0) {
    run.length = static_cast<uint32_t>(std::min<int64_t>(-begin, static_cast<int64_t>(rest)));
  } else if (begin < width) {
    run.length = static_cast<uint32_t>(std::min(end, width) - begin);
    run.padding = false;
    run.address = d.in_base + static_cast<uint64_t>(y) * static_cast<uint64_t>(width) +
                  static_cast<uint64_t>(begin);
  }
  return run;
}

}  // namespace aimc
