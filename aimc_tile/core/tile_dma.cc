// The steps of a tile's DMA.  A descriptor is fetched, then each of its pixels is gathered into an
// input bank, converted, and stored from an output bank; a programming image is read row by row.
#include <algorithm>

#include "aimc_tile/core/bytes.hh"
#include "aimc_tile/core/patch.hh"
#include "aimc_tile/core/tile.hh"

namespace aimc {

void Tile::queue_descriptor(uint64_t address) {
  if (!params_.dma) return raise(AIMC_ERROR_ADDRESS);
  if (!descriptor_ready()) return raise(AIMC_ERROR_BUSY);
  if (address % 8 != 0) return raise(AIMC_ERROR_DESCRIPTOR);
  Slot& added = slot(s_.queued++);
  added = Slot();
  added.address = address;
}

// The slot of the descriptor that was queued last keeps it until the one after the next.
void Tile::queue_again() {
  if (!params_.dma) return raise(AIMC_ERROR_VALUE);
  if (!descriptor_ready()) return raise(AIMC_ERROR_BUSY);
  const Slot& last = slot(static_cast<uint8_t>(s_.queued + kDescriptorSlots - 1));
  if (last.state != SlotState::kRunning)
    return raise(s_.queued > 0 && last.state != SlotState::kFailed ? AIMC_ERROR_BUSY
                                                                   : AIMC_ERROR_DESCRIPTOR);
  Slot again;
  again.state = SlotState::kRunning;
  again.address = last.address;
  again.descriptor = last.descriptor;
  again.limit = pixel_count(again.descriptor);
  slot(s_.queued++) = again;
}

void Tile::start_programming() {
  if (!params_.dma) return raise(AIMC_ERROR_VALUE);
  if (cells_in_use()) return raise(AIMC_ERROR_BUSY);
  if (s_.program_rows == 0 || s_.program_rows > params_.rows || s_.program_columns == 0 ||
      s_.program_columns > params_.columns)
    return raise(AIMC_ERROR_GEOMETRY);
  const uint64_t bytes = (uint64_t{2} * s_.program_rows + 4) * s_.program_columns;
  if (s_.program_address > UINT64_MAX - bytes) return raise(AIMC_ERROR_BUS);
  s_.programming = {true, false, s_.program_address, s_.program_rows, s_.program_columns, 0};
}

// Descriptors run in order; with double buffering the next is fetched ahead and gathers as soon
// as the one before it has gathered its last pixel, else it waits until that has completed.
bool Tile::start_read() {
  if (s_.reader.active()) return false;
  if (s_.programming.active) {
    if (s_.programming.writing) return false;
    begin(&s_.reader, TransferKind::kImage, 0, 0);
    return true;
  }
  const uint8_t ahead = double_buffer() ? s_.queued : std::min<uint8_t>(s_.queued, 1);
  for (uint8_t i = 0; i < ahead; ++i) {
    Slot& waiting = slot(i);
    if (waiting.state != SlotState::kQueued) continue;
    waiting.state = SlotState::kFetching;
    begin(&s_.reader, TransferKind::kFetch, (s_.head + i) % kDescriptorSlots, 0);
    return true;
  }
  return start_gather();
}

bool Tile::start_gather() {
  if (double_buffer()) {
    while (s_.gathering + 1 < s_.queued) {
      const Slot& current = slot(s_.gathering);
      const bool gathered =
          current.state == SlotState::kRunning && current.gathered >= current.limit;
      if (!gathered && current.state != SlotState::kFailed) break;
      ++s_.gathering;
    }
  }
  if (s_.gathering >= s_.queued) return false;
  const Slot& current = slot(s_.gathering);
  if (current.state != SlotState::kRunning || current.gathered >= current.limit) return false;
  if (s_.inputs[s_.fill].state != BankState::kEmpty) return false;
  // Without double buffering a pixel begins when the one before it is stored.
  if (!double_buffer() && s_.outputs[s_.drain].state != BankState::kEmpty) return false;
  s_.inputs[s_.fill].state = BankState::kFilling;
  begin(&s_.reader, TransferKind::kGather, (s_.head + s_.gathering) % kDescriptorSlots,
        current.gathered);
  return true;
}

bool Tile::start_store() {
  const OutputBank& bank = s_.outputs[s_.drain];
  if (s_.writer.active() || bank.state != BankState::kFull || !bank.dma) return false;
  begin(&s_.writer, TransferKind::kStore, bank.slot, bank.pixel);
  return true;
}

// Completes the oldest descriptor if nothing of it is left to do.
bool Tile::retire() {
  if (s_.queued == 0) return false;
  const Slot& oldest = slot(0);
  const bool stored = oldest.state == SlotState::kRunning && oldest.gathered >= oldest.limit &&
                      oldest.stored >= oldest.limit;
  if (!stored && oldest.state != SlotState::kFailed) return false;
  s_.head = (s_.head + 1) % kDescriptorSlots;
  --s_.queued;
  if (s_.gathering > 0) --s_.gathering;
  ++s_.dma_done;
  ++s_.statistics.dma_descriptors;
  return true;
}

void Tile::finish_read() {
  move(&s_.reader);
  const Channel transfer = s_.reader;
  s_.reader = {};
  if (transfer.failed) raise(AIMC_ERROR_BUS);
  switch (transfer.kind) {
    case TransferKind::kFetch:
      return finish_fetch(transfer);
    case TransferKind::kGather:
      return finish_gather(transfer);
    default:
      return finish_image(transfer);
  }
}

void Tile::finish_fetch(const Channel& transfer) {
  Slot& fetched = s_.slots[transfer.slot];
  fetched.state = SlotState::kFailed;
  if (transfer.failed) return;
  s_.statistics.bytes_in += kDescriptorBytes;
  fetched.descriptor = decode_descriptor(staging_.data());
  const uint32_t error =
      check_descriptor(fetched.descriptor, params_.rows, params_.columns, code_bytes_);
  if (error != 0) return raise(error);
  fetched.state = SlotState::kRunning;
  fetched.limit = pixel_count(fetched.descriptor);
}

void Tile::finish_gather(const Channel& transfer) {
  Slot& source = s_.slots[transfer.slot];
  InputBank& bank = s_.inputs[s_.fill];
  if (transfer.failed) {
    std::fill(bank.bytes.begin(), bank.bytes.end(), uint8_t{0});
    bank.state = BankState::kEmpty;
    source.limit = std::min(source.limit, source.gathered);
    return;
  }
  s_.statistics.bytes_in += transfer.bytes;
  bank.state = BankState::kReady;
  bank.dma = true;
  bank.slot = transfer.slot;
  bank.pixel = transfer.pixel;
  bank.rows = source.descriptor.k_len;
  bank.columns = source.descriptor.columns;
  bank.epoch = s_.noise_epoch;
  bank.mvm = s_.mvm_count++;
  bank.ready_ps = s_.now_ps;
  ++source.gathered;
  s_.fill = next_bank(s_.fill);
}

void Tile::finish_image(const Channel& transfer) {
  Programming& programming = s_.programming;
  if (transfer.failed) {
    programming = {};
    return;
  }
  s_.statistics.bytes_in += transfer.bytes;
  if (programming.row < programming.rows) {
    for (uint32_t c = 0; c < programming.columns; ++c)
      s_.crossbar.set(programming.row, c, load_le<int16_t>(&staging_[size_t{2} * c]));
    s_.statistics.cells_programmed += programming.columns;
    s_.cells_busy_until_ps = std::max(s_.now_ps, s_.cells_busy_until_ps) + timing_.program_row_ps;
    programming.writing = true;
    return;
  }
  bool in_range = true;
  for (uint32_t c = 0; c < programming.columns; ++c) {
    AdcScale& scale = s_.scales[c];
    scale.multiplier = load_le<uint16_t>(&staging_[size_t{4} * c]);
    scale.shift = load_le<uint16_t>(&staging_[size_t{4} * c + 2]);
    in_range = in_range && scale.shift >= kMinAdcShift && scale.shift <= kMaxAdcShift;
  }
  if (!in_range) raise(AIMC_ERROR_VALUE);
  programming = {};
}

void Tile::finish_store() {
  move(&s_.writer);
  const Channel transfer = s_.writer;
  s_.writer = {};
  Slot& target = s_.slots[transfer.slot];
  if (transfer.failed) {
    raise(AIMC_ERROR_BUS);
    abort_descriptor(transfer.slot);
  } else {
    s_.statistics.bytes_out += transfer.bytes;
    ++s_.dma_pixels;
  }
  ++target.stored;
  s_.outputs[s_.drain].state = BankState::kEmpty;
  s_.drain = next_bank(s_.drain);
}

// Gathers no further pixel of a descriptor; those on their way are finished.
void Tile::abort_descriptor(uint8_t slot) {
  const bool on_its_way = s_.reader.kind == TransferKind::kGather && s_.reader.slot == slot;
  Slot& aborted = s_.slots[slot];
  aborted.limit = std::min(aborted.limit, aborted.gathered + (on_its_way ? 1 : 0));
}

}  // namespace aimc
