#include "bits.hh"
#include "integer_op.hh"

namespace aimc::embedded {

namespace {

uint8_t zero_register(uint32_t field) {
  return field == 31 ? kEvalZero : static_cast<uint8_t>(field);
}

uint8_t result_register(uint32_t field) {
  return field == 31 ? kEvalDiscard : static_cast<uint8_t>(field);
}

uint64_t mask(bool wide) { return wide ? ~0ull : 0xffffffffull; }

// The bit mask of a logical immediate; nothing if the encoding is reserved.
std::optional<uint64_t> logical_immediate(bool wide, uint32_t n, uint32_t immr, uint32_t imms) {
  const uint32_t combined = (n << 6) | (~imms & 0x3f);
  if (combined == 0 || (!wide && n)) return std::nullopt;
  const int length = 31 - __builtin_clz(combined);
  if (length < 1) return std::nullopt;
  const uint32_t size = 1u << length;
  const uint32_t s = imms & (size - 1);
  const uint32_t r = immr & (size - 1);
  if (s == size - 1) return std::nullopt;
  uint64_t element = (1ull << (s + 1)) - 1;
  if (r) {
    element = (element >> r) | (element << (size - r));
    if (size < 64) element &= (1ull << size) - 1;
  }
  for (uint32_t width = size; width < 64; width *= 2) element |= element << width;
  return element & mask(wide);
}

std::optional<IntegerOp> decode_immediate(uint32_t word, uint64_t pc) {
  const uint32_t rd = bits(word, 4, 0);
  const uint32_t rn = bits(word, 9, 5);
  IntegerOp op{};
  op.wide = bit(word, 31);
  switch (bits(word, 25, 23)) {
    case 0:
    case 1: {  // ADR, ADRP
      const auto offset =
          static_cast<uint64_t>(sign_extend((bits(word, 23, 5) << 2) | bits(word, 30, 29), 21));
      op.kind = IntegerKind::kConstant;
      op.immediate = bit(word, 31) ? (pc & ~0xfffull) + (offset << 12) : pc + offset;
      op.wide = true;
      op.dst = result_register(rd);
      return op;
    }
    case 2: {
      op.sets_flags = bit(word, 29);
      const bool subtract = bit(word, 30);
      op.immediate = static_cast<uint64_t>(bits(word, 21, 10)) << (bit(word, 22) ? 12 : 0);
      op.a = static_cast<uint8_t>(rn);
      op.dst = op.sets_flags ? result_register(rd) : static_cast<uint8_t>(rd);
      if (op.wide && !op.sets_flags) {
        op.kind = IntegerKind::kAddImmediate;
        if (subtract) op.immediate = 0 - op.immediate;
      } else {
        op.kind = subtract ? IntegerKind::kSub : IntegerKind::kAdd;
      }
      return op;
    }
    case 4: {
      const auto immediate =
          logical_immediate(op.wide, bit(word, 22), bits(word, 21, 16), bits(word, 15, 10));
      if (!immediate) return std::nullopt;
      op.immediate = *immediate;
      const uint32_t opc = bits(word, 30, 29);
      op.kind = opc == 1 ? IntegerKind::kOr : opc == 2 ? IntegerKind::kEor : IntegerKind::kAnd;
      op.sets_flags = opc == 3;
      op.a = zero_register(rn);
      op.dst = op.sets_flags ? result_register(rd) : static_cast<uint8_t>(rd);
      return op;
    }
    case 5: {
      const uint32_t opc = bits(word, 30, 29);
      const uint32_t shift = bits(word, 22, 21) * 16;
      if (opc == 1 || (!op.wide && shift > 16)) return std::nullopt;
      op.dst = result_register(rd);
      op.immediate = static_cast<uint64_t>(bits(word, 20, 5)) << shift;
      if (opc == 3) {
        op.kind = IntegerKind::kMoveKeep;
        op.shift = static_cast<uint8_t>(shift);
        op.a = zero_register(rd);
      } else {
        op.kind = IntegerKind::kConstant;
        if (opc == 0) op.immediate = ~op.immediate & mask(op.wide);
      }
      return op;
    }
    case 6: {  // SBFM, BFM, UBFM; `c` is what lies around the field
      const uint32_t opc = bits(word, 30, 29);
      if (opc == 3 || bit(word, 22) != op.wide) return std::nullopt;
      if (!op.wide && (bit(word, 21) || bit(word, 15))) return std::nullopt;
      op.kind = IntegerKind::kBitfield;
      op.is_signed = opc == 0;
      op.immr = static_cast<uint8_t>(bits(word, 21, 16));
      op.imms = static_cast<uint8_t>(bits(word, 15, 10));
      op.a = zero_register(rn);
      op.c = opc == 1 ? zero_register(rd) : kEvalZero;
      op.dst = result_register(rd);
      return op;
    }
    case 7: {
      if (bits(word, 30, 29) != 0 || bit(word, 21) || bit(word, 22) != op.wide) {
        return std::nullopt;
      }
      if (!op.wide && bit(word, 15)) return std::nullopt;
      op.kind = IntegerKind::kExtract;
      op.a = zero_register(rn);
      op.b = zero_register(bits(word, 20, 16));
      op.shift = static_cast<uint8_t>(bits(word, 15, 10));
      op.dst = result_register(rd);
      return op;
    }
    default:
      return std::nullopt;
  }
}

std::optional<IntegerOp> decode_multiply(uint32_t word, IntegerOp op) {
  op.c = zero_register(bits(word, 14, 10));
  const bool subtract = bit(word, 15);
  switch (bits(word, 23, 21)) {
    case 0:
      op.kind = subtract ? IntegerKind::kMultiplySub : IntegerKind::kMultiplyAdd;
      return op;
    case 1:
    case 5:
      if (!op.wide) return std::nullopt;
      op.kind = subtract ? IntegerKind::kMultiplySubLong : IntegerKind::kMultiplyAddLong;
      op.is_signed = !bit(word, 23);
      return op;
    case 2:
    case 6:
      if (!op.wide || subtract) return std::nullopt;
      op.kind = IntegerKind::kMultiplyHigh;
      op.is_signed = !bit(word, 23);
      op.c = kEvalZero;
      return op;
    default:
      return std::nullopt;
  }
}

std::optional<IntegerOp> decode_two_source(uint32_t word, IntegerOp op) {
  const uint32_t opcode = bits(word, 15, 10);
  if (bit(word, 29)) return std::nullopt;
  if (opcode == 2 || opcode == 3) {
    op.kind = IntegerKind::kDivide;
    op.is_signed = opcode == 3;
    return op;
  }
  if (opcode >= 8 && opcode <= 11) {
    op.kind = IntegerKind::kShiftVariable;
    op.shift_type = static_cast<uint8_t>(opcode & 3);
    return op;
  }
  return std::nullopt;
}

std::optional<IntegerOp> decode_one_source(uint32_t word, IntegerOp op) {
  const uint32_t opcode = bits(word, 15, 10);
  if (bit(word, 29) || bits(word, 20, 16) != 0) return std::nullopt;
  op.b = kEvalZero;
  switch (opcode) {
    case 0:
      op.kind = IntegerKind::kReverseBits;
      return op;
    case 1:
    case 2:
    case 3:
      if (opcode == 3 && !op.wide) return std::nullopt;
      op.kind = IntegerKind::kReverseBytes;
      op.shift = static_cast<uint8_t>(1u << opcode);  // bytes in a reversed group
      return op;
    case 4:
    case 5:
      op.kind = IntegerKind::kCountLeading;
      op.increment = opcode == 5;
      return op;
    default:
      return std::nullopt;
  }
}

std::optional<IntegerOp> decode_register(uint32_t word) {
  IntegerOp op{};
  op.wide = bit(word, 31);
  op.a = zero_register(bits(word, 9, 5));
  op.b = zero_register(bits(word, 20, 16));
  op.dst = result_register(bits(word, 4, 0));
  switch (bits(word, 28, 24)) {
    case 0x0a: {
      const uint32_t opc = bits(word, 30, 29);
      op.kind = opc == 1 ? IntegerKind::kOr : opc == 2 ? IntegerKind::kEor : IntegerKind::kAnd;
      op.sets_flags = opc == 3;
      op.second = SecondOperand::kShifted;
      op.shift_type = static_cast<uint8_t>(bits(word, 23, 22));
      op.shift = static_cast<uint8_t>(bits(word, 15, 10));
      op.invert = bit(word, 21);
      if (!op.wide && op.shift > 31) return std::nullopt;
      return op;
    }
    case 0x0b:
      op.kind = bit(word, 30) ? IntegerKind::kSub : IntegerKind::kAdd;
      op.sets_flags = bit(word, 29);
      if (bit(word, 21)) {
        if (bits(word, 23, 22) != 0 || bits(word, 12, 10) > 4) return std::nullopt;
        op.second = SecondOperand::kExtended;
        op.shift_type = static_cast<uint8_t>(bits(word, 15, 13));
        op.shift = static_cast<uint8_t>(bits(word, 12, 10));
        op.a = static_cast<uint8_t>(bits(word, 9, 5));
        if (!op.sets_flags) op.dst = static_cast<uint8_t>(bits(word, 4, 0));
      } else {
        op.second = SecondOperand::kShifted;
        op.shift_type = static_cast<uint8_t>(bits(word, 23, 22));
        op.shift = static_cast<uint8_t>(bits(word, 15, 10));
        if (op.shift_type == 3 || (!op.wide && op.shift > 31)) return std::nullopt;
      }
      return op;
    case 0x1a:
      op.condition = static_cast<uint8_t>(bits(word, 15, 12));
      switch (bits(word, 23, 21)) {
        case 0:
          if (bits(word, 15, 10) != 0) return std::nullopt;
          op.kind = bit(word, 30) ? IntegerKind::kSubCarry : IntegerKind::kAddCarry;
          op.sets_flags = bit(word, 29);
          return op;
        case 2:
          if (!bit(word, 29) || bit(word, 10) || bit(word, 4)) return std::nullopt;
          op.kind = IntegerKind::kCompareConditional;
          op.invert = bit(word, 30);
          op.imms = static_cast<uint8_t>(bits(word, 3, 0));
          op.dst = kEvalDiscard;
          op.sets_flags = true;
          op.second = bit(word, 11) ? SecondOperand::kImmediate : SecondOperand::kShifted;
          op.immediate = bits(word, 20, 16);
          if (bit(word, 11)) op.b = kEvalZero;
          return op;
        case 4:
          if (bit(word, 29) || bit(word, 11)) return std::nullopt;
          op.kind = IntegerKind::kSelect;
          op.invert = bit(word, 30);
          op.increment = bit(word, 10);
          return op;
        case 6:
          return bit(word, 30) ? decode_one_source(word, op) : decode_two_source(word, op);
        default:
          return std::nullopt;
      }
    case 0x1b:
      if (bits(word, 30, 29) != 0) return std::nullopt;
      return decode_multiply(word, op);
    default:
      return std::nullopt;
  }
}

}  // namespace

std::optional<IntegerOp> decode_integer(uint32_t word, uint64_t pc) {
  switch (bits(word, 28, 25)) {
    case 0x8:
    case 0x9:
      return decode_immediate(word, pc);
    case 0x5:
    case 0xd:
      return decode_register(word);
    default:
      return std::nullopt;
  }
}

}  // namespace aimc::embedded
