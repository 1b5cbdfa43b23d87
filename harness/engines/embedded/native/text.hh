// Numbers in messages.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_TEXT_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_TEXT_HH_

#include <cstdint>
#include <cstdio>
#include <string>

namespace aimc::embedded {

inline std::string hex(uint64_t value) {
  char text[32];
  std::snprintf(text, sizeof(text), "0x%llx", static_cast<unsigned long long>(value));
  return text;
}

}  // namespace aimc::embedded

#endif
