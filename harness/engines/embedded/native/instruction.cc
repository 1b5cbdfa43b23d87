#include "instruction.hh"

#include "bits.hh"
#include "instruction_groups.hh"

namespace aimc::embedded {

namespace {

void decode_data_immediate(uint32_t word, Builder& out) {
  out.op_class(OpClass::kInt);
  const uint32_t rd = bits(word, 4, 0);
  const uint32_t rn = bits(word, 9, 5);
  switch (bits(word, 25, 23)) {
    case 0:
    case 1:  // ADR, ADRP
      out.write_x(rd);
      return;
    case 2: {  // ADD, SUB
      const bool sets_flags = bit(word, 29);
      out.read_xsp(rn);
      if (sets_flags) {
        out.write_x(rd).write_flags();
      } else {
        out.write_xsp(rd);
      }
      return;
    }
    case 4:  // AND, ORR, EOR, ANDS
      out.read_x(rn);
      if (bits(word, 30, 29) == 3) {
        out.write_x(rd).write_flags();
      } else {
        out.write_xsp(rd);
      }
      return;
    case 5:  // MOVN, MOVZ, MOVK
      if (bits(word, 30, 29) == 1) break;
      if (bits(word, 30, 29) == 3) out.read_x(rd);
      out.write_x(rd);
      return;
    case 6:  // SBFM, BFM, UBFM
      if (bits(word, 30, 29) == 3) break;
      if (bits(word, 30, 29) == 1) out.read_x(rd);
      out.read_x(rn).write_x(rd);
      return;
    case 7:  // EXTR
      if (bits(word, 30, 29) != 0) break;
      out.read_x(rn).read_x(bits(word, 20, 16)).write_x(rd);
      return;
    default:
      break;
  }
  out.op_class(OpClass::kUnknown);
}

void decode_two_source(uint32_t word, Builder& out) {
  const uint32_t opcode = bits(word, 15, 10);
  const bool div = opcode == 2 || opcode == 3;
  const bool shift = opcode >= 8 && opcode <= 11;
  const bool crc = opcode >= 16 && opcode <= 23;
  if (bit(word, 29) || !(div || shift || crc)) {
    out.op_class(OpClass::kUnknown);
    return;
  }
  out.op_class(div ? OpClass::kIntDiv : OpClass::kInt);
  out.read_x(bits(word, 9, 5)).read_x(bits(word, 20, 16)).write_x(bits(word, 4, 0));
}

void decode_data_register(uint32_t word, Builder& out) {
  out.op_class(OpClass::kInt);
  const uint32_t rd = bits(word, 4, 0);
  const uint32_t rn = bits(word, 9, 5);
  const uint32_t rm = bits(word, 20, 16);
  switch (bits(word, 28, 24)) {
    case 0x0a:  // logical, shifted register
      out.read_x(rn).read_x(rm).write_x(rd);
      if (bits(word, 30, 29) == 3) out.write_flags();
      return;
    case 0x0b:  // ADD, SUB
      if (bit(word, 21)) {
        out.read_xsp(rn).read_x(rm);
        if (bit(word, 29)) {
          out.write_x(rd).write_flags();
        } else {
          out.write_xsp(rd);
        }
      } else {
        out.read_x(rn).read_x(rm).write_x(rd);
        if (bit(word, 29)) out.write_flags();
      }
      return;
    case 0x1a:
      switch (bits(word, 23, 21)) {
        case 0:  // ADC, SBC
          if (bits(word, 15, 10) != 0) break;
          out.read_x(rn).read_x(rm).read_flags().write_x(rd);
          if (bit(word, 29)) out.write_flags();
          return;
        case 2:  // CCMP, CCMN
          if (!bit(word, 29) || bit(word, 10) || bit(word, 4)) break;
          out.read_x(rn).read_flags().write_flags();
          if (!bit(word, 11)) out.read_x(rm);
          return;
        case 4:  // CSEL and its kin
          if (bit(word, 29) || bit(word, 11)) break;
          out.read_x(rn).read_x(rm).read_flags().write_x(rd);
          return;
        case 6:
          if (!bit(word, 30)) {
            decode_two_source(word, out);
            return;
          }
          // RBIT, REV16, REV32, REV, CLZ, CLS
          if (bit(word, 29) || rm != 0 || bits(word, 15, 10) > 5) break;
          out.read_x(rn).write_x(rd);
          return;
        default:
          break;
      }
      break;
    case 0x1b:  // three sources
      if (bits(word, 30, 29) != 0) break;
      out.op_class(OpClass::kIntMul);
      out.read_x(rn).read_x(rm).write_x(rd);
      if (bits(word, 23, 21) != 2 && bits(word, 23, 21) != 6) out.read_x(bits(word, 14, 10));
      return;
    default:
      break;
  }
  out.op_class(OpClass::kUnknown);
}

// System registers whose value depends on the host's clock under the emulator.
bool is_clock_register(uint32_t word) {
  const uint32_t op1_crn_crm = bits(word, 18, 8);
  constexpr uint32_t kTimer = (3u << 8) | (14u << 4);             // CNT*_EL0, CRn 14, op1 3
  constexpr uint32_t kCycleCounter = (3u << 8) | (9u << 4) | 13;  // PMCCNTR_EL0
  if (bits(word, 20, 19) != 3) return false;
  if (op1_crn_crm == kTimer) return bits(word, 7, 5) != 0;  // op2 0 is the constant CNTFRQ_EL0
  const bool timer_value = op1_crn_crm >= (kTimer | 2) && op1_crn_crm <= (kTimer | 3);
  return timer_value || op1_crn_crm == kCycleCounter;
}

void decode_system(uint32_t word, Builder& out) {
  const uint32_t rt = bits(word, 4, 0);
  const bool read = bit(word, 21);
  out.op_class(OpClass::kSystem);
  const uint32_t op0 = bits(word, 20, 19);
  if (op0 == 0) {
    if ((word & 0xfffff01fu) == 0xd503201fu) {  // hints
      out.op_class(OpClass::kNop);
    } else if ((word & 0xfffff01fu) == 0xd503301fu) {  // barriers
      const uint32_t op2 = bits(word, 7, 5);
      if (op2 == 4 || op2 == 5) out.op_class(OpClass::kBarrier);
      if (op2 == 6) out.op_class(OpClass::kIsb);
      if (op2 == 4 || op2 == 6) out.refills();
    }
    return;
  }
  if ((word & 0xffffffe0u) == 0xd50b7420u) {  // DC ZVA
    out.op_class(OpClass::kStore).memory_base_x(rt);
    return;
  }
  if (op0 == 1) {  // SYS, SYSL
    if (read) {
      out.write_x(rt);
    } else {
      out.read_x(rt);
    }
    return;
  }
  const bool flags = bits(word, 20, 5) == 0xda10;  // NZCV
  if (read) {
    if (is_clock_register(word)) out.op_class(OpClass::kClockRead);
    if (flags) out.read_flags();
    out.write_x(rt);
  } else {
    out.read_x(rt);
    if (flags) out.write_flags();
  }
}

void decode_branch(uint32_t word, uint64_t pc, Builder& out) {
  const uint32_t rt = bits(word, 4, 0);
  const auto relative = [pc](uint32_t field, int width) {
    return pc + static_cast<uint64_t>(sign_extend(field, width) * 4);
  };
  out.op_class(OpClass::kBranch);
  if (bits(word, 30, 26) == 0x05) {  // B, BL
    const bool call = bit(word, 31);
    out.branch(call ? BranchKind::kCall : BranchKind::kDirect, relative(bits(word, 25, 0), 26));
    if (call) out.write_x(30);
    return;
  }
  if (bits(word, 30, 25) == 0x1a) {  // CBZ, CBNZ
    out.branch(BranchKind::kConditional, relative(bits(word, 23, 5), 19)).read_x(rt);
    return;
  }
  if (bits(word, 30, 25) == 0x1b) {  // TBZ, TBNZ
    out.branch(BranchKind::kConditional, relative(bits(word, 18, 5), 14)).read_x(rt);
    return;
  }
  if (bits(word, 31, 24) == 0x54) {  // B.cond
    out.branch(BranchKind::kConditional, relative(bits(word, 23, 5), 19)).read_flags();
    return;
  }
  if (bits(word, 31, 24) == 0xd4) {
    out.op_class(OpClass::kException);
    return;
  }
  if (bits(word, 31, 22) == 0x354) {
    decode_system(word, out);
    return;
  }
  if ((word & 0xfffffc1fu) == 0xd61f0000u) {  // BR
    out.branch(BranchKind::kIndirect, 0).read_x(bits(word, 9, 5));
    return;
  }
  if ((word & 0xfffffc1fu) == 0xd63f0000u) {  // BLR
    out.branch(BranchKind::kIndirectCall, 0).read_x(bits(word, 9, 5)).write_x(30);
    return;
  }
  if ((word & 0xfffffc1fu) == 0xd65f0000u) {  // RET
    out.branch(BranchKind::kReturn, 0).read_x(bits(word, 9, 5));
    return;
  }
  if (word == 0xd69f03e0u) {  // ERET
    out.branch(BranchKind::kIndirect, 0);
    return;
  }
  out.op_class(OpClass::kUnknown);
}

}  // namespace

Instruction decode(uint32_t word, uint64_t pc) {
  Builder out;
  switch (bits(word, 28, 25)) {
    case 0x8:
    case 0x9:
      decode_data_immediate(word, out);
      break;
    case 0xa:
    case 0xb:
      decode_branch(word, pc, out);
      break;
    case 0x4:
    case 0x6:
    case 0xc:
    case 0xe:
      decode_load_store(word, pc, out);
      break;
    case 0x5:
    case 0xd:
      decode_data_register(word, out);
      break;
    case 0x7:
    case 0xf:
      decode_simd_fp(word, out);
      break;
    default:
      break;
  }
  return out.take();
}

}  // namespace aimc::embedded
