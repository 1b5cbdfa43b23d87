#include "block_cache.hh"

#include <cstring>
#include <utility>

#include "text.hh"

namespace aimc::embedded {

BlockCache::BlockCache(const CoreParams& core, uint32_t zero_block_bytes, int line_shift,
                       const RegisterNumbers& numbers, GuestMemory& memory,
                       std::function<void(Block&)> forget)
    : core_(core),
      zero_block_bytes_(zero_block_bytes),
      line_shift_(line_shift),
      numbers_(numbers),
      memory_(memory),
      forget_(std::move(forget)),
      recent_(kRecent, nullptr) {}

Block* BlockCache::find_any(uint64_t pc, uint32_t bytes) {
  std::set<uint16_t> opaque;
  const auto found = blocks_.find(pc);
  if (found != blocks_.end()) {
    Block& block = *found->second;
    if (block.bytes == bytes && !block.stale) return recent_[slot(pc)] = &block;
    opaque = block.opaque_loads;
    forget_(block);
    if (recent_[slot(pc)] == &block) recent_[slot(pc)] = nullptr;
    blocks_.erase(found);
  }
  std::unique_ptr<Block> prepared = prepare(pc, bytes, opaque);
  if (!prepared) return nullptr;
  return recent_[slot(pc)] = (blocks_[pc] = std::move(prepared)).get();
}

std::unique_ptr<Block> BlockCache::prepare(uint64_t pc, uint32_t bytes,
                                           const std::set<uint16_t>& opaque) {
  if (!memory_.contains(pc, bytes) || bytes == 0 || pc % 4 != 0 || bytes % 4 != 0) {
    refusal_ = {pc, "the program executes at " + hex(pc) + ", which is not in DRAM"};
    return nullptr;
  }
  const uint64_t offset = pc - memory_.base();
  std::vector<uint32_t> words(bytes / 4);
  std::memcpy(words.data(), memory_.data() + offset, bytes);
  auto block =
      build_block(words.data(), words.size(), pc, core_, zero_block_bytes_, numbers_, opaque);
  block->first_line = static_cast<uint32_t>(offset >> line_shift_);
  block->lines = static_cast<uint32_t>((offset + bytes - 1) >> line_shift_) - block->first_line + 1;
  block->line_shift = line_shift_;
  block->serial = ++serial_;
  for (size_t i = 0; i < block->size(); ++i) {
    const InstructionInfo& info = block->instructions[i];
    const std::string where = "the instruction " + hex(words[i]) + " at " + hex(block->op_pc(i));
    if (info.clock_read) {
      refusal_ = {block->op_pc(i), where + " reads a clock of the host"};
      return nullptr;
    }
    if (info.unknown && block->unknown.empty()) {
      block->unknown = where + " is not one that the timing model knows";
      block->unknown_pc = block->op_pc(i);
    }
  }
  return block;
}

void BlockCache::make_stale(Block& block) {
  block.stale = true;
  if (recent_[slot(block.pc)] == &block) recent_[slot(block.pc)] = nullptr;
}

void BlockCache::flush(Events& events) {
  for (auto& [pc, block] : blocks_) block->flush(events);
}

}  // namespace aimc::embedded
