// The Python module `harness.accuracy._codes`: what the converters of a row block give, in one
// pass.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <stdexcept>

namespace nb = nanobind;

namespace {

using Steps = nb::ndarray<const float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Sums = nb::ndarray<float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Table = nb::ndarray<const float, nb::shape<1 << 16>, nb::c_contig, nb::device::cpu>;
using Indices = nb::ndarray<const uint16_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

constexpr size_t kAtOnce = 256;  // values between the two loops

// Floor of a value within int32, of instructions that every processor has for vectors.
inline float floor_small(float value) {
  const auto truncated = static_cast<int32_t>(value);
  const auto above = static_cast<int32_t>(value < static_cast<float>(truncated));
  return static_cast<float>(truncated - above);
}

void add_codes(const Sums& sums, const Steps& steps, int limit, const std::optional<Table>& table,
               const std::optional<Indices>& indices) {
  const size_t count = steps.size();
  if (sums.shape(0) != steps.shape(0) || sums.shape(1) != steps.shape(1))
    throw std::invalid_argument("sums and steps must have one shape");
  if (table.has_value() != indices.has_value())
    throw std::invalid_argument("table and indices go together");
  if (indices && indices->size() < count)
    throw std::invalid_argument("indices must choose an entry for each of the steps");
  if (limit < 0 || limit > (1 << 16)) throw std::invalid_argument("limit must be in [0, 2**16]");

  const float* from = steps.data();
  float* to = sums.data();
  const float* entries = table ? table->data() : nullptr;
  const uint16_t* chosen = indices ? indices->data() : nullptr;
  const auto largest = static_cast<float>(limit);
  nb::gil_scoped_release release;
  float noise[kAtOnce] = {};
  for (size_t start = 0; start < count; start += kAtOnce) {
    const size_t now = std::min(kAtOnce, count - start);
    if (chosen != nullptr)
      for (size_t i = 0; i < now; ++i) noise[i] = entries[chosen[start + i]];
    for (size_t i = 0; i < now; ++i) {
      // Clamping first is the same, since the limits are whole.
      const float value = std::min(std::max(from[start + i] + noise[i], -largest), largest);
      to[start + i] += floor_small(value);
    }
  }
}

}  // namespace

NB_MODULE(_codes, module) {
  module.doc() =
      "Converter codes of many multiplications; see harness/accuracy/evaluate_analog.py.";
  // A converted copy of `sums` would be changed in vain.
  module.def("add_codes", &add_codes, nb::arg("sums").noconvert(), nb::arg("steps").noconvert(),
             nb::arg("limit"), nb::arg("table").noconvert().none(),
             nb::arg("indices").noconvert().none());
}
