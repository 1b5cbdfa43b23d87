#include "micro_op.hh"

#include <algorithm>

namespace aimc::embedded {

namespace {

constexpr int kForwarding = 2;  // cycles by which operands of pipelined units may be late
constexpr uint16_t kAccessBytes = 16;
constexpr uint16_t kVectorStoreBytes = 8;

class Expansion {
 public:
  Expansion(const Instruction& insn, const CoreParams& core, std::vector<MicroOp>& out)
      : insn_(insn), core_(core), out_(out) {}

  void run() {
    if (!insn_.is_memory()) {
      plain();
    } else if (insn_.structure) {
      structure();
    } else if (insn_.pair) {
      pair();
    } else {
      single();
    }
  }

 private:
  static void read(MicroOp& op, uint8_t reg) {
    if (reg != kNoReg) op.src[op.sources++] = reg;
  }
  static void write(MicroOp& op, uint8_t reg) {
    if (reg != kNoReg) op.dst[op.destinations++] = reg;
  }

  // All of SIMD and floating point passes units of one kind in the time of the fastest operation.
  // The result of a slower one is late, by up to the cycles of the forwarding.
  void in_simd_unit(MicroOp& op, int latency) const {
    const int fastest = std::min({core_.simd_latency, core_.simd_mul_latency, core_.dot_latency,
                                  core_.fp_latency, core_.fp_div_latency});
    op.unit = Unit::kSimd;
    op.depth = static_cast<uint8_t>(std::max(fastest + kForwarding, latency));
    op.result = static_cast<uint8_t>(latency + kForwarding);
    op.late = kForwarding;
  }

  void in_int_unit(MicroOp& op) const {
    op.unit = Unit::kInt;
    op.depth = op.result = static_cast<uint8_t>(core_.int_latency + kForwarding);
    op.late = kForwarding;
  }

  void time(MicroOp& op) const {
    switch (op.op_class) {
      case OpClass::kIntMul:
        op.unit = Unit::kMul;
        op.depth = op.result = static_cast<uint8_t>(core_.mul_latency);
        break;
      case OpClass::kIntDiv:
        op.unit = Unit::kDiv;
        op.depth = op.result = op.interval = static_cast<uint8_t>(core_.div_latency);
        break;
      case OpClass::kSimd:
        in_simd_unit(op, core_.simd_latency);
        break;
      case OpClass::kSimdMul:
        in_simd_unit(op, core_.simd_mul_latency);
        break;
      case OpClass::kDot:
        in_simd_unit(op, core_.dot_latency);
        op.accumulate = static_cast<uint8_t>(core_.dot_latency - core_.dot_accumulate_latency);
        break;
      case OpClass::kFp:
        in_simd_unit(op, core_.fp_latency);
        break;
      case OpClass::kFpDiv:
        in_simd_unit(op, core_.fp_div_latency);
        // A division that is slower than a multiplication occupies the unit.
        if (core_.fp_div_latency > core_.fp_latency) {
          op.interval = static_cast<uint8_t>(core_.fp_div_latency);
        }
        break;
      case OpClass::kLoad:
      case OpClass::kStore:
      case OpClass::kLoadStore:
      case OpClass::kPrefetch:
        op.unit = Unit::kMemory;
        op.depth = static_cast<uint8_t>(core_.address_cycles);
        op.result = static_cast<uint8_t>(core_.address_cycles + kForwarding);
        op.late = 1;
        break;
      case OpClass::kSystem:
        op.unit = Unit::kSystem;
        break;
      default:
        in_int_unit(op);
        break;
    }
  }

  MicroOp& add(OpClass op_class) {
    MicroOp& op = out_.emplace_back();
    op.op_class = op_class;
    time(op);
    return op;
  }

  void plain() {
    MicroOp& op = add(insn_.op_class);
    for (int i = 0; i < insn_.sources; ++i) read(op, insn_.src[static_cast<size_t>(i)]);
    for (int i = 0; i < insn_.destinations; ++i) write(op, insn_.dst[static_cast<size_t>(i)]);
    if (insn_.writes_flags) write(op, kRegFlags);
    op.barrier = insn_.op_class == OpClass::kBarrier;
    op.refills = insn_.refills;
  }

  MicroOp& access(uint8_t base, unsigned offset, unsigned bytes) {
    MicroOp& op = add(insn_.op_class);
    op.prefetch = insn_.op_class == OpClass::kPrefetch;
    op.load = insn_.is_load();
    op.store = insn_.is_store();
    op.offset = static_cast<uint8_t>(offset);
    op.bytes = static_cast<uint8_t>(bytes);
    read(op, base);
    return op;
  }

  void add_to_address(uint8_t to, uint8_t from, uint8_t index = kNoReg) {
    MicroOp& op = add(OpClass::kInt);
    read(op, from);
    read(op, index);
    write(op, to);
  }

  bool writes_back() const { return insn_.memory.writeback != Writeback::kNone; }

  void write_back() {
    if (writes_back()) add_to_address(insn_.memory.base, insn_.memory.base);
  }

  // The data registers that a store reads, or a load merges into, follow those of its address.
  int data_sources() const {
    const bool base = insn_.memory.base != kNoReg;
    const bool index = insn_.memory.index != kNoReg;
    return insn_.sources - base - index;
  }
  uint8_t data(int i) const {
    if (i >= data_sources()) return kNoReg;
    const bool base = insn_.memory.base != kNoReg;
    const bool index_first = insn_.memory.index != kNoReg && !insn_.structure;
    return insn_.src[static_cast<size_t>(i + base + index_first)];
  }

  bool vector_data() const {
    const uint8_t reg = data(0);
    return reg != kNoReg && reg >= kRegV0 && reg < kRegFlags;
  }

  void single() {
    const MemoryForm& memory = insn_.memory;
    const bool halves = insn_.op_class == OpClass::kStore && memory.bytes == kAccessBytes &&
                        data_sources() == 1 && vector_data();
    const unsigned step = halves ? kVectorStoreBytes : memory.bytes;
    for (unsigned offset = 0; offset < memory.bytes; offset += step) {
      MicroOp& op = access(memory.base, offset, step);
      read(op, memory.index);
      for (int i = 0; i < data_sources(); ++i) read(op, data(i));
      for (int i = 0; i < insn_.destinations; ++i) write(op, insn_.dst[static_cast<size_t>(i)]);
    }
    write_back();
  }

  void pair() {
    const MemoryForm& memory = insn_.memory;
    const bool post = memory.writeback == Writeback::kPost;
    const uint8_t base = post ? memory.base : kRegAddress;
    if (!post) add_to_address(kRegAddress, memory.base);
    const unsigned element = memory.bytes / 2u;
    if (insn_.op_class == OpClass::kLoad) {
      load_pair(base, element);
    } else {
      store_pair(base, element);
    }
    if (writes_back()) add_to_address(memory.base, base);
  }

  // Both registers in one access if they fit.
  void load_pair(uint8_t base, unsigned element) {
    const unsigned step = element < kAccessBytes ? 2 * element : element;
    int reg = 0;
    for (unsigned offset = 0; offset < 2 * element; offset += step) {
      MicroOp& op = access(base, offset, step);
      for (unsigned written = 0; written < step && reg < insn_.destinations; written += element) {
        write(op, insn_.dst[static_cast<size_t>(reg++)]);
      }
    }
  }

  void store_pair(uint8_t base, unsigned element) {
    const unsigned step = element < kVectorStoreBytes ? 2 * element : kVectorStoreBytes;
    for (unsigned offset = 0; offset < 2 * element; offset += step) {
      MicroOp& op = access(base, offset, step);
      if (step > element) {
        read(op, data(0));
        read(op, data(1));
      } else {
        read(op, data(static_cast<int>(offset / element)));
      }
    }
  }

  static uint8_t temporary(unsigned i) { return static_cast<uint8_t>(kRegStructure + i); }

  void structure() {
    const MemoryForm& memory = insn_.memory;
    const unsigned accesses = (memory.bytes + kAccessBytes - 1u) / kAccessBytes;
    const bool load = insn_.op_class == OpClass::kLoad;
    if (!load) pack(accesses);
    for (unsigned i = 0; i < accesses; ++i) {
      const unsigned offset = i * kAccessBytes;
      const unsigned bytes = std::min<unsigned>(kAccessBytes, memory.bytes - offset);
      MicroOp& op = access(memory.base, offset, bytes);
      if (load) {
        write(op, temporary(i));
      } else {
        read(op, temporary(i));
      }
    }
    if (memory.writeback == Writeback::kPostRegister) {
      add_to_address(memory.base, memory.base, memory.index);
    } else {
      write_back();
    }
    if (load) unpack(accesses);
  }

  // Converts between whole registers and memory order.  It takes no unit, unless it is of a single
  // element.
  MicroOp& marshal() {
    MicroOp& op = add(insn_.single_element ? OpClass::kSimd : OpClass::kInt);
    if (!insn_.single_element) {
      op.unit = Unit::kFree;
      op.depth = op.result = 0;
    }
    return op;
  }

  void unpack(unsigned accesses) {
    for (int first = 0; first < insn_.destinations; first += 2) {
      MicroOp& op = marshal();
      for (unsigned i = 0; i < accesses; ++i) read(op, temporary(i));
      for (int i = first; i < std::min<int>(first + 2, insn_.destinations); ++i) {
        if (data_sources() > 0) read(op, insn_.dst[static_cast<size_t>(i)]);
        write(op, insn_.dst[static_cast<size_t>(i)]);
      }
    }
  }

  void pack(unsigned accesses) {
    const unsigned operations = insn_.memory.bytes > 2 * kAccessBytes ? 2 : 1;
    for (unsigned i = 0; i < operations; ++i) {
      MicroOp& op = marshal();
      for (int d = 0; d < data_sources(); ++d) read(op, data(d));
      for (unsigned t = 2 * i; t < std::min(2 * i + 2, accesses); ++t) write(op, temporary(t));
    }
  }

  const Instruction& insn_;
  const CoreParams& core_;
  std::vector<MicroOp>& out_;
};

}  // namespace

void expand(const Instruction& insn, const CoreParams& core, std::vector<MicroOp>& out) {
  Expansion(insn, core, out).run();
}

}  // namespace aimc::embedded
