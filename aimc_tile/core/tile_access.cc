// What the guest does to a tile: registers and windows.
#include <algorithm>
#include <cstring>

#include "aimc_tile/core/bytes.hh"
#include "aimc_tile/core/tile.hh"

namespace aimc {
namespace {

constexpr uint32_t kMaxAccess = 16;
constexpr uint32_t kControlBits = AIMC_CONTROL_START | AIMC_CONTROL_POP | AIMC_CONTROL_PROGRAM |
                                  AIMC_CONTROL_RESET | AIMC_CONTROL_AGAIN;

enum class Access { RO, WO, RW };

struct RegisterInfo {
  uint32_t offset;
  uint32_t size;
  Access access;
};

constexpr RegisterInfo kRegisters[] = {
#define AIMC_INFO(name, offset, bytes, access, what) {offset, bytes, Access::access},
    AIMC_TILE_REGISTERS(AIMC_INFO)
#undef AIMC_INFO
};

// The error of an access to the register space, or 0.
uint32_t check_register(uint32_t offset, uint32_t size, Access refused) {
  for (const RegisterInfo& info : kRegisters) {
    if (offset < info.offset || offset >= info.offset + info.size) continue;
    if (offset != info.offset) return AIMC_ERROR_ADDRESS;
    if (size != info.size) return AIMC_ERROR_SIZE;
    return info.access == refused ? AIMC_ERROR_READ_ONLY : 0;
  }
  return AIMC_ERROR_ADDRESS;
}

// The error of an access that no register and no window takes, or 0.
uint32_t check_access(uint64_t offset, uint32_t size) {
  if (size == 0 || size > kMaxAccess || (size & (size - 1)) != 0) return AIMC_ERROR_SIZE;
  if (offset >= AIMC_TILE_WINDOW || offset % size != 0) return AIMC_ERROR_ADDRESS;
  return 0;
}

// Whether bytes of an access that lie past the buffer's last element are all 0.
bool clean_padding(uint32_t offset, uint32_t size, const uint8_t* data, uint32_t used) {
  for (uint32_t i = 0; i < size; ++i)
    if (offset + i >= used && data[i] != 0) return false;
  return true;
}

constexpr uint32_t padded(uint32_t bytes) { return (bytes + kMaxAccess - 1) / kMaxAccess * 16; }

}  // namespace

Picoseconds Tile::read(Picoseconds now, uint64_t offset, uint32_t size, void* data) {
  advance(now);
  ++s_.statistics.device_reads;
  std::memset(data, 0, size);
  uint8_t* bytes = static_cast<uint8_t*>(data);
  const uint32_t error = check_access(offset, size);
  if (error != 0) {
    raise(error);
    return s_.now_ps;
  }
  const uint32_t within = static_cast<uint32_t>(offset % AIMC_WINDOW_BYTES);
  switch (offset - within) {
    case AIMC_WINDOW_IN:
      raise(AIMC_ERROR_READ_ONLY);
      return s_.now_ps;
    case AIMC_WINDOW_OUT:
      read_output(within, size, bytes);
      return std::max(s_.now_ps, s_.port_free_ps);
    case AIMC_WINDOW_PROGRAM:
      read_program(within, size, bytes);
      return std::max(s_.now_ps, s_.port_free_ps);
    default:
      read_register(within, size, bytes);
      return s_.now_ps;
  }
}

Picoseconds Tile::write(Picoseconds now, uint64_t offset, uint32_t size, const void* data) {
  advance(now);
  ++s_.statistics.device_writes;
  const uint8_t* bytes = static_cast<const uint8_t*>(data);
  const uint32_t error = check_access(offset, size);
  if (error != 0) {
    raise(error);
    return s_.now_ps;
  }
  const uint32_t within = static_cast<uint32_t>(offset % AIMC_WINDOW_BYTES);
  switch (offset - within) {
    case AIMC_WINDOW_IN:
      write_input(within, size, bytes);
      return std::max(s_.now_ps, s_.port_free_ps);
    case AIMC_WINDOW_OUT:
      raise(AIMC_ERROR_READ_ONLY);
      return s_.now_ps;
    case AIMC_WINDOW_PROGRAM:
      write_program(within, size, bytes);
      return std::max(s_.now_ps, s_.port_free_ps);
    default:
      write_register(within, size, bytes);
      dispatch();
      advance(s_.now_ps);
      return s_.now_ps;
  }
}

void Tile::use_port(uint32_t bytes) {
  s_.port_free_ps = std::max(s_.now_ps, s_.port_free_ps) + timing_.port_ps(bytes);
}

void Tile::read_register(uint32_t offset, uint32_t size, uint8_t* data) {
  const uint32_t error = check_register(offset, size, Access::WO);
  if (error != 0) return raise(error);
  if (offset == AIMC_REG_PROGRAM_ADDR) return store_le(data, s_.program_address);
  const auto value = [&]() -> uint32_t {
    switch (offset) {
      case AIMC_REG_ID:
        return AIMC_TILE_ID;
      case AIMC_REG_VERSION:
        return AIMC_TILE_VERSION;
      case AIMC_REG_ROWS:
        return params_.rows;
      case AIMC_REG_COLS:
        return params_.columns;
      case AIMC_REG_FEATURES:
        return static_cast<uint32_t>(params_.adc_bits) |
               (static_cast<uint32_t>(params_.dac_bits) << 8) |
               (params_.dma ? AIMC_FEATURE_DMA : 0) |
               (params_.double_buffer ? AIMC_FEATURE_DOUBLE_BUFFER : 0);
      case AIMC_REG_STATUS:
        return status();
      case AIMC_REG_ERROR:
        return s_.error;
      case AIMC_REG_ERROR_COUNT:
        return s_.error_count;
      case AIMC_REG_ACTIVE_ROWS:
        return s_.active_rows;
      case AIMC_REG_ACTIVE_COLS:
        return s_.active_columns;
      case AIMC_REG_NOISE_EPOCH:
        return s_.noise_epoch;
      case AIMC_REG_MVM_COUNT:
        return s_.mvm_count;
      case AIMC_REG_DMA_DONE:
        return s_.dma_done;
      case AIMC_REG_DMA_PIXELS:
        return s_.dma_pixels;
      case AIMC_REG_PROGRAM_ROWS:
        return s_.program_rows;
      case AIMC_REG_PROGRAM_COLS:
        return s_.program_columns;
      default:
        return s_.program_row;
    }
  };
  store_le(data, value());
}

void Tile::write_register(uint32_t offset, uint32_t size, const uint8_t* data) {
  const uint32_t error = check_register(offset, size, Access::RO);
  if (error != 0) return raise(error);
  const uint64_t wide = size == 8 ? load_le<uint64_t>(data) : load_le<uint32_t>(data);
  const uint32_t value = static_cast<uint32_t>(wide);
  switch (offset) {
    case AIMC_REG_ERROR:
      s_.error &= ~value;
      return;
    case AIMC_REG_CONTROL:
      return control(value);
    case AIMC_REG_ACTIVE_ROWS:
      s_.active_rows = value;
      return;
    case AIMC_REG_ACTIVE_COLS:
      s_.active_columns = value;
      return;
    case AIMC_REG_NOISE_EPOCH:
      if (s_.queued > 0) return raise(AIMC_ERROR_BUSY);
      s_.noise_epoch = value;
      s_.mvm_count = 0;
      return;
    case AIMC_REG_DESCRIPTOR:
      return queue_descriptor(wide);
    case AIMC_REG_PROGRAM_ADDR:
      s_.program_address = wide;
      return;
    case AIMC_REG_PROGRAM_ROWS:
      s_.program_rows = value;
      return;
    case AIMC_REG_PROGRAM_COLS:
      s_.program_columns = value;
      return;
    default:
      s_.program_row = value;
      s_.program_row_open = false;
      return;
  }
}

void Tile::control(uint32_t bits) {
  if ((bits & ~kControlBits) != 0) return raise(AIMC_ERROR_VALUE);
  if ((bits & AIMC_CONTROL_RESET) != 0) reset();
  if ((bits & AIMC_CONTROL_POP) != 0) pop();
  if ((bits & AIMC_CONTROL_START) != 0) start();
  if ((bits & AIMC_CONTROL_PROGRAM) != 0) start_programming();
  if ((bits & AIMC_CONTROL_AGAIN) != 0) queue_again();
}

void Tile::start() {
  if (!input_ready()) return raise(AIMC_ERROR_BUSY);
  if (s_.active_rows == 0 || s_.active_rows > params_.rows || s_.active_columns == 0 ||
      s_.active_columns > params_.columns)
    return raise(AIMC_ERROR_GEOMETRY);
  InputBank& bank = s_.inputs[s_.fill];
  bank.state = BankState::kReady;
  bank.written = false;
  bank.rows = s_.active_rows;
  bank.columns = s_.active_columns;
  bank.epoch = s_.noise_epoch;
  bank.mvm = s_.mvm_count++;
  bank.ready_ps = std::max(s_.now_ps, s_.port_free_ps);
  s_.fill = next_bank(s_.fill);
}

void Tile::pop() {
  if (!output_valid()) return raise(AIMC_ERROR_EMPTY);
  s_.outputs[s_.drain].state = BankState::kEmpty;
  s_.drain = next_bank(s_.drain);
}

void Tile::write_input(uint32_t offset, uint32_t size, const uint8_t* data) {
  if (offset + size > padded(params_.rows)) return raise(AIMC_ERROR_SIZE);
  if (!clean_padding(offset, size, data, params_.rows)) return raise(AIMC_ERROR_SIZE);
  if (!input_ready()) return raise(AIMC_ERROR_BUSY);
  InputBank& bank = s_.inputs[s_.fill];
  bank.written = true;
  std::copy(data, data + size, &bank.bytes[offset]);
  s_.statistics.bytes_in += size;
  use_port(size);
}

void Tile::read_output(uint32_t offset, uint32_t size, uint8_t* data) {
  if (offset + size > padded(params_.columns * code_bytes_)) return raise(AIMC_ERROR_SIZE);
  if (!output_valid()) return raise(AIMC_ERROR_EMPTY);
  const uint8_t* codes = &s_.outputs[s_.drain].bytes[offset];
  std::copy(codes, codes + size, data);
  s_.statistics.bytes_out += size;
  use_port(size);
}

uint32_t Tile::program_window_bytes() const {
  if (s_.program_row == AIMC_PROGRAM_ADC) return 4 * params_.columns;
  return s_.program_row < params_.rows ? 2 * params_.columns : 0;
}

void Tile::read_program(uint32_t offset, uint32_t size, uint8_t* data) {
  const uint32_t used = program_window_bytes();
  if (used == 0) return raise(AIMC_ERROR_GEOMETRY);
  if (offset + size > padded(used)) return raise(AIMC_ERROR_SIZE);
  const bool scales = s_.program_row == AIMC_PROGRAM_ADC;
  for (uint32_t i = 0; i < size && offset + i < used; ++i) {
    const uint32_t at = offset + i;
    uint32_t element;
    if (scales) {
      const AdcScale& scale = s_.scales[at / 4];
      element = scale.multiplier | (static_cast<uint32_t>(scale.shift) << 16);
      element >>= 8 * (at % 4);
    } else {
      element = static_cast<uint16_t>(s_.crossbar.get(s_.program_row, at / 2)) >> (8 * (at % 2));
    }
    data[i] = static_cast<uint8_t>(element);
  }
  s_.statistics.bytes_out += size;
  use_port(size);
}

void Tile::write_program(uint32_t offset, uint32_t size, const uint8_t* data) {
  const uint32_t used = program_window_bytes();
  if (used == 0) return raise(AIMC_ERROR_GEOMETRY);
  if (offset + size > padded(used)) return raise(AIMC_ERROR_SIZE);
  if (!clean_padding(offset, size, data, used)) return raise(AIMC_ERROR_SIZE);
  if (cells_in_use()) return raise(AIMC_ERROR_BUSY);

  const uint32_t end = std::min(offset + size, used);
  if (s_.program_row == AIMC_PROGRAM_ADC) {
    bool in_range = true;
    for (uint32_t at = offset; at < end; ++at) {
      AdcScale& scale = s_.scales[at / 4];
      uint16_t& half = at % 4 < 2 ? scale.multiplier : scale.shift;
      const int position = 8 * (at % 2);
      half = static_cast<uint16_t>((half & ~(0xff << position)) | (data[at - offset] << position));
      if (at % 4 == 3 || (at % 4 == 2 && at + 1 == end))
        in_range = in_range && scale.shift >= kMinAdcShift && scale.shift <= kMaxAdcShift;
    }
    if (!in_range) raise(AIMC_ERROR_VALUE);
  } else {
    for (uint32_t at = offset; at < end; ++at) {
      const int position = 8 * (at % 2);
      const uint32_t cell = static_cast<uint16_t>(s_.crossbar.get(s_.program_row, at / 2));
      const uint32_t value =
          (cell & ~(0xffu << position)) | (static_cast<uint32_t>(data[at - offset]) << position);
      s_.crossbar.set(s_.program_row, at / 2, static_cast<int16_t>(value));
    }
    if (end > offset) s_.statistics.cells_programmed += (end + 1) / 2 - offset / 2;
    if (!s_.program_row_open) {
      s_.program_row_open = true;
      s_.cells_busy_until_ps = std::max(s_.now_ps, s_.cells_busy_until_ps) + timing_.program_row_ps;
    }
  }
  s_.statistics.bytes_in += size;
  use_port(size);
}

}  // namespace aimc
