// Scalar floating point, and Advanced SIMD in its vector and scalar forms.
#include "bits.hh"
#include "instruction_groups.hh"

namespace aimc::embedded {

namespace {

void decode_fp_integer_conversion(uint32_t word, bool fixed_point, Builder& out) {
  const uint32_t rmode = bits(word, 20, 19);
  const uint32_t opcode = bits(word, 18, 16);
  const uint32_t rd = bits(word, 4, 0);
  const uint32_t rn = bits(word, 9, 5);
  const bool from_general = opcode == 2 || opcode == 3 || (!fixed_point && opcode == 7);
  const bool move = !fixed_point && (opcode == 6 || opcode == 7) && rmode <= 1;
  out.op_class(move ? OpClass::kSimd : OpClass::kFp);
  if (from_general) {
    out.read_x(rn);
    if (move && rmode == 1) out.read_v(rd);  // FMOV Vd.D[1], Xn
    out.write_v(rd);
  } else {
    out.read_v(rn).write_x(rd);
  }
}

void decode_scalar_fp(uint32_t word, Builder& out) {
  const uint32_t rd = bits(word, 4, 0);
  const uint32_t rn = bits(word, 9, 5);
  const uint32_t rm = bits(word, 20, 16);
  out.op_class(OpClass::kFp);
  if (bit(word, 24)) {  // FMADD and its kin
    out.read_v(rn).read_v(rm).read_v(bits(word, 14, 10)).write_v(rd);
    return;
  }
  if (!bit(word, 21)) {
    decode_fp_integer_conversion(word, true, out);
    return;
  }
  switch (bits(word, 11, 10)) {
    case 1:  // FCCMP
      out.read_v(rn).read_v(rm).read_flags().write_flags();
      return;
    case 2:
      if (bits(word, 15, 12) == 1) out.op_class(OpClass::kFpDiv);
      out.read_v(rn).read_v(rm).write_v(rd);
      return;
    case 3:  // FCSEL
      out.op_class(OpClass::kSimd);
      out.read_v(rn).read_v(rm).read_flags().write_v(rd);
      return;
    default:
      break;
  }
  if (bit(word, 12)) {  // FMOV (immediate)
    out.op_class(OpClass::kSimd).write_v(rd);
  } else if (bit(word, 13)) {  // FCMP
    out.read_v(rn);
    if (!bit(word, 3)) out.read_v(rm);
    out.write_flags();
  } else if (bit(word, 14)) {  // one source
    const uint32_t opcode = bits(word, 20, 15);
    if (opcode <= 2) out.op_class(OpClass::kSimd);  // FMOV, FABS, FNEG
    if (opcode == 3) out.op_class(OpClass::kFpDiv);
    out.read_v(rn).write_v(rd);
  } else if (bits(word, 15, 10) == 0) {
    decode_fp_integer_conversion(word, false, out);
  } else {
    out.op_class(OpClass::kUnknown);
  }
}

// DUP, INS, SMOV, UMOV
void decode_copy(uint32_t word, Builder& out) {
  const uint32_t rd = bits(word, 4, 0);
  const uint32_t rn = bits(word, 9, 5);
  out.op_class(OpClass::kSimd);
  if (bit(word, 29)) {  // INS (element)
    out.read_v(rd).read_v(rn).write_v(rd);
    return;
  }
  switch (bits(word, 14, 11)) {
    case 0:  // DUP (element)
      out.read_v(rn).write_v(rd);
      return;
    case 1:  // DUP (general)
      out.read_x(rn).write_v(rd);
      return;
    case 3:  // INS (general)
      out.read_v(rd).read_x(rn).write_v(rd);
      return;
    case 5:
    case 7:  // SMOV, UMOV
      out.read_v(rn).write_x(rd);
      return;
    default:
      out.op_class(OpClass::kUnknown);
  }
}

void decode_three_same(uint32_t word, Builder& out) {
  const uint32_t opcode = bits(word, 15, 11);
  const bool u = bit(word, 29);
  const uint32_t rd = bits(word, 4, 0);
  bool accumulates = false;
  OpClass op_class = OpClass::kSimd;
  if (opcode >= 0x18) {
    op_class = OpClass::kFp;
    if (opcode == 0x19) accumulates = true;                          // FMLA, FMLS, FMLAL2
    if (opcode == 0x1d && !u && !bit(word, 22)) accumulates = true;  // FMLAL
    if (opcode == 0x1f && u && !bit(word, 23)) op_class = OpClass::kFpDiv;
  } else if (opcode == 0x12) {  // MLA, MLS
    op_class = OpClass::kSimdMul;
    accumulates = true;
  } else if (opcode == 0x13 || opcode == 0x16) {  // MUL, PMUL, SQDMULH
    op_class = OpClass::kSimdMul;
  } else if (opcode == 0x0f) {  // SABA, UABA
    accumulates = true;
  } else if (opcode == 0x03 && u && bits(word, 23, 22) != 0) {  // BSL, BIT, BIF
    accumulates = true;
  }
  out.op_class(op_class);
  if (accumulates) out.read_v(rd);
  out.read_v(bits(word, 9, 5)).read_v(bits(word, 20, 16)).write_v(rd);
}

void decode_three_same_extra(uint32_t word, Builder& out) {
  const uint32_t opcode = bits(word, 14, 11);
  const uint32_t rd = bits(word, 4, 0);
  bool accumulates = true;
  if (opcode == 2 || opcode == 3) {
    out.op_class(OpClass::kDot);  // SDOT, UDOT, USDOT
  } else if (opcode == 0 || opcode == 1 || opcode == 4 || opcode == 5) {
    out.op_class(OpClass::kSimdMul);  // SQRDMLAH, SMMLA
  } else if (opcode >= 8) {
    out.op_class(OpClass::kFp);  // FCMLA, FCADD, BFDOT, BFMMLA
    accumulates = !(opcode == 0xc || opcode == 0xe);
  } else {
    out.op_class(OpClass::kUnknown);
    return;
  }
  if (accumulates) out.read_v(rd);
  out.read_v(bits(word, 9, 5)).read_v(bits(word, 20, 16)).write_v(rd);
}

void decode_fp16_three_same(uint32_t word, Builder& out) {
  const uint32_t opcode = bits(word, 13, 11);
  const uint32_t rd = bits(word, 4, 0);
  const bool divide = opcode == 7 && bit(word, 29) && !bit(word, 23);
  out.op_class(divide ? OpClass::kFpDiv : OpClass::kFp);
  if (opcode == 1) out.read_v(rd);  // FMLA, FMLS
  out.read_v(bits(word, 9, 5)).read_v(bits(word, 20, 16)).write_v(rd);
}

void decode_three_different(uint32_t word, Builder& out) {
  const uint32_t opcode = bits(word, 15, 12);
  const uint32_t rd = bits(word, 4, 0);
  const bool upper = bit(word, 30) && bit(word, 28) == 0;
  bool accumulates = opcode == 5 || opcode == 8 || opcode == 9 || opcode == 10 || opcode == 11;
  if ((opcode == 4 || opcode == 6) && upper) accumulates = true;  // ADDHN2 keeps the lower half
  if (opcode == 15) {
    out.op_class(OpClass::kUnknown);
    return;
  }
  out.op_class(opcode >= 8 ? OpClass::kSimdMul : OpClass::kSimd);
  if (accumulates) out.read_v(rd);
  out.read_v(bits(word, 9, 5)).read_v(bits(word, 20, 16)).write_v(rd);
}

void decode_two_misc(uint32_t word, bool half_precision, Builder& out) {
  const uint32_t opcode = bits(word, 16, 12);
  const bool u = bit(word, 29);
  const bool high_size = bit(word, 23);
  const bool q = bit(word, 30) && !bit(word, 28);
  const uint32_t rd = bits(word, 4, 0);
  bool accumulates = false;
  OpClass op_class = OpClass::kSimd;
  if (half_precision || opcode >= 0x16 || (opcode >= 0x0c && opcode <= 0x0f && high_size)) {
    op_class = OpClass::kFp;
    if (opcode == 0x1f && u && high_size) op_class = OpClass::kFpDiv;  // FSQRT
    if (opcode == 0x16 && q && !half_precision) accumulates = true;    // FCVTN2
  } else if (opcode == 0x03 || opcode == 0x06) {                       // SUQADD, SADALP
    accumulates = true;
  } else if ((opcode == 0x12 || opcode == 0x14) && q) {  // XTN2 and its kin
    accumulates = true;
  }
  out.op_class(op_class);
  if (accumulates) out.read_v(rd);
  out.read_v(bits(word, 9, 5)).write_v(rd);
}

void decode_across_lanes(uint32_t word, Builder& out) {
  const uint32_t opcode = bits(word, 16, 12);
  // FMAXV and its kin; the scalar form's opcode 0x1b is ADDP.
  const bool fp = opcode == 0x0c || opcode == 0x0d || opcode == 0x0f;
  out.op_class(fp ? OpClass::kFp : OpClass::kSimd);
  out.read_v(bits(word, 9, 5)).write_v(bits(word, 4, 0));
}

void decode_table(uint32_t word, Builder& out) {
  const uint32_t rd = bits(word, 4, 0);
  const uint32_t rn = bits(word, 9, 5);
  out.op_class(OpClass::kSimd);
  if (bit(word, 12)) out.read_v(rd);  // TBX
  for (uint32_t i = 0; i <= bits(word, 14, 13); ++i) out.read_v((rn + i) % 32);
  out.read_v(bits(word, 20, 16)).write_v(rd);
}

// AES and the two-register SHA instructions.
void decode_crypto_two(uint32_t word, Builder& out) {
  const uint32_t rd = bits(word, 4, 0);
  const uint32_t opcode = bits(word, 16, 12);
  const bool scalar = bit(word, 28);
  out.op_class(OpClass::kSimdMul);
  const bool reads = scalar ? opcode == 1 || opcode == 2 : opcode == 4 || opcode == 5;
  if (reads) out.read_v(rd);
  out.read_v(bits(word, 9, 5)).write_v(rd);
}

void decode_simd_registers(uint32_t word, Builder& out) {
  const uint32_t rd = bits(word, 4, 0);
  const uint32_t rn = bits(word, 9, 5);
  const uint32_t rm = bits(word, 20, 16);
  const bool scalar = bit(word, 28);
  if (bit(word, 21)) {
    if (bit(word, 10)) {
      decode_three_same(word, out);
    } else if (!bit(word, 11)) {
      decode_three_different(word, out);
    } else if (bits(word, 20, 17) == 0) {
      decode_two_misc(word, false, out);
    } else if (bits(word, 20, 17) == 0xc && bit(word, 22) && bit(word, 19)) {
      decode_two_misc(word, true, out);
    } else if (bits(word, 20, 17) == 8) {
      decode_across_lanes(word, out);
    } else if (bits(word, 20, 17) == 4) {
      decode_crypto_two(word, out);
    }
    return;
  }
  if (bit(word, 10)) {
    if (bit(word, 15)) {
      decode_three_same_extra(word, out);
    } else if (bits(word, 23, 22) == 0) {
      decode_copy(word, out);
    } else if (bit(word, 22) && bit(word, 14) == 0) {
      decode_fp16_three_same(word, out);
    }
    return;
  }
  if (bit(word, 15) || scalar) return;  // SHA with three registers is not known
  if (bit(word, 29)) {                  // EXT
    out.op_class(OpClass::kSimd).read_v(rn).read_v(rm).write_v(rd);
  } else if (bit(word, 11)) {  // ZIP, UZP, TRN
    out.op_class(OpClass::kSimd).read_v(rn).read_v(rm).write_v(rd);
  } else if (bits(word, 23, 22) == 0) {
    decode_table(word, out);
  }
}

// MOVI, MVNI, ORR, BIC, FMOV with an immediate.
void decode_modified_immediate(uint32_t word, Builder& out) {
  const uint32_t rd = bits(word, 4, 0);
  const uint32_t cmode = bits(word, 15, 12);
  out.op_class(OpClass::kSimd);
  if ((cmode & 1) && cmode < 12) out.read_v(rd);
  out.write_v(rd);
}

void decode_shift_immediate(uint32_t word, Builder& out) {
  const uint32_t rd = bits(word, 4, 0);
  const uint32_t opcode = bits(word, 15, 11);
  const bool u = bit(word, 29);
  const bool q = bit(word, 30) && !bit(word, 28);
  const bool convert = opcode == 0x1c || opcode == 0x1f;
  bool accumulates = opcode == 2 || opcode == 6;                  // SSRA, SRSRA
  if (u && (opcode == 8 || opcode == 10)) accumulates = true;     // SRI, SLI
  if (q && opcode >= 0x10 && opcode <= 0x13) accumulates = true;  // SHRN2 and its kin
  out.op_class(convert ? OpClass::kFp : OpClass::kSimd);
  if (accumulates) out.read_v(rd);
  out.read_v(bits(word, 9, 5)).write_v(rd);
}

void decode_by_element(uint32_t word, Builder& out) {
  const uint32_t opcode = bits(word, 15, 12);
  const uint32_t size = bits(word, 23, 22);
  const bool u = bit(word, 29);
  const uint32_t rd = bits(word, 4, 0);
  uint32_t rm = bits(word, 20, 16);
  OpClass op_class = OpClass::kSimdMul;
  bool accumulates = false;
  bool small_index = size == 1;
  switch (opcode) {
    case 0x0:
    case 0x8:
      if ((opcode == 0) == u) {  // MLA, MUL
        accumulates = opcode == 0;
      } else {  // FMLAL
        op_class = OpClass::kFp;
        accumulates = true;
        small_index = true;
      }
      break;
    case 0x4:
      accumulates = true;  // MLS, FMLSL
      if (!u) {
        op_class = OpClass::kFp;
        small_index = true;
      }
      break;
    case 0xc:  // SQDMULH, FMLSL2
      if (u) {
        op_class = OpClass::kFp;
        accumulates = true;
        small_index = true;
      }
      break;
    case 0x1:
    case 0x3:
    case 0x5:
    case 0x7:
      if (u || ((opcode & 2) == 0)) {  // FMLA, FMLS, FCMLA
        op_class = OpClass::kFp;
        accumulates = true;
        small_index = u ? false : size == 0;
      } else {  // SQDMLAL, SQDMLSL
        accumulates = true;
      }
      break;
    case 0x2:
    case 0x6:  // SMLAL, SMLSL
      accumulates = true;
      break;
    case 0x9:  // FMUL, FMULX
      op_class = OpClass::kFp;
      small_index = size == 0;
      break;
    case 0xa:
    case 0xb:  // SMULL, SQDMULL
      break;
    case 0xd:  // SQRDMULH, SQRDMLAH
      accumulates = u;
      break;
    case 0xe:  // SDOT, UDOT
      op_class = OpClass::kDot;
      accumulates = true;
      small_index = false;
      break;
    default:  // 0xf: SUDOT, USDOT, BFDOT, BFMLAL; SQRDMLSH
      accumulates = true;
      if (!u) {
        op_class = size == 0 || size == 2 ? OpClass::kDot : OpClass::kFp;
        small_index = size == 3;
      }
      break;
  }
  if (small_index) rm &= 15;
  out.op_class(op_class);
  if (accumulates) out.read_v(rd);
  out.read_v(bits(word, 9, 5)).read_v(rm).write_v(rd);
}

}  // namespace

void decode_simd_fp(uint32_t word, Builder& out) {
  if (bits(word, 30, 29) == 0 && bit(word, 28) && (!bit(word, 24) || !bit(word, 31))) {
    decode_scalar_fp(word, out);
    return;
  }
  if (bit(word, 31)) return;
  if (bit(word, 28) && !bit(word, 30)) return;
  if (!bit(word, 24)) {
    decode_simd_registers(word, out);
  } else if (!bit(word, 10)) {
    decode_by_element(word, out);
  } else if (bit(word, 23)) {
    return;
  } else if (bits(word, 22, 19) == 0) {
    if (!bit(word, 28)) decode_modified_immediate(word, out);
  } else {
    decode_shift_immediate(word, out);
  }
}

}  // namespace aimc::embedded
