// The parameters of a tile by name.
#ifndef HARNESS_NATIVE_TILE_PARAMS_HH_
#define HARNESS_NATIVE_TILE_PARAMS_HH_

#include "aimc_tile/core/params.hh"
#include "harness/native/fields.hh"

namespace aimc::native {

// What `fields` does not have keeps its initial value.  Throws std::invalid_argument if a value has
// another type or is out of its range, or if there is another name.
inline TileParams tile_params(Fields fields) {
  TileParams params;
#define AIMC_READ(Type, name, ...) params.name = fields.get<Type>(#name, params.name);
  AIMC_TILE_PARAMS(AIMC_READ)
  AIMC_TILE_MEMORY_PARAMS(AIMC_READ)
#undef AIMC_READ
  fields.refuse_others();
  params.validate();
  return params;
}

}  // namespace aimc::native

#endif  // HARNESS_NATIVE_TILE_PARAMS_HH_
