// Tile::save and Tile::restore.
#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

#include "aimc_tile/core/archive.hh"
#include "aimc_tile/core/patch.hh"
#include "aimc_tile/core/tile.hh"

namespace aimc {
namespace {

constexpr uint32_t kMagic = 0x54434941;  // "AICT"
constexpr uint32_t kVersion = 2;

template <typename Archive, typename Bank>
void archive_bank(Archive* archive, Bank* bank) {
  archive->enumeration(bank->state, BankState::kFull);
  archive->flag(bank->dma);
  archive->value(bank->slot);
  archive->value(bank->pixel);
  archive->value(bank->columns);
  archive->block(bank->bytes);
}

template <typename Archive, typename Bank>
void archive_input(Archive* archive, Bank* bank) {
  archive_bank(archive, bank);
  archive->flag(bank->written);
  archive->value(bank->rows);
  archive->value(bank->epoch);
  archive->value(bank->mvm);
  archive->value(bank->ready_ps);
}

template <typename Archive, typename SlotType>
void archive_slot(Archive* archive, SlotType* slot) {
  archive->enumeration(slot->state, SlotState::kFailed);
  archive->value(slot->address);
  std::vector<uint8_t> bytes(kDescriptorBytes);
  encode_descriptor(slot->descriptor, bytes.data());
  archive->block(bytes);
  if constexpr (Archive::kReads) slot->descriptor = decode_descriptor(bytes.data());
  archive->value(slot->gathered);
  archive->value(slot->stored);
  archive->value(slot->limit);
}

template <typename Archive, typename ChannelType>
void archive_channel(Archive* archive, ChannelType* channel) {
  archive->enumeration(channel->kind, TransferKind::kStore);
  archive->value(channel->slot);
  archive->value(channel->pixel);
  archive->value(channel->done_ps);
  archive->value(channel->bytes);
}

template <typename Archive, typename ProgrammingType>
void archive_programming(Archive* archive, ProgrammingType* programming) {
  archive->flag(programming->active);
  archive->flag(programming->writing);
  archive->value(programming->address);
  archive->value(programming->rows);
  archive->value(programming->columns);
  archive->value(programming->row);
}

template <typename Archive, typename State>
void archive_cells(Archive* archive, State* state) {
  for (uint32_t r = 0; r < state->crossbar.rows(); ++r) {
    for (uint32_t c = 0; c < state->crossbar.columns(); ++c) {
      int16_t cell = state->crossbar.get(r, c);
      archive->value(cell);
      if constexpr (Archive::kReads) state->crossbar.set(r, c, cell);
    }
  }
  for (auto& scale : state->scales) {
    archive->value(scale.multiplier);
    archive->value(scale.shift);
  }
}

template <typename Archive, typename StatisticsType>
void archive_statistics(Archive* archive, StatisticsType* statistics) {
#define AIMC_ARCHIVE(use, name, gem5Name, Unit, what) archive->value(statistics->name);
  AIMC_TILE_COUNTS(AIMC_ARCHIVE)
  for (auto& count : statistics->errors_by_kind) archive->value(count);
  AIMC_TILE_TIMES(AIMC_ARCHIVE)
#undef AIMC_ARCHIVE
}

template <typename Archive, typename State>
void archive_state(Archive* archive, State* state) {
  archive->value(state->now_ps);
  archive->value(state->port_free_ps);
  archive->value(state->cells_busy_until_ps);
  archive->value(state->error);
  archive->value(state->error_count);
  archive->value(state->active_rows);
  archive->value(state->active_columns);
  archive->value(state->noise_epoch);
  archive->value(state->mvm_count);
  archive->value(state->dma_done);
  archive->value(state->dma_pixels);
  archive->value(state->program_address);
  archive->value(state->program_rows);
  archive->value(state->program_columns);
  archive->value(state->program_row);
  archive->flag(state->program_row_open);
  for (auto& bank : state->inputs) archive_input(archive, &bank);
  for (auto& bank : state->outputs) archive_bank(archive, &bank);
  archive->value(state->fill);
  archive->value(state->convert_in);
  archive->value(state->convert_out);
  archive->value(state->drain);
  archive->flag(state->converting);
  archive->value(state->converted_ps);
  for (auto& slot : state->slots) archive_slot(archive, &slot);
  archive->value(state->head);
  archive->value(state->queued);
  archive->value(state->gathering);
  archive_channel(archive, &state->reader);
  archive_channel(archive, &state->writer);
  archive_programming(archive, &state->programming);
  archive_cells(archive, state);
  archive_statistics(archive, &state->statistics);
}

}  // namespace

// What two tiles must share to hold each other's state.
std::vector<uint64_t> Tile::identity() const {
  const auto q16 = [](double lsb) { return static_cast<uint64_t>(lsb * 65536.0 + 0.5); };
  return {params_.rows,
          params_.columns,
          static_cast<uint64_t>(params_.dac_bits),
          static_cast<uint64_t>(params_.adc_bits),
          params_.double_buffer,
          params_.dma,
          params_.noise,
          q16(params_.output_noise_lsb),
          q16(params_.read_noise_lsb),
          params_.seed,
          params_.tile};
}

std::vector<uint8_t> Tile::save() const {
  ArchiveWriter archive;
  archive.value(kMagic);
  archive.value(kVersion);
  for (const uint64_t part : identity()) archive.value(part);
  archive_state(&archive, &s_);
  return archive.finish();
}

void Tile::restore(const std::vector<uint8_t>& bytes) {
  ArchiveReader archive(bytes);
  uint32_t magic = 0;
  uint32_t version = 0;
  archive.value(magic);
  archive.value(version);
  if (magic != kMagic) ArchiveReader::fail();
  if (version != kVersion)
    throw std::invalid_argument("the tile's checkpoint has version " + std::to_string(version) +
                                ", not " + std::to_string(kVersion));
  for (const uint64_t part : identity()) {
    uint64_t saved = 0;
    archive.value(saved);
    if (saved != part)
      throw std::invalid_argument(
          "the checkpoint is of a tile with another geometry, converter width, buffering, noise, "
          "seed or index");
  }
  TileState state(params_.rows, params_.columns, code_bytes_);
  archive_state(&archive, &state);
  archive.finish();
  if (!consistent(state)) ArchiveReader::fail();

  s_ = std::move(state);
  for (Channel* channel : {&s_.reader, &s_.writer}) {
    const Picoseconds done_ps = channel->done_ps;
    if (!channel->active()) continue;
    resume(channel);
    // A transfer that the tile timed before and times again ends when it would have ended.
    if (memory_ != nullptr && done_ps != kNever) channel->done_ps = done_ps;
  }
}

// Whether every index and size is one that the tile could have come to.
bool Tile::consistent(const TileState& state) const {
  const uint32_t banks = params_.double_buffer ? kMaxBanks : 1;
  for (const uint8_t bank : {state.fill, state.convert_in, state.convert_out, state.drain})
    if (bank >= banks) return false;
  if (state.head >= kDescriptorSlots || state.queued > kDescriptorSlots ||
      state.gathering > state.queued)
    return false;
  for (const Slot& slot : state.slots) {
    if (slot.state != SlotState::kRunning) continue;
    if (check_descriptor(slot.descriptor, params_.rows, params_.columns, code_bytes_) != 0 ||
        slot.limit > pixel_count(slot.descriptor))
      return false;
  }
  const auto names_pixel = [&state](uint8_t slot, uint32_t pixel) {
    return slot < kDescriptorSlots && state.slots[slot].state == SlotState::kRunning &&
           pixel < pixel_count(state.slots[slot].descriptor);
  };
  for (const InputBank& bank : state.inputs) {
    if (bank.rows > params_.rows || bank.columns > params_.columns) return false;
    if (bank.dma && !names_pixel(bank.slot, bank.pixel)) return false;
  }
  for (const OutputBank& bank : state.outputs) {
    if (bank.columns > params_.columns) return false;
    const bool used = bank.state != BankState::kEmpty;
    if (used && bank.dma && !names_pixel(bank.slot, bank.pixel)) return false;
  }
  const Programming& programming = state.programming;
  if (programming.active &&
      (programming.rows > params_.rows || programming.columns > params_.columns ||
       programming.row > programming.rows))
    return false;

  const auto possible = [&](const Channel& channel) {
    switch (channel.kind) {
      case TransferKind::kNone:
        return true;
      case TransferKind::kFetch:
        return channel.slot < kDescriptorSlots &&
               state.slots[channel.slot].state == SlotState::kFetching;
      case TransferKind::kImage:
        return channel.slot < kDescriptorSlots && programming.active && !programming.writing;
      default:
        return names_pixel(channel.slot, channel.pixel);
    }
  };
  return possible(state.reader) && possible(state.writer) &&
         state.reader.kind != TransferKind::kStore &&
         (state.writer.kind == TransferKind::kNone || state.writer.kind == TransferKind::kStore);
}

}  // namespace aimc
