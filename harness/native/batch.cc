#include "harness/native/batch.hh"

#include <nanobind/ndarray.h>

#include <cstdint>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "aimc_tile/core/arithmetic.hh"
#include "aimc_tile/core/crossbar.hh"
#include "harness/native/tile_params.hh"

namespace nb = nanobind;

namespace {

template <typename T>
using Matrix = nb::ndarray<const T, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
template <typename T>
using Vector = nb::ndarray<const T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

// Owned by the numpy array that is returned.
nb::ndarray<nb::numpy, int16_t, nb::ndim<2>> make_codes(size_t rows, size_t columns) {
  auto data = std::make_unique<int16_t[]>(rows * columns);
  int16_t* codes = data.get();
  nb::capsule owner(data.release(), [](void* p) noexcept { delete[] static_cast<int16_t*>(p); });
  return nb::ndarray<nb::numpy, int16_t, nb::ndim<2>>(codes, {rows, columns}, owner);
}

std::vector<aimc::AdcScale> make_scales(const Vector<uint16_t>& multiplier,
                                        const Vector<uint16_t>& shift, size_t columns) {
  if (multiplier.shape(0) != columns || shift.shape(0) != columns)
    throw std::invalid_argument("multiplier and shift must have an entry for each of the " +
                                std::to_string(columns) + " columns");
  std::vector<aimc::AdcScale> scales(columns);
  for (size_t c = 0; c < columns; ++c) {
    scales[c] = {multiplier.data()[c], shift.data()[c]};
    if (scales[c].shift < aimc::kMinAdcShift || scales[c].shift > aimc::kMaxAdcShift)
      throw std::invalid_argument("shift[" + std::to_string(c) + "] must be in [17, 62]");
  }
  return scales;
}

nb::ndarray<nb::numpy, int16_t, nb::ndim<2>> mvm_batch(const Matrix<int8_t>& x,
                                                       const Matrix<int16_t>& conductance,
                                                       const Vector<uint16_t>& multiplier,
                                                       const Vector<uint16_t>& shift,
                                                       uint32_t epoch, uint32_t first_mvm,
                                                       const nb::kwargs& parameters) {
  const size_t count = x.shape(0), rows = x.shape(1), columns = conductance.shape(1);
  if (conductance.shape(0) != rows)
    throw std::invalid_argument("conductance must have as many rows as x has columns");
  if (rows > aimc::kMaxRows || columns > aimc::kMaxColumns)
    throw std::invalid_argument("conductance must be at most 16384 x 4096");
  if (count > 0 && count - 1 > std::numeric_limits<uint32_t>::max() - first_mvm)
    throw std::invalid_argument("the last MVM's number must be below 2**32");

  aimc::TileParams params =
      aimc::native::tile_params({nb::borrow<nb::dict>(parameters), "mvm_batch"});
  params.rows = static_cast<uint32_t>(rows);
  params.columns = static_cast<uint32_t>(columns);
  params.validate();
  const std::vector<aimc::AdcScale> scales = make_scales(multiplier, shift, columns);
  auto codes = make_codes(count, columns);

  const int8_t* inputs = x.data();
  const int16_t* cells = conductance.data();
  int16_t* outputs = codes.data();
  {
    nb::gil_scoped_release release;
    aimc::Crossbar crossbar(params.rows, params.columns);
    for (uint32_t r = 0; r < params.rows; ++r)
      crossbar.set_row(r, cells + r * columns, params.columns);
    aimc::MvmUnit unit(params);
    for (size_t i = 0; i < count; ++i)
      unit.run(crossbar, scales.data(), inputs + i * rows, params.rows, params.columns, epoch,
               first_mvm + static_cast<uint32_t>(i), outputs + i * columns);
  }
  return codes;
}

constexpr const char* kBatchDoc =
    R"(Codes of successive MVMs of one tile, as `harness.placement.tile_arithmetic.mvm` defines them.

Args:
    x: int8 [m, k], inputs of MVMs ``first_mvm`` to ``first_mvm + m - 1``.
    conductance: int16 [k, n].
    multiplier: uint16 [n], ADC scales.
    shift: uint16 [n], in [17, 62].
    epoch: The noise epoch.
    first_mvm: Number of the first MVM in the epoch.
    parameters: The tile's, by name; the crossbar's size is that of ``conductance``.

Returns:
    int16 [m, n].

Raises:
    ValueError: A shape or a value is out of range.
)";

}  // namespace

void bind_batch(nb::module_& module) {
  // Without conversion: an array of another type is a mistake, not something to be cut to int8.
  module.def("mvm_batch", &mvm_batch, nb::arg("x").noconvert(), nb::arg("conductance").noconvert(),
             nb::arg("multiplier").noconvert(), nb::arg("shift").noconvert(), nb::kw_only(),
             nb::arg("epoch"), nb::arg("first_mvm"), nb::arg("parameters"), kBatchDoc);
}
