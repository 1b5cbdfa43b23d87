#include "aimc_tile/core/tile.hh"

#include <algorithm>
#include <limits>
#include <utility>

#include "aimc_tile/core/bytes.hh"

namespace aimc {
namespace {

const TileParams& validated(const TileParams& params) {
  params.validate();
  return params;
}

// Of what a transfer other than a patch or a pixel's codes may deliver.
size_t staging_bytes(const TileParams& params) {
  return std::max<size_t>(sizeof(aimc_descriptor), size_t{4} * params.columns);
}

// Keeps the memory: an MVM allocates nothing.
void clear(InputBank* bank) {
  std::vector<uint8_t> bytes = std::move(bank->bytes);
  std::fill(bytes.begin(), bytes.end(), uint8_t{0});
  *bank = InputBank();
  bank->bytes = std::move(bytes);
}

}  // namespace

TileState::TileState(uint32_t rows, uint32_t columns, uint32_t code_bytes)
    : active_rows(rows),
      active_columns(columns),
      program_rows(rows),
      program_columns(columns),
      crossbar(rows, columns),
      scales(columns) {
  // Rounded up to the widest access, as the windows are.
  for (InputBank& bank : inputs) bank.bytes.assign((rows + 15) / 16 * 16, 0);
  for (OutputBank& bank : outputs) bank.bytes.assign((columns * code_bytes + 15) / 16 * 16, 0);
}

Tile::Tile(const TileParams& params, HostMemory* memory)
    : params_(validated(params)),
      timing_(params),
      memory_(memory),
      code_bytes_(params.adc_bits <= 8 ? 1 : 2),
      s_(params.rows, params.columns, code_bytes_),
      unit_(params),
      codes_(params.columns),
      staging_(staging_bytes(params)) {}

uint32_t Tile::status() const {
  const bool dma_busy = s_.queued > 0 || s_.programming.active;
  const bool programming = s_.now_ps < s_.cells_busy_until_ps;
  return (mvm_pending() ? AIMC_STATUS_BUSY : 0) | (input_ready() ? AIMC_STATUS_IN_READY : 0) |
         (output_valid() ? AIMC_STATUS_OUT_VALID : 0) | (dma_busy ? AIMC_STATUS_DMA_BUSY : 0) |
         (descriptor_ready() ? AIMC_STATUS_DMA_READY : 0) |
         (programming ? AIMC_STATUS_PROGRAMMING : 0) | (s_.error != 0 ? AIMC_STATUS_ERROR : 0);
}

bool Tile::mvm_pending() const {
  return s_.converting || s_.inputs[s_.convert_in].state == BankState::kReady;
}

bool Tile::pio_in_use() const {
  if (s_.queued > 0) return false;  // then all banks are the descriptors'
  const auto used = [](const auto& bank) { return bank.state != BankState::kEmpty; };
  return s_.inputs[s_.fill].written || std::any_of(s_.inputs.begin(), s_.inputs.end(), used) ||
         std::any_of(s_.outputs.begin(), s_.outputs.end(), used);
}

bool Tile::input_ready() const {
  return s_.queued == 0 && !s_.programming.active && s_.inputs[s_.fill].state == BankState::kEmpty;
}

bool Tile::output_valid() const {
  const OutputBank& bank = s_.outputs[s_.drain];
  return bank.state == BankState::kFull && !bank.dma;
}

bool Tile::descriptor_ready() const {
  return params_.dma && s_.queued < kDescriptorSlots && !s_.programming.active && !pio_in_use();
}

bool Tile::cells_in_use() const { return mvm_pending() || s_.queued > 0 || s_.programming.active; }

Picoseconds Tile::conversion_gate() const {
  return std::max(s_.inputs[s_.convert_in].ready_ps, s_.cells_busy_until_ps);
}

void Tile::advance(Picoseconds now) {
  for (;;) {
    const Picoseconds next = next_event_ps();
    if (next > now || next == kNever) break;
    integrate(std::max(next, s_.now_ps));
    happen(s_.now_ps);
    dispatch();
  }
  integrate(std::max(now, s_.now_ps));
}

Picoseconds Tile::next_event_ps() const {
  Picoseconds next = kNever;
  if (s_.converting) next = s_.converted_ps;
  if (s_.reader.active()) next = std::min(next, s_.reader.done_ps);
  if (s_.writer.active()) next = std::min(next, s_.writer.done_ps);
  if (s_.programming.writing || s_.now_ps < s_.cells_busy_until_ps)
    next = std::min(next, s_.cells_busy_until_ps);
  const bool waiting = !s_.converting && s_.inputs[s_.convert_in].state == BankState::kReady &&
                       s_.outputs[s_.convert_out].state == BankState::kEmpty;
  if (waiting) next = std::min(next, conversion_gate());
  return next;
}

void Tile::integrate(Picoseconds t) {
  const Picoseconds span = t - s_.now_ps;
  if (span == 0) return;
  Statistics& statistics = s_.statistics;
  const bool waiting = s_.queued > 0 || mvm_pending();
  if (s_.converting) statistics.busy_ps += span;
  if (transferring()) statistics.transfer_ps += span;
  if (s_.converting && transferring()) statistics.overlap_ps += span;
  if (!s_.converting && waiting) statistics.wait_ps += span;
  s_.now_ps = t;
}

// What ends at `t`.
void Tile::happen(Picoseconds t) {
  if (s_.converting && s_.converted_ps <= t) finish_conversion();
  if (s_.writer.active() && s_.writer.done_ps <= t) finish_store();
  if (s_.reader.active() && s_.reader.done_ps <= t) finish_read();
  if (s_.programming.writing && s_.cells_busy_until_ps <= t) {
    s_.programming.writing = false;
    ++s_.programming.row;
  }
}

// Starts whatever can start now.
void Tile::dispatch() {
  bool changed = true;
  while (changed) {
    changed = start_conversion();
    changed = start_store() || changed;
    changed = retire() || changed;
    changed = start_read() || changed;
  }
}

bool Tile::start_conversion() {
  InputBank& input = s_.inputs[s_.convert_in];
  OutputBank& output = s_.outputs[s_.convert_out];
  if (s_.converting || input.state != BankState::kReady || output.state != BankState::kEmpty ||
      conversion_gate() > s_.now_ps)
    return false;

  const MvmCounts counts =
      unit_.run(s_.crossbar, s_.scales.data(), reinterpret_cast<const int8_t*>(input.bytes.data()),
                input.rows, input.columns, input.epoch, input.mvm, codes_.data());
  std::fill(output.bytes.begin(), output.bytes.end(), uint8_t{0});
  for (uint32_t c = 0; c < input.columns; ++c) {
    if (code_bytes_ == 1)
      output.bytes[c] = static_cast<uint8_t>(codes_[c]);
    else
      store_le(&output.bytes[2 * c], codes_[c]);
  }
  output.state = BankState::kConverting;
  output.dma = input.dma;
  output.slot = input.slot;
  output.pixel = input.pixel;
  output.columns = input.columns;
  input.state = BankState::kConverting;
  s_.converting = true;
  s_.converted_ps = s_.now_ps + timing_.mvm_ps;

  Statistics& statistics = s_.statistics;
  ++statistics.mvms;
  statistics.dac_conversions += input.rows;
  statistics.adc_conversions += input.columns;
  statistics.cell_reads += uint64_t{input.rows} * input.columns;
  statistics.dac_saturations += counts.dac_saturations;
  statistics.adc_saturations += counts.adc_saturations;
  return true;
}

void Tile::finish_conversion() {
  clear(&s_.inputs[s_.convert_in]);
  s_.outputs[s_.convert_out].state = BankState::kFull;
  s_.convert_in = next_bank(s_.convert_in);
  s_.convert_out = next_bank(s_.convert_out);
  s_.converting = false;
}

void Tile::raise(uint32_t error) {
  s_.error |= error;
  if (s_.error_count != std::numeric_limits<uint32_t>::max()) ++s_.error_count;
  ++s_.statistics.guest_errors;
  ++s_.statistics.errors_by_kind[__builtin_ctz(error)];
}

void Tile::reset() {
  for (InputBank& bank : s_.inputs) clear(&bank);
  for (OutputBank& bank : s_.outputs) bank.state = BankState::kEmpty;
  s_.fill = s_.convert_in = s_.convert_out = s_.drain = 0;
  s_.converting = false;
  s_.slots = {};
  s_.head = s_.queued = s_.gathering = 0;
  s_.reader = {};
  s_.writer = {};
  s_.programming = {};
  s_.error = 0;
  s_.error_count = 0;
  s_.dma_done = 0;
  s_.dma_pixels = 0;
}

}  // namespace aimc
