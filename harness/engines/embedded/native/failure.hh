// Why a simulation cannot go on.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_FAILURE_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_FAILURE_HH_

#include <cstdint>
#include <optional>
#include <string>

namespace aimc::embedded {

// Keeps the first reason.  Both functions return false, for callers to pass on.
class Failure {
 public:
  // A defect of the engine.
  bool fail(const std::string& message) {
    if (message_.empty()) message_ = message;
    return false;
  }

  // The program does what the engine refuses to simulate, at `pc`.
  bool refuse(uint64_t pc, const std::string& message) {
    refused_ = true;
    pc_ = pc;
    return fail(message);
  }

  const std::string& message() const { return message_; }
  bool refused() const { return refused_; }
  std::optional<uint64_t> pc() const { return pc_; }

 private:
  std::string message_;
  bool refused_ = false;
  std::optional<uint64_t> pc_;
};

}  // namespace aimc::embedded

#endif
