// The integer instructions that compute addresses, and their evaluation.
//
// The engine computes the address of a load or store before the emulator executes it.  It evaluates
// the integer instructions between the access and the point at which it last read the registers.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_INTEGER_OP_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_INTEGER_OP_HH_

#include <array>
#include <cstdint>
#include <optional>

#include "instruction.hh"

namespace aimc::embedded {

// Evaluation registers: X0..X30, SP, the zero register, NZCV (N in bit 3).
constexpr uint8_t kEvalSp = 31;
constexpr uint8_t kEvalZero = 32;
constexpr uint8_t kEvalFlags = 33;
constexpr uint8_t kEvalDiscard = 34;  // where results for the zero register go
constexpr int kEvalRegisters = 35;
using EvalRegisters = std::array<uint64_t, kEvalRegisters>;

enum class IntegerKind : uint8_t {
  kConstant,
  kAddImmediate,  // 64 bits, no flags: the common case
  kAdd,           // of the second operand, as all down to kEor
  kSub,
  kAnd,
  kOr,
  kEor,
  kMoveKeep,
  kBitfield,
  kExtract,
  kMultiplyAdd,
  kMultiplySub,
  kMultiplyAddLong,
  kMultiplySubLong,
  kMultiplyHigh,
  kDivide,
  kShiftVariable,
  kAddCarry,
  kSubCarry,
  kSelect,
  kCompareConditional,
  kReverseBits,
  kReverseBytes,
  kCountLeading,
};

enum class SecondOperand : uint8_t { kImmediate, kShifted, kExtended };

struct IntegerOp {
  IntegerKind kind;
  SecondOperand second = SecondOperand::kImmediate;
  bool wide = true;  // 64-bit form
  bool sets_flags = false;
  bool is_signed = false;
  bool invert = false;  // of the second operand; kSelect: CSINV, CSNEG; kCompareConditional: CCMP
  bool increment = false;  // kSelect: CSINC, CSNEG; kCountLeading: CLS
  uint8_t condition = 0;
  uint8_t shift_type = 0;  // LSL, LSR, ASR, ROR; or the extension option
  uint8_t shift = 0;
  uint8_t immr = 0;
  uint8_t imms = 0;
  uint8_t dst = kEvalDiscard;
  uint8_t a = kEvalZero;
  uint8_t b = kEvalZero;
  uint8_t c = kEvalZero;
  uint64_t immediate = 0;

  bool reads_flags() const {
    return kind == IntegerKind::kAddCarry || kind == IntegerKind::kSubCarry ||
           kind == IntegerKind::kSelect || kind == IntegerKind::kCompareConditional;
  }
};

// The integer instruction `word` at `pc`; nothing: it is not one of those that can be evaluated.
std::optional<IntegerOp> decode_integer(uint32_t word, uint64_t pc);

// Executes `op` on `registers`; registers[kEvalZero] is 0 and stays so.
void evaluate(const IntegerOp& op, EvalRegisters& registers);

// Whether A64 condition `condition` holds under `nzcv`.
bool condition_holds(uint8_t condition, uint64_t nzcv);

}  // namespace aimc::embedded

#endif
