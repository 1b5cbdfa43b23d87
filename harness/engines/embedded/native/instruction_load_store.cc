// Loads and stores.
#include "bits.hh"
#include "instruction_groups.hh"

namespace aimc::embedded {

namespace {

void load_register(uint32_t field, bool simd, Builder& out) {
  if (simd) {
    out.write_v(field);
  } else {
    out.write_x(field);
  }
}

void store_register(uint32_t field, bool simd, Builder& out) {
  if (simd) {
    out.read_v(field);
  } else {
    out.read_x(field);
  }
}

void set_base(uint32_t rn, Builder& out) {
  out.read_xsp(rn);
  out.memory().base = static_cast<uint8_t>(rn);
}

// LDXR, STXR, LDAR, STLR, LDXP, STXP, CAS, CASP
void decode_exclusive(uint32_t word, Builder& out) {
  const uint32_t size = bits(word, 31, 30);
  const bool o2 = bit(word, 23);
  const bool load = bit(word, 22);
  const bool o1 = bit(word, 21);
  const uint32_t rs = bits(word, 20, 16);
  const uint32_t rt2 = bits(word, 14, 10);
  const uint32_t rt = bits(word, 4, 0);
  MemoryForm& memory = out.memory();
  set_base(bits(word, 9, 5), out);
  memory.bytes = static_cast<uint16_t>(1u << size);
  memory.alignment = static_cast<uint8_t>(memory.bytes);
  if (o2 && o1) {  // CAS
    out.op_class(OpClass::kLoadStore).read_x(rs).read_x(rt).write_x(rs);
    return;
  }
  if (!o2 && o1 && !bit(word, 31)) {  // CASP
    memory.bytes = bit(word, 30) ? 16 : 8;
    out.op_class(OpClass::kLoadStore);
    out.read_x(rs).read_x(rs + 1).read_x(rt).read_x(rt + 1).write_x(rs).write_x(rs + 1);
    return;
  }
  const bool pair = !o2 && o1;
  if (pair) memory.bytes = static_cast<uint16_t>(memory.bytes * 2);
  if (load) {
    out.op_class(OpClass::kLoad).write_x(rt);
    if (pair) out.write_x(rt2);
    memory.element_bytes = static_cast<uint8_t>(1u << size);
  } else {
    out.op_class(OpClass::kStore).read_x(rt);
    if (pair) out.read_x(rt2);
    if (!o2) out.write_x(rs);  // the status of STXR, STXP
  }
}

// LD1..LD4, ST1..ST4
void decode_structures(uint32_t word, bool single, Builder& out) {
  const bool load = bit(word, 22);
  const bool post = bit(word, 23);
  const uint32_t rm = bits(word, 20, 16);
  const uint32_t rt = bits(word, 4, 0);
  const uint32_t q = bit(word, 30);
  uint32_t registers = 0;
  uint32_t bytes = 0;
  uint32_t alignment = 1u << bits(word, 11, 10);
  bool merges = false;
  if (single) {
    registers = 1 + bit(word, 21) + 2 * bit(word, 13);
    const uint32_t scale = bits(word, 15, 14);
    const uint32_t size = bits(word, 11, 10);
    if (scale == 3) {  // LD1R and its kin
      if (!load) return;
      bytes = registers << size;
    } else {
      const uint32_t element = scale == 2 && bit(word, 10) ? 3 : scale;
      bytes = registers << element;
      alignment = 1u << element;
      merges = load;
    }
  } else {
    switch (bits(word, 15, 12)) {
      case 0x0:  // LD4
      case 0x2:  // LD1, four registers
        registers = 4;
        break;
      case 0x4:  // LD3
      case 0x6:
        registers = 3;
        break;
      case 0x8:  // LD2
      case 0xa:
        registers = 2;
        break;
      case 0x7:
        registers = 1;
        break;
      default:
        return;
    }
    bytes = registers * (q ? 16 : 8);
  }
  MemoryForm& memory = out.memory();
  out.op_class(load ? OpClass::kLoad : OpClass::kStore).structure(single);
  set_base(bits(word, 9, 5), out);
  memory.bytes = static_cast<uint16_t>(bytes);
  memory.alignment = static_cast<uint8_t>(alignment);
  for (uint32_t i = 0; i < registers; ++i) {
    const uint32_t field = (rt + i) % 32;
    if (!load || merges) out.read_v(field);
    if (load) out.write_v(field);
  }
  if (post) {
    if (rm == 31) {
      memory.writeback = Writeback::kPost;
      memory.offset = bytes;
    } else {
      memory.writeback = Writeback::kPostRegister;
      memory.index = static_cast<uint8_t>(rm);
      out.read_x(rm);
    }
  }
}

void decode_literal(uint32_t word, uint64_t pc, Builder& out) {
  const uint32_t opc = bits(word, 31, 30);
  const bool simd = bit(word, 26);
  const uint32_t rt = bits(word, 4, 0);
  MemoryForm& memory = out.memory();
  memory.offset = static_cast<int64_t>(pc) + sign_extend(bits(word, 23, 5), 19) * 4;
  if (simd) {
    if (opc == 3) return;
    memory.bytes = static_cast<uint16_t>(4u << opc);
  } else if (opc == 3) {  // PRFM
    out.op_class(OpClass::kNop);
    return;
  } else {
    memory.bytes = opc == 1 ? 8 : 4;
    memory.element_bytes = static_cast<uint8_t>(memory.bytes);
    memory.sign_extend = memory.wide = opc == 2;
  }
  memory.alignment = static_cast<uint8_t>(memory.bytes);
  out.op_class(OpClass::kLoad);
  load_register(rt, simd, out);
}

// LDP, STP, LDNP, STNP, LDPSW
void decode_pair(uint32_t word, Builder& out) {
  const uint32_t opc = bits(word, 31, 30);
  const bool simd = bit(word, 26);
  const bool load = bit(word, 22);
  const uint32_t rt = bits(word, 4, 0);
  const uint32_t rt2 = bits(word, 14, 10);
  uint32_t element;
  bool sign = false;
  if (simd) {
    if (opc == 3) return;
    element = 4u << opc;
  } else if (opc == 1) {
    if (!load || bits(word, 24, 23) == 0) return;
    element = 4;
    sign = true;
  } else if (opc == 3) {
    return;
  } else {
    element = opc == 2 ? 8 : 4;
  }
  MemoryForm& memory = out.memory();
  out.op_class(load ? OpClass::kLoad : OpClass::kStore).pair();
  set_base(bits(word, 9, 5), out);
  memory.bytes = static_cast<uint16_t>(2 * element);
  memory.alignment = static_cast<uint8_t>(element);
  memory.offset = sign_extend(bits(word, 21, 15), 7) * static_cast<int64_t>(element);
  switch (bits(word, 24, 23)) {
    case 1:
      memory.writeback = Writeback::kPost;
      break;
    case 3:
      memory.writeback = Writeback::kPre;
      break;
    default:
      break;
  }
  for (const uint32_t field : {rt, rt2}) {
    if (load) {
      load_register(field, simd, out);
    } else {
      store_register(field, simd, out);
    }
  }
  if (load && !simd) {
    memory.element_bytes = static_cast<uint8_t>(element);
    memory.sign_extend = memory.wide = sign;
  }
}

// SWP, LDADD, ... and LDAPR
void decode_atomic(uint32_t word, Builder& out) {
  const uint32_t rs = bits(word, 20, 16);
  const uint32_t rt = bits(word, 4, 0);
  MemoryForm& memory = out.memory();
  set_base(bits(word, 9, 5), out);
  memory.bytes = static_cast<uint16_t>(1u << bits(word, 31, 30));
  memory.alignment = static_cast<uint8_t>(memory.bytes);
  const bool o3 = bit(word, 15);
  const uint32_t opc = bits(word, 14, 12);
  if (o3 && opc == 4) {
    out.op_class(OpClass::kLoad).write_x(rt);
    memory.element_bytes = static_cast<uint8_t>(memory.bytes);
    return;
  }
  if (o3 && opc != 0) {
    out.op_class(OpClass::kUnknown);
    return;
  }
  out.op_class(OpClass::kLoadStore).read_x(rs).write_x(rt);
}

// One register, every addressing mode.
void decode_single_register(uint32_t word, Builder& out) {
  const uint32_t size = bits(word, 31, 30);
  const uint32_t opc = bits(word, 23, 22);
  const bool simd = bit(word, 26);
  const uint32_t rt = bits(word, 4, 0);
  const uint32_t rn = bits(word, 9, 5);
  const bool unsigned_offset = bit(word, 24);
  const uint32_t mode = bits(word, 11, 10);
  if (!unsigned_offset && bit(word, 21) && mode != 2) {
    if (mode == 0 && !simd) decode_atomic(word, out);
    return;  // LDRAA, LDRAB are not known
  }
  uint32_t scale = size;
  bool load;
  bool sign = false;
  bool wide = false;
  bool prefetch = false;
  if (simd) {
    if (bit(word, 23)) {
      if (size != 0) return;
      scale = 4;
    }
    load = bit(word, 22);
  } else {
    load = opc != 0;
    sign = opc >= 2;
    wide = opc == 2;
    if (sign && size == 3) {
      prefetch = opc == 2 && (unsigned_offset || mode == 2 || mode == 0);  // PRFM
      if (!prefetch) return;
    }
    if (opc == 3 && size == 2) return;
  }
  MemoryForm& memory = out.memory();
  memory.bytes = static_cast<uint16_t>(1u << scale);
  memory.alignment = static_cast<uint8_t>(memory.bytes);
  out.op_class(prefetch ? OpClass::kPrefetch : load ? OpClass::kLoad : OpClass::kStore);
  set_base(rn, out);
  if (unsigned_offset) {
    memory.offset = static_cast<int64_t>(bits(word, 21, 10)) << scale;
  } else if (bit(word, 21)) {  // register offset
    const uint32_t rm = bits(word, 20, 16);
    const uint32_t option = bits(word, 15, 13);
    if (!(option & 2)) {
      out.op_class(OpClass::kUnknown);
      return;
    }
    out.read_x(rm);
    if (rm != 31) memory.index = static_cast<uint8_t>(rm);
    memory.extend = option == 2 ? Extend::kUxtw : option == 6 ? Extend::kSxtw : Extend::kNone;
    memory.shift = bit(word, 12) ? static_cast<uint8_t>(scale) : 0;
  } else {
    memory.offset = sign_extend(bits(word, 20, 12), 9);
    if (mode == 1) memory.writeback = Writeback::kPost;
    if (mode == 3) memory.writeback = Writeback::kPre;
  }
  if (prefetch) {
    memory.bytes = 1;  // it names a line
    memory.alignment = 0;
  } else if (load) {
    load_register(rt, simd, out);
    if (!simd) {
      memory.element_bytes = static_cast<uint8_t>(memory.bytes);
      memory.sign_extend = sign;
      memory.wide = wide;
    }
  } else {
    store_register(rt, simd, out);
  }
}

// LDAPUR, STLUR
void decode_ordered_unscaled(uint32_t word, Builder& out) {
  const uint32_t size = bits(word, 31, 30);
  const uint32_t opc = bits(word, 23, 22);
  if (bits(word, 11, 10) != 0 || bit(word, 21)) return;
  if ((size == 3 && opc >= 2) || (size == 2 && opc == 3)) return;
  MemoryForm& memory = out.memory();
  memory.bytes = static_cast<uint16_t>(1u << size);
  memory.alignment = static_cast<uint8_t>(memory.bytes);
  memory.offset = sign_extend(bits(word, 20, 12), 9);
  out.op_class(opc ? OpClass::kLoad : OpClass::kStore);
  set_base(bits(word, 9, 5), out);
  if (opc) {
    out.write_x(bits(word, 4, 0));
    memory.element_bytes = static_cast<uint8_t>(memory.bytes);
    memory.sign_extend = opc >= 2;
    memory.wide = opc == 2;
  } else {
    out.read_x(bits(word, 4, 0));
  }
}

}  // namespace

void decode_load_store(uint32_t word, uint64_t pc, Builder& out) {
  const bool simd = bit(word, 26);
  switch (bits(word, 29, 27)) {
    case 1:
      if (!simd && !bit(word, 24)) {
        decode_exclusive(word, out);
      } else if (simd && !bit(word, 31)) {
        const bool single = bit(word, 24);
        const bool post = bit(word, 23);
        if (!post && bits(word, 20, 16) != 0) return;
        if (!single && bit(word, 21)) return;
        decode_structures(word, single, out);
      }
      return;
    case 3:
      if (!bit(word, 24)) {
        decode_literal(word, pc, out);
      } else if (!simd) {
        decode_ordered_unscaled(word, out);
      }
      return;
    case 5:
      decode_pair(word, out);
      return;
    case 7:
      decode_single_register(word, out);
      return;
    default:
      return;
  }
}

}  // namespace aimc::embedded
