// The Python module `harness._headers`: what the C and C++ headers say.
#include "harness/native/headers.h"

#include <nanobind/nanobind.h>
#include <nanobind/stl/pair.h>

#include <utility>

#include "aimc_tile/core/registers.h"
#include "aimc_tile/core/statistics.hh"

namespace nb = nanobind;
using nb::literals::operator""_a;

namespace {

using Pair = std::pair<int32_t, int32_t>;

aimc_window window_of(const Pair& in_size, const Pair& out_size, const Pair& kernel,
                      const Pair& stride, const Pair& pad, const Pair& dilation) {
  return {in_size.first, in_size.second, out_size.first, out_size.second,
          kernel.first,  kernel.second,  stride.first,   stride.second,
          pad.first,     pad.second,     dilation.first, dilation.second};
}

// (name, offset, bytes, access, what) of registers or windows.
nb::tuple registers() {
  nb::list all;
#define AIMC_ROW(name, offset, bytes, access, what) \
  all.append(                                       \
      nb::make_tuple(#name, static_cast<int>(offset), static_cast<int>(bytes), #access, what));
  AIMC_TILE_REGISTERS(AIMC_ROW)
  AIMC_TILE_WINDOWS(AIMC_ROW)
#undef AIMC_ROW
  return nb::tuple(all);
}

// (name, what) of the bits of AIMC_REG_ERROR.
nb::tuple errors() {
  nb::list all;
#define AIMC_ROW(NAME, gem5Name, what) all.append(nb::make_tuple(#NAME, what));
  AIMC_TILE_ERRORS(AIMC_ROW)
#undef AIMC_ROW
  return nb::tuple(all);
}

// The name in gem5's statistics of each event of tiles.
nb::dict gem5_tile_events() {
  nb::dict all;
#define AIMC_ROW(use, name, gem5Name, Unit, what) AIMC_IF_##use(all["tile_" #name] = #gem5Name;)
  AIMC_TILE_COUNTS(AIMC_ROW)
  AIMC_TILE_TIMES(AIMC_ROW)
#undef AIMC_ROW
  return all;
}

}  // namespace

NB_MODULE(_headers, module) {
  module.doc() = "What the C and C++ headers say; see harness/_headers.pyi.";
  for (const header_constant* constant = header_constants; constant->name != nullptr; ++constant)
    module.attr(constant->name) = constant->value;
  module.attr("TILE_REGISTERS") = registers();
  module.attr("TILE_ERRORS") = errors();
  module.attr("GEM5_TILE_EVENTS") = gem5_tile_events();
  module.def(
      "conv_taps",
      [](Pair in_size, Pair out_size, Pair kernel, Pair stride, Pair pad, Pair dilation,
         int32_t pixel_bytes, int32_t groups) {
        const aimc_window window = window_of(in_size, out_size, kernel, stride, pad, dilation);
        const conv_taps taps = header_conv_taps(&window, pixel_bytes, groups);
        return nb::make_tuple(taps.chunks, taps.in_row, taps.gathers != 0);
      },
      "in_size"_a, "out_size"_a, "kernel"_a, "stride"_a, "pad"_a, "dilation"_a, "pixel_bytes"_a,
      "groups"_a);
  module.def(
      "convolve_scratch_bytes",
      [](Pair in_size, Pair out_size, Pair kernel, Pair stride, Pair pad, Pair dilation,
         int32_t pixel_bytes, int32_t groups) {
        const aimc_window window = window_of(in_size, out_size, kernel, stride, pad, dilation);
        return header_convolve_scratch_bytes(&window, pixel_bytes, groups);
      },
      "in_size"_a, "out_size"_a, "kernel"_a, "stride"_a, "pad"_a, "dilation"_a, "pixel_bytes"_a,
      "groups"_a);
  module.def(
      "band_bytes",
      [](Pair in_size, Pair out_size, Pair kernel, Pair stride, Pair pad, Pair dilation,
         int32_t pixel_bytes) {
        const aimc_window window = window_of(in_size, out_size, kernel, stride, pad, dilation);
        return header_band_bytes(&window, pixel_bytes);
      },
      "in_size"_a, "out_size"_a, "kernel"_a, "stride"_a, "pad"_a, "dilation"_a, "pixel_bytes"_a);
}
