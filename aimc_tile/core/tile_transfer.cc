// Moving the bytes of one DMA step: what is contiguous, how long it takes, who does it.
#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "aimc_tile/core/patch.hh"
#include "aimc_tile/core/tile.hh"

namespace aimc {

// The piece of a transfer that begins at *cursor; false if none is left.
bool Tile::next_run(const Channel& channel, uint32_t* cursor, Run* run) const {
  const Slot& of = s_.slots[channel.slot];
  if (channel.kind == TransferKind::kGather) {
    while (*cursor < of.descriptor.k_len) {
      const PatchRun patch = patch_run(of.descriptor, channel.pixel, *cursor);
      *cursor += patch.length;
      if (patch.padding) continue;  // an empty bank is all zeros
      *run = {patch.address, patch.row, patch.length};
      return true;
    }
    return false;
  }
  if (*cursor != 0) return false;
  const Programming& image = s_.programming;
  switch (channel.kind) {
    case TransferKind::kFetch:
      *run = {of.address, 0, kDescriptorBytes};
      break;
    case TransferKind::kStore:
      *run = {output_address(of.descriptor, channel.pixel), 0, of.descriptor.columns * code_bytes_};
      break;
    default:
      *run = {image.address + uint64_t{2} * image.row * image.columns, 0,
              (image.row < image.rows ? 2 : 4) * image.columns};
      break;
  }
  *cursor = run->length;
  return true;
}

uint8_t* Tile::buffer(const Channel& channel, size_t* size) {
  std::vector<uint8_t>* bytes = &staging_;
  if (channel.kind == TransferKind::kGather) bytes = &s_.inputs[s_.fill].bytes;
  if (channel.kind == TransferKind::kStore) bytes = &s_.outputs[s_.drain].bytes;
  *size = bytes->size();
  return bytes->data();
}

void Tile::begin(Channel* channel, TransferKind kind, uint8_t slot, uint32_t pixel) {
  *channel = Channel();
  channel->kind = kind;
  channel->slot = slot;
  channel->pixel = pixel;
  resume(channel);
}

// Begins a transfer's data from the start, now.
void Tile::resume(Channel* channel) {
  channel->id = ++last_transfer_;
  channel->bytes = 0;
  channel->cursor = 0;
  channel->failed = false;
  uint64_t bursts = 0;
  uint32_t cursor = 0;
  for (Run run; next_run(*channel, &cursor, &run);) {
    channel->bytes += run.length;
    bursts += dma_bursts(run.address, run.length);
  }
  channel->missing = channel->bytes;
  const bool by_host = memory_ == nullptr && channel->bytes > 0;
  channel->done_ps = by_host ? kNever : s_.now_ps + timing_.transfer_ps(channel->bytes, bursts);
}

// The data of a finished transfer, unless the host has moved it.
void Tile::move(Channel* channel) {
  if (memory_ == nullptr) return;
  size_t size;
  uint8_t* bytes = buffer(*channel, &size);
  uint32_t cursor = 0;
  for (Run run; !channel->failed && next_run(*channel, &cursor, &run);) {
    uint8_t* at = bytes + run.offset;
    channel->failed = channel->kind == TransferKind::kStore
                          ? !memory_->write(run.address, at, run.length)
                          : !memory_->read(run.address, at, run.length);
  }
}

bool Tile::take_dma_request(DmaRequest* request) {
  if (memory_ != nullptr) return false;
  return take_from(&s_.writer, request) || take_from(&s_.reader, request);
}

bool Tile::take_from(Channel* channel, DmaRequest* request) {
  Run run;
  if (!channel->active() || !next_run(*channel, &channel->cursor, &run)) return false;
  size_t size;
  const bool is_write = channel->kind == TransferKind::kStore;
  const uint8_t* data = is_write ? buffer(*channel, &size) + run.offset : nullptr;
  *request = {is_write, run.address, run.length, data, channel->id, run.offset};
  return true;
}

void Tile::complete_dma(Picoseconds now, const DmaRequest& request, bool ok, const void* data) {
  advance(now);
  Channel* channel = request.is_write ? &s_.writer : &s_.reader;
  if (memory_ != nullptr || !channel->active() || channel->id != request.transfer) return;
  size_t size;
  uint8_t* bytes = buffer(*channel, &size);
  if (request.size > channel->missing || request.offset > size ||
      request.size > size - request.offset || (ok && !request.is_write && data == nullptr))
    throw std::invalid_argument("complete_dma: not a request of this tile");
  if (ok && !request.is_write) std::memcpy(bytes + request.offset, data, request.size);
  channel->failed = channel->failed || !ok;
  channel->missing -= request.size;
  if (channel->missing == 0) channel->done_ps = s_.now_ps;
  advance(s_.now_ps);
}

}  // namespace aimc
