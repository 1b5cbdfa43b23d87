// The decoder's parts: one function for each encoding group, filling a Builder.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_INSTRUCTION_GROUPS_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_INSTRUCTION_GROUPS_HH_

#include <cstddef>
#include <cstdint>

#include "instruction.hh"

namespace aimc::embedded {

// Collects one Instruction.  Register fields of 31 mean the zero register for `_x` and the stack
// pointer for `_xsp`.
class Builder {
 public:
  Builder& op_class(OpClass value) {
    out_.op_class = value;
    return *this;
  }
  Builder& read_x(uint32_t field) { return field == 31 ? *this : source(field); }
  Builder& read_xsp(uint32_t field) { return source(field); }
  Builder& read_v(uint32_t field) { return source(kRegV0 + field); }
  Builder& read_flags() { return source(kRegFlags); }
  Builder& write_x(uint32_t field) { return field == 31 ? *this : destination(field); }
  Builder& write_xsp(uint32_t field) { return destination(field); }
  Builder& write_v(uint32_t field) { return destination(kRegV0 + field); }
  Builder& write_flags() {
    out_.writes_flags = true;
    return *this;
  }
  Builder& branch(BranchKind kind, uint64_t target) {
    out_.branch = kind;
    out_.target = target;
    return *this;
  }
  Builder& refills() {
    out_.refills = true;
    return *this;
  }
  Builder& pair() {
    out_.pair = true;
    return *this;
  }
  Builder& structure(bool single_element) {
    out_.structure = true;
    out_.single_element = single_element;
    return *this;
  }
  // The operand of DC ZVA, where 31 is the zero register.
  Builder& memory_base_x(uint32_t field) {
    read_x(field);
    out_.memory.base = field == 31 ? kNoReg : static_cast<uint8_t>(field);
    return *this;
  }
  MemoryForm& memory() { return out_.memory; }
  Instruction take() const { return out_; }

 private:
  Builder& source(uint32_t number) {
    out_.src[out_.sources++] = static_cast<uint8_t>(number);
    return *this;
  }
  Builder& destination(uint32_t number) {
    out_.dst[out_.destinations++] = static_cast<uint8_t>(number);
    return *this;
  }

  Instruction out_;
};

void decode_load_store(uint32_t word, uint64_t pc, Builder& out);
void decode_simd_fp(uint32_t word, Builder& out);

}  // namespace aimc::embedded

#endif
