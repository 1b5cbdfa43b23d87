#include "block.hh"

#include <algorithm>
#include <bitset>
#include <optional>

namespace aimc::embedded {

namespace {

using RegisterSet = std::bitset<kEvalRegisters>;

// The evaluation register of scoreboard register `reg`, or kEvalDiscard if it has none.
uint8_t eval_register(uint8_t reg) {
  if (reg <= kRegSp) return reg;
  return reg == kRegFlags ? kEvalFlags : kEvalDiscard;
}

// Finds the registers that the addresses follow from.
class AddressAnalysis {
 public:
  AddressAnalysis(const std::vector<Instruction>& insns,
                  const std::vector<std::optional<IntegerOp>>& integers, Block& block,
                  const RegisterNumbers& numbers)
      : insns_(insns), integers_(integers), block_(block), numbers_(numbers) {}

  void run() {
    find_segments();
    for (Segment& segment : block_.segments) slice(segment);
  }

 private:
  static std::vector<uint8_t> sources(const IntegerOp& op) {
    std::vector<uint8_t> regs = {op.a, op.b, op.c};
    if (op.reads_flags()) regs.push_back(kEvalFlags);
    return regs;
  }

  static std::vector<uint8_t> address_sources(const MemoryForm& memory) {
    std::vector<uint8_t> regs;
    if (memory.base != kNoReg) regs.push_back(memory.base);
    if (memory.index != kNoReg) regs.push_back(memory.index);
    return regs;
  }

  static bool all_in(const RegisterSet& set, const std::vector<uint8_t>& regs) {
    return std::all_of(regs.begin(), regs.end(), [&set](uint8_t reg) { return set[reg]; });
  }

  bool gives_value(size_t i) const {
    const Instruction& insn = insns_[i];
    return insn.op_class == OpClass::kLoad && insn.memory.element_bytes != 0 &&
           block_.opaque_loads.count(static_cast<uint16_t>(i)) == 0;
  }

  // A segment ends where an address depends on a value that cannot be computed in advance.
  void find_segments() {
    RegisterSet known;
    known.set();
    Segment segment;
    uint16_t memory = 0;
    for (size_t i = 0; i < insns_.size(); ++i) {
      const Instruction& insn = insns_[i];
      if (insn.is_memory() && !all_in(known, address_sources(insn.memory))) {
        segment.end_op = static_cast<uint16_t>(i);
        block_.segments.push_back(segment);
        segment = Segment{};
        segment.first_op = static_cast<uint16_t>(i);
        segment.first_memory = memory;
        known.set();
      }
      if (integers_[i]) {
        const bool result = all_in(known, sources(*integers_[i]));
        known[integers_[i]->dst] = result;
        if (integers_[i]->sets_flags) known[kEvalFlags] = result;
      } else {
        for (int d = 0; d < insn.destinations; ++d) {
          known[eval_register(insn.dst[static_cast<size_t>(d)])] = gives_value(i);
        }
        if (insn.writes_flags) known[kEvalFlags] = false;
      }
      known[kEvalZero] = true;
      if (insn.is_memory()) ++memory;
    }
    segment.end_op = static_cast<uint16_t>(insns_.size());
    block_.segments.push_back(segment);
  }

  // Selects the instructions that addresses need, backwards.
  void slice(Segment& segment) {
    std::vector<AddressOp> reversed;
    RegisterSet needed;
    auto memory = static_cast<uint16_t>(segment.first_memory);
    for (size_t i = segment.first_op; i < segment.end_op; ++i) memory += insns_[i].is_memory();
    for (size_t i = segment.end_op; i-- > segment.first_op;) {
      const Instruction& insn = insns_[i];
      if (insn.is_memory()) {
        --memory;
        slice_memory(insn.memory, insn, memory, needed, reversed);
      } else if (integers_[i]) {
        const IntegerOp& op = *integers_[i];
        const bool used =
            (op.dst != kEvalDiscard && needed[op.dst]) || (op.sets_flags && needed[kEvalFlags]);
        if (!used) {
          continue;
        }
        needed[op.dst] = false;
        if (op.sets_flags) needed[kEvalFlags] = false;
        for (const uint8_t reg : sources(op)) needed[reg] = true;
        reversed.push_back(integer_op(op));
      }
    }
    needed[kEvalZero] = false;
    needed[kEvalDiscard] = false;
    for (uint8_t reg = 0; reg < kEvalRegisters; ++reg) {
      if (!needed[reg]) continue;
      segment.registers.push_back(reg);
      segment.emulator_registers.push_back(numbers_[reg]);
    }
    segment.program_begin = static_cast<uint32_t>(block_.program.size());
    block_.program.insert(block_.program.end(), reversed.rbegin(), reversed.rend());
    segment.program_end = static_cast<uint32_t>(block_.program.size());
  }

  AddressOp integer_op(const IntegerOp& op) {
    AddressOp out{};
    if (op.kind == IntegerKind::kAddImmediate) {
      out.kind = AddressKind::kAddImmediate;
      out.base = op.a;
      out.dst = op.dst;
      out.offset = static_cast<int64_t>(op.immediate);
      return out;
    }
    out.kind = AddressKind::kInteger;
    out.slot = static_cast<uint16_t>(block_.integer_ops.size());
    block_.integer_ops.push_back(op);
    return out;
  }

  void slice_memory(const MemoryForm& memory, const Instruction& insn, uint16_t slot,
                    RegisterSet& needed, std::vector<AddressOp>& reversed) {
    const uint8_t base = memory.base == kNoReg ? kEvalZero : memory.base;
    if (memory.writeback != Writeback::kNone && needed[base]) {
      AddressOp update{};
      update.dst = base;
      update.base = base;
      if (memory.writeback == Writeback::kPostRegister) {
        IntegerOp add{};
        add.kind = IntegerKind::kAdd;
        add.second = SecondOperand::kShifted;
        add.dst = add.a = base;
        add.b = memory.index;
        needed[memory.index] = true;
        update = integer_op(add);
      } else {
        update.kind = AddressKind::kAddImmediate;
        update.offset = memory.offset;
      }
      reversed.push_back(update);
    }
    AddressOp value{};
    value.kind = AddressKind::kLoadValue;
    value.slot = slot;
    value.index = kEvalDiscard;
    bool wanted = false;
    for (int d = 0; insn.op_class == OpClass::kLoad && d < insn.destinations; ++d) {
      const uint8_t reg = eval_register(insn.dst[static_cast<size_t>(d)]);
      if (reg == kEvalDiscard || !needed[reg]) continue;
      needed[reg] = false;
      wanted = true;
      (d == 0 ? value.dst : value.index) = reg;
    }
    if (wanted) reversed.push_back(value);

    AddressOp access{};
    access.kind = block_.memory[slot].zero_block ? AddressKind::kZeroBlock : AddressKind::kOffset;
    access.base = base;
    access.slot = slot;
    needed[base] = true;
    if (memory.writeback == Writeback::kNone || memory.writeback == Writeback::kPre) {
      access.offset = memory.offset;
    }
    if (memory.index != kNoReg && memory.writeback != Writeback::kPostRegister) {
      access.kind = AddressKind::kIndexed;
      access.index = memory.index;
      access.extend = memory.extend;
      access.shift = memory.shift;
      needed[memory.index] = true;
    }
    reversed.push_back(access);
  }

  const std::vector<Instruction>& insns_;
  const std::vector<std::optional<IntegerOp>>& integers_;
  Block& block_;
  const RegisterNumbers& numbers_;
};

}  // namespace

void StaticCounts::add(const MicroOp* begin, const MicroOp* end) {
  ++counts[kInstructions];
  for (const MicroOp* op = begin; op != end; ++op) {
    switch (op->op_class) {
      case OpClass::kDot:
        ++counts[kDotOps];
        ++counts[kSimdOps];
        break;
      case OpClass::kSimd:
      case OpClass::kSimdMul:
        ++counts[kSimdOps];
        break;
      case OpClass::kFp:
      case OpClass::kFpDiv:
        ++counts[kFpOps];
        break;
      case OpClass::kBranch:
        ++counts[kBranches];
        break;
      default:
        counts[kIntOps] += !op->memory();
        break;
    }
    counts[kLoads] += op->load || op->prefetch;
    counts[kStores] += op->store;
    counts[kL1dAccesses] += op->memory();
  }
}

void StaticCounts::add_to(Events& events, uint64_t times) const {
  for (const Event event : kCounted) events[event] += times * counts[event];
}

std::unique_ptr<Block> build_block(const uint32_t* words, size_t count, uint64_t pc,
                                   const CoreParams& core, uint32_t zero_block_bytes,
                                   const RegisterNumbers& numbers,
                                   const std::set<uint16_t>& opaque_loads) {
  auto block = std::make_unique<Block>();
  block->pc = pc;
  block->bytes = static_cast<uint32_t>(count * 4);
  block->opaque_loads = opaque_loads;
  std::vector<Instruction> insns;
  std::vector<std::optional<IntegerOp>> integers;
  for (size_t i = 0; i < count; ++i) {
    insns.push_back(decode(words[i], pc + 4 * i));
    Instruction& insn = insns.back();
    const bool zero_block = insn.op_class == OpClass::kStore && insn.memory.bytes == 0;
    if (zero_block) insn.memory.bytes = static_cast<uint16_t>(zero_block_bytes);
    integers.push_back(decode_integer(words[i], pc + 4 * i));
    const size_t first = block->ops.size();
    expand(insn, core, block->ops);
    const MicroOp* ops = block->ops.data();
    block->counts.add(ops + first, ops + block->ops.size());
    block->instructions.push_back({static_cast<uint32_t>(first),
                                   static_cast<uint32_t>(block->accesses.size()), insn.is_memory(),
                                   insn.op_class == OpClass::kClockRead,
                                   insn.op_class == OpClass::kUnknown});
    if (insn.is_memory()) {
      uint8_t bus_bytes = 0;
      for (size_t k = first; k < block->ops.size(); ++k) {
        const MicroOp& op = ops[k];
        bus_bytes = std::max(bus_bytes, op.bytes);
        if (!op.memory()) continue;
        if (op.store) block->stores.push_back(static_cast<uint16_t>(block->accesses.size()));
        const bool first_access = block->accesses.size() == block->instructions.back().first_access;
        block->accesses.push_back(
            {static_cast<uint16_t>(block->memory.size()), op.offset, op.bytes, first_access});
      }
      block->memory.push_back({static_cast<uint16_t>(i), insn.memory.bytes, insn.is_load(),
                               insn.is_store(), insn.op_class == OpClass::kPrefetch, bus_bytes,
                               insn.memory.alignment, insn.memory.element_bytes,
                               insn.memory.sign_extend, insn.memory.wide, zero_block});
    }
    if (insn.branch != BranchKind::kNone) {
      block->branch = insn.branch;
      block->target = insn.target;
    }
  }
  block->instructions.push_back({static_cast<uint32_t>(block->ops.size()),
                                 static_cast<uint32_t>(block->accesses.size()), false, false,
                                 false});
  AddressAnalysis(insns, integers, *block, numbers).run();
  return block;
}

}  // namespace aimc::embedded
