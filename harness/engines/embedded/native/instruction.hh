// What the timing model needs to know of one A64 instruction.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_INSTRUCTION_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_INSTRUCTION_HH_

#include <array>
#include <cstdint>

namespace aimc::embedded {

// Scoreboard register numbers: X0..X30, SP, V0..V31, NZCV.  The zero register has none.
constexpr uint8_t kRegSp = 31;
constexpr uint8_t kRegV0 = 32;
constexpr uint8_t kRegFlags = 64;
constexpr int kRegisters = 65;
constexpr uint8_t kNoReg = 0xff;

enum class OpClass : uint8_t {
  kInt,
  kIntMul,
  kIntDiv,
  kSimd,
  kSimdMul,
  kDot,
  kFp,
  kFpDiv,
  kLoad,
  kStore,
  kLoadStore,  // atomic read-modify-write
  kBranch,
  kBarrier,  // DMB, DSB: waits for outstanding memory accesses
  kIsb,
  kSystem,  // MRS, MSR, cache maintenance, hints that are not NOP
  kNop,     // takes an integer unit and nothing else
  kPrefetch,
  kClockRead,  // MRS of a host-dependent counter: refused
  kException,  // SVC, BRK, ...: the emulator reports it
  kUnknown,    // not in the decoder's tables: refused if it is ever executed
};

enum class BranchKind : uint8_t {
  kNone,
  kDirect,       // B
  kCall,         // BL
  kConditional,  // B.cond, CBZ, TBZ
  kIndirect,     // BR
  kIndirectCall,
  kReturn,
};

enum class Extend : uint8_t { kNone, kUxtw, kSxtw };

enum class Writeback : uint8_t { kNone, kPre, kPost, kPostRegister };

struct MemoryForm {
  uint8_t base = kNoReg;   // kNoReg: PC-relative, `offset` is the address
  uint8_t index = kNoReg;  // X register added to the base
  Extend extend = Extend::kNone;
  uint8_t shift = 0;
  Writeback writeback = Writeback::kNone;
  uint16_t bytes = 0;     // contiguous bytes accessed; 0: DC ZVA, whose size the core gives
  uint8_t alignment = 0;  // that device memory asks for; 0: no access of this kind is allowed there
  int64_t offset = 0;     // post-index: the increment
  // Loads of general registers only, else 0: bytes and extension of one loaded register.
  uint8_t element_bytes = 0;
  bool sign_extend = false;
  bool wide = false;  // sign extension to 64 bits
};

struct Instruction {
  OpClass op_class = OpClass::kUnknown;
  BranchKind branch = BranchKind::kNone;
  uint8_t sources = 0;
  uint8_t destinations = 0;
  // Of kDot, src[0] is the accumulator.
  std::array<uint8_t, 7> src{};
  // Of loads: the loaded registers; an updated base is in `memory` only.
  std::array<uint8_t, 4> dst{};
  bool writes_flags = false;
  bool refills = false;         // DSB, ISB: what follows is fetched again
  bool pair = false;            // LDP, STP and their kin
  bool structure = false;       // LD1, ST4 and their kin
  bool single_element = false;  // of structures
  MemoryForm memory;
  uint64_t target = 0;  // of direct branches

  bool is_load() const { return op_class == OpClass::kLoad || op_class == OpClass::kLoadStore; }
  bool is_store() const { return op_class == OpClass::kStore || op_class == OpClass::kLoadStore; }
  bool is_memory() const { return is_load() || is_store() || op_class == OpClass::kPrefetch; }
};

// Decodes the instruction `word` at address `pc`.  Never fails: see OpClass::kUnknown.
Instruction decode(uint32_t word, uint64_t pc);

}  // namespace aimc::embedded

#endif
