#include "aimc_tile/core/tests/rig.hh"

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace aimc_test {

bool Memory::read(uint64_t address, void* data, size_t size) {
  if (address < kMemoryBase || address - kMemoryBase > bytes.size() ||
      size > bytes.size() - (address - kMemoryBase))
    return false;
  std::memcpy(data, at(address), size);
  return true;
}

bool Memory::write(uint64_t address, const void* data, size_t size) {
  if (address < kMemoryBase || address - kMemoryBase > bytes.size() ||
      size > bytes.size() - (address - kMemoryBase))
    return false;
  std::memcpy(at(address), data, size);
  return true;
}

Rig::Rig(const aimc::TileParams& params, size_t memory_bytes)
    : memory(memory_bytes), tile(params, &memory) {}

uint32_t Rig::get(uint32_t offset) {
  uint8_t bytes[4];
  tile.read(now, offset, 4, bytes);
  return aimc::load_le<uint32_t>(bytes);
}

uint64_t Rig::get64(uint32_t offset) {
  uint8_t bytes[8];
  tile.read(now, offset, 8, bytes);
  return aimc::load_le<uint64_t>(bytes);
}

void Rig::put(uint32_t offset, uint32_t value) {
  uint8_t bytes[4];
  aimc::store_le(bytes, value);
  tile.write(now, offset, 4, bytes);
}

void Rig::put64(uint32_t offset, uint64_t value) {
  uint8_t bytes[8];
  aimc::store_le(bytes, value);
  tile.write(now, offset, 8, bytes);
}

void Rig::put_bytes(uint32_t offset, const void* data, uint32_t size, uint32_t step) {
  for (uint32_t i = 0; i < size; i += step)
    now = std::max(now, tile.write(now, offset + i, step, static_cast<const uint8_t*>(data) + i));
}

std::vector<uint8_t> Rig::get_bytes(uint32_t offset, uint32_t size) {
  std::vector<uint8_t> bytes(size);
  for (uint32_t i = 0; i < size; ++i) now = std::max(now, tile.read(now, offset + i, 1, &bytes[i]));
  return bytes;
}

uint32_t Rig::take_error() {
  const uint32_t error = get(AIMC_REG_ERROR);
  put(AIMC_REG_ERROR, error);
  return error;
}

void Rig::program(const std::vector<int16_t>& values, uint16_t multiplier, uint16_t shift) {
  const uint32_t rows = tile.params().rows, columns = tile.params().columns;
  cells = values;
  std::vector<uint8_t> row(2 * columns);
  for (uint32_t r = 0; r < rows; ++r) {
    for (uint32_t c = 0; c < columns; ++c) aimc::store_le(&row[2 * c], cells[r * columns + c]);
    put(AIMC_REG_PROGRAM_ROW, r);
    put_bytes(AIMC_WINDOW_PROGRAM, row.data(), 2 * columns, 2);
  }
  put(AIMC_REG_PROGRAM_ROW, AIMC_PROGRAM_ADC);
  uint8_t scale[4];
  aimc::store_le(scale, multiplier);
  aimc::store_le(scale + 2, shift);
  for (uint32_t c = 0; c < columns; ++c) put_bytes(AIMC_WINDOW_PROGRAM + 4 * c, scale, 4, 4);
  now += rows * 1000000ull;
  tile.advance(now);
}

void Rig::program_random(uint64_t seed, uint16_t multiplier, uint16_t shift) {
  Random random(seed);
  std::vector<int16_t> values(size_t{tile.params().rows} * tile.params().columns);
  for (int16_t& value : values) value = random.cell();
  program(values, multiplier, shift);
}

void Rig::queue(uint64_t address, const aimc_descriptor& descriptor) {
  aimc::encode_descriptor(descriptor, memory.at(address));
  put64(AIMC_REG_DESCRIPTOR, address);
}

void Rig::settle(int limit) {
  for (; tile.next_event_ps() != aimc::kNever; --limit) {
    if (limit == 0) throw std::runtime_error("the tile does not come to rest");
    now = std::max(now, tile.next_event_ps());
    tile.advance(now);
  }
}

aimc::TileParams small_params() {
  aimc::TileParams params;
  params.rows = 16;
  params.columns = 16;
  params.dac_latency_ns = 10;
  params.crossbar_latency_ns = 20;
  params.adc_latency_ns = 30;
  params.program_row_latency_ns = 500;
  params.io_bandwidth_gb_per_s = 4;
  params.dma_latency_ns = 50;
  params.dma_bandwidth_gb_per_s = 8;
  return params;
}

aimc_descriptor small_descriptor() {
  aimc_descriptor d = {};
  d.in_base = kMemoryBase;
  d.out_base = kMemoryBase + 0x4000;
  d.in_channels = 5;
  d.k0 = 9;
  d.k_len = 16;
  d.columns = 11;
  d.out_stride = 32;
  d.in_height = 8;
  d.in_width = 6;
  d.count = 6;
  d.row_count = 1;
  d.kernel_h = d.kernel_w = 3;
  d.stride_y = d.stride_x = 1;
  d.dilation_y = d.dilation_x = 1;
  d.pad_top = d.pad_left = 1;
  return d;
}

}  // namespace aimc_test
