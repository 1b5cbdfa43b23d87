// The simulated system, from the configuration that Python hands over.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_READ_SYSTEM_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_READ_SYSTEM_HH_

#include "harness/native/fields.hh"
#include "params.hh"

namespace aimc::embedded {

// `system` is what harness/engines/embedded/engine.py makes of a `SystemConfig`.  Throws
// std::invalid_argument if a value is missing, unknown or of another type.
SystemParams read_system(native::Fields system);

}  // namespace aimc::embedded

#endif
