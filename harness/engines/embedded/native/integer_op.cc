#include "integer_op.hh"

#include "bits.hh"

namespace aimc::embedded {

namespace {

uint64_t mask(bool wide) { return wide ? ~0ull : 0xffffffffull; }

uint64_t rotate_right(uint64_t value, unsigned amount, bool wide) {
  const unsigned width = wide ? 64 : 32;
  amount %= width;
  value &= mask(wide);
  if (amount == 0) return value;
  return ((value >> amount) | (value << (width - amount))) & mask(wide);
}

uint64_t shifted(uint64_t value, uint8_t type, unsigned amount, bool wide) {
  value &= mask(wide);
  switch (type) {
    case 0:
      return (value << amount) & mask(wide);
    case 1:
      return value >> amount;
    case 2:
      return static_cast<uint64_t>(sign_extend(value, wide ? 64 : 32) >> amount) & mask(wide);
    default:
      return rotate_right(value, amount, wide);
  }
}

uint64_t second_operand(const IntegerOp& op, const EvalRegisters& r) {
  switch (op.second) {
    case SecondOperand::kImmediate:
      return op.immediate;
    case SecondOperand::kShifted:
      return shifted(r[op.b], op.shift_type, op.shift, op.wide);
    default: {
      const int width = 8 << (op.shift_type & 3);
      const uint64_t value = width == 64 ? r[op.b] : r[op.b] & ((1ull << width) - 1);
      const uint64_t extended =
          op.shift_type & 4 ? static_cast<uint64_t>(sign_extend(value, width)) : value;
      return (extended << op.shift) & mask(op.wide);
    }
  }
}

// a + b + carry, with the flags it sets.
uint64_t add_with_carry(uint64_t a, uint64_t b, unsigned carry, bool wide, uint64_t& nzcv) {
  a &= mask(wide);
  b &= mask(wide);
  const uint64_t sum = (a + b + carry) & mask(wide);
  const int top = wide ? 63 : 31;
  const bool n = (sum >> top) & 1;
  const bool carry_out = wide ? (sum < a || (carry && sum == a)) : ((a + b + carry) >> 32) & 1;
  const bool overflow = ((~(a ^ b) & (a ^ sum)) >> top) & 1;
  nzcv = (n ? 8u : 0u) | (sum == 0 ? 4u : 0u) | (carry_out ? 2u : 0u) | (overflow ? 1u : 0u);
  return sum;
}

uint64_t bitfield(const IntegerOp& op, uint64_t value, uint64_t around) {
  const unsigned width = op.wide ? 64 : 32;
  const auto low_ones = [](unsigned count) { return count >= 64 ? ~0ull : (1ull << count) - 1; };
  value &= mask(op.wide);
  unsigned length;
  unsigned position;
  uint64_t field;
  if (op.imms >= op.immr) {  // extract
    length = op.imms - op.immr + 1u;
    position = 0;
    field = (value >> op.immr) & low_ones(length);
  } else {  // insert
    length = op.imms + 1u;
    position = width - op.immr;
    field = value & low_ones(length);
  }
  uint64_t result = (around & ~(low_ones(length) << position)) | (field << position);
  if (op.is_signed && ((field >> (length - 1)) & 1)) result |= ~low_ones(position + length);
  return result & mask(op.wide);
}

uint64_t divide(const IntegerOp& op, uint64_t a, uint64_t b) {
  if (op.is_signed) {
    const int width = op.wide ? 64 : 32;
    const int64_t x = sign_extend(a, width);
    const int64_t y = sign_extend(b, width);
    if (y == 0) return 0;
    if (y == -1) return 0 - static_cast<uint64_t>(x);
    return static_cast<uint64_t>(x / y);
  }
  a &= mask(op.wide);
  b &= mask(op.wide);
  return b == 0 ? 0 : a / b;
}

uint64_t multiply_long(const IntegerOp& op, uint64_t a, uint64_t b) {
  if (op.is_signed) {
    return static_cast<uint64_t>(sign_extend(a, 32) * sign_extend(b, 32));
  }
  return (a & 0xffffffffull) * (b & 0xffffffffull);
}

uint64_t multiply_high(const IntegerOp& op, uint64_t a, uint64_t b) {
  const auto high = static_cast<uint64_t>((static_cast<unsigned __int128>(a) * b) >> 64);
  if (!op.is_signed) return high;
  return high - (static_cast<int64_t>(a) < 0 ? b : 0) - (static_cast<int64_t>(b) < 0 ? a : 0);
}

uint64_t reverse_bits(uint64_t value, bool wide) {
  uint64_t result = 0;
  const int width = wide ? 64 : 32;
  for (int i = 0; i < width; ++i) result |= ((value >> i) & 1) << (width - 1 - i);
  return result;
}

uint64_t reverse_bytes(uint64_t value, unsigned group, bool wide) {
  uint64_t result = 0;
  const unsigned width = wide ? 8 : 4;
  for (unsigned i = 0; i < width; ++i) {
    const unsigned to = (i / group) * group + (group - 1 - i % group);
    result |= ((value >> (8 * i)) & 0xff) << (8 * to);
  }
  return result;
}

uint64_t count_leading(const IntegerOp& op, uint64_t value) {
  const unsigned width = op.wide ? 64 : 32;
  value &= mask(op.wide);
  if (op.increment) {  // CLS: equal bits below the sign bit
    value = (value ^ (value << 1)) & mask(op.wide) & ~1ull;
    const unsigned zeros =
        value ? static_cast<unsigned>(__builtin_clzll(value)) - (64 - width) : width - 1;
    return zeros;
  }
  return value ? static_cast<unsigned>(__builtin_clzll(value)) - (64 - width) : width;
}

uint64_t select(const IntegerOp& op, const EvalRegisters& r) {
  if (condition_holds(op.condition, r[kEvalFlags])) return r[op.a];
  uint64_t value = r[op.b];
  if (op.invert) value = ~value;
  if (op.increment) ++value;
  return value;
}

}  // namespace

bool condition_holds(uint8_t condition, uint64_t nzcv) {
  const bool n = nzcv & 8;
  const bool z = nzcv & 4;
  const bool c = nzcv & 2;
  const bool v = nzcv & 1;
  bool holds;
  switch (condition >> 1) {
    case 0:
      holds = z;
      break;
    case 1:
      holds = c;
      break;
    case 2:
      holds = n;
      break;
    case 3:
      holds = v;
      break;
    case 4:
      holds = c && !z;
      break;
    case 5:
      holds = n == v;
      break;
    case 6:
      holds = n == v && !z;
      break;
    default:
      return true;
  }
  return (condition & 1) ? !holds : holds;
}

void evaluate(const IntegerOp& op, EvalRegisters& r) {
  const uint64_t a = r[op.a];
  const bool carry = r[kEvalFlags] & 2;
  uint64_t flags = r[kEvalFlags];
  uint64_t value = 0;
  switch (op.kind) {
    case IntegerKind::kConstant:
      value = op.immediate;
      break;
    case IntegerKind::kAddImmediate:
      value = a + op.immediate;
      break;
    case IntegerKind::kAdd:
      value = add_with_carry(a, second_operand(op, r), 0, op.wide, flags);
      break;
    case IntegerKind::kSub:
      value = add_with_carry(a, ~second_operand(op, r), 1, op.wide, flags);
      break;
    case IntegerKind::kAnd:
    case IntegerKind::kOr:
    case IntegerKind::kEor: {
      const uint64_t b = op.invert ? ~second_operand(op, r) : second_operand(op, r);
      value = op.kind == IntegerKind::kAnd ? a & b : op.kind == IntegerKind::kOr ? a | b : a ^ b;
      value &= mask(op.wide);
      flags = ((value >> (op.wide ? 63 : 31)) & 1 ? 8u : 0u) | (value == 0 ? 4u : 0u);
      break;
    }
    case IntegerKind::kMoveKeep:
      value = (a & ~(0xffffull << op.shift)) | op.immediate;
      break;
    case IntegerKind::kBitfield:
      value = bitfield(op, a, r[op.c]);
      break;
    case IntegerKind::kExtract: {
      const unsigned width = op.wide ? 64 : 32;
      const uint64_t low = r[op.b] & mask(op.wide);
      value = op.shift ? (low >> op.shift) | (a << (width - op.shift)) : low;
      break;
    }
    case IntegerKind::kMultiplyAdd:
      value = r[op.c] + a * r[op.b];
      break;
    case IntegerKind::kMultiplySub:
      value = r[op.c] - a * r[op.b];
      break;
    case IntegerKind::kMultiplyAddLong:
      value = r[op.c] + multiply_long(op, a, r[op.b]);
      break;
    case IntegerKind::kMultiplySubLong:
      value = r[op.c] - multiply_long(op, a, r[op.b]);
      break;
    case IntegerKind::kMultiplyHigh:
      value = multiply_high(op, a, r[op.b]);
      break;
    case IntegerKind::kDivide:
      value = divide(op, a, r[op.b]);
      break;
    case IntegerKind::kShiftVariable:
      value = shifted(a, op.shift_type, r[op.b] & (op.wide ? 63 : 31), op.wide);
      break;
    case IntegerKind::kAddCarry:
      value = add_with_carry(a, r[op.b], carry, op.wide, flags);
      break;
    case IntegerKind::kSubCarry:
      value = add_with_carry(a, ~r[op.b], carry, op.wide, flags);
      break;
    case IntegerKind::kSelect:
      value = select(op, r);
      break;
    case IntegerKind::kCompareConditional:
      if (condition_holds(op.condition, flags)) {
        const uint64_t b = second_operand(op, r);
        add_with_carry(a, op.invert ? ~b : b, op.invert, op.wide, flags);
      } else {
        flags = op.imms;
      }
      break;
    case IntegerKind::kReverseBits:
      value = reverse_bits(a, op.wide);
      break;
    case IntegerKind::kReverseBytes:
      value = reverse_bytes(a, op.shift, op.wide);
      break;
    case IntegerKind::kCountLeading:
      value = count_leading(op, a);
      break;
  }
  r[op.dst] = value & mask(op.wide);
  if (op.sets_flags) r[kEvalFlags] = flags;
}

}  // namespace aimc::embedded
