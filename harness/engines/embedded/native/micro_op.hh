// Instructions as the core executes them: one or more micro-operations.
//
// Accesses of more than 16 bytes, stores of a 16-byte register and updates of an address register
// are micro-operations of their own.  Structures pass through temporary registers.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_MICRO_OP_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_MICRO_OP_HH_

#include <array>
#include <cstdint>
#include <vector>

#include "instruction.hh"
#include "params.hh"

namespace aimc::embedded {

enum class Unit : uint8_t {
  kInt,
  kMul,
  kDiv,
  kSimd,
  kMemory,
  kSystem,
  kFree,  // takes no unit and no commit slot
};
constexpr int kUnits = static_cast<int>(Unit::kFree);

// Registers beyond the scoreboard's: temporaries within one instruction.
constexpr uint8_t kRegAddress = kRegisters;
constexpr uint8_t kRegStructure = kRegisters + 1;  // and the three that follow
constexpr int kTracked = kRegisters + 5;

struct MicroOp {
  OpClass op_class = OpClass::kInt;
  Unit unit = Unit::kInt;
  uint8_t depth = 1;       // cycles through its unit
  uint8_t interval = 1;    // cycles until another one can enter it
  uint8_t result = 1;      // cycles from issue until the result is there
  uint8_t late = 0;        // cycles after issue by which operands must be there
  uint8_t accumulate = 0;  // cycles by which src[0] may be later, if a dot product wrote it
  uint8_t sources = 0;
  uint8_t destinations = 0;
  bool load = false;
  bool store = false;
  bool prefetch = false;
  bool barrier = false;
  bool refills = false;  // later instructions are fetched again
  uint8_t bytes = 0;     // accessed
  uint8_t offset = 0;    // of the access in its instruction's bytes
  std::array<uint8_t, 7> src{};
  std::array<uint8_t, 4> dst{};

  bool memory() const { return load || store || prefetch; }
};

// Appends the micro-operations of `insn`.
void expand(const Instruction& insn, const CoreParams& core, std::vector<MicroOp>& out);

}  // namespace aimc::embedded

#endif
