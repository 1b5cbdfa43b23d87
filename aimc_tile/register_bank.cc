#include "aimc_tile/register_bank.hh"

#include <iterator>

#include "aimc_tile/core/registers.h"
#include "base/trace.hh"
#include "debug/AimcTileRegs.hh"

namespace gem5 {
namespace {

struct Entry {
  const char* name;
  Addr offset;
  Addr bytes;
};

constexpr Entry kEntries[] = {
#define AIMC_ENTRY(name, offset, bytes, access, what) {#name, offset, bytes},
    AIMC_TILE_REGISTERS(AIMC_ENTRY)  //
    AIMC_TILE_WINDOWS(AIMC_ENTRY)
#undef AIMC_ENTRY
};

}  // namespace

// A register, a window or a gap; its state is the tile's.
class AimcRegisterBank::Forward : public RegisterBankLE::RegisterBase {
 public:
  Forward(const char* name, Addr offset, Addr bytes, RegisterBankTarget& target)
      : RegisterBase(name, bytes), offset(offset), target(target) {}

  void read(void* data) override { target.readBytes(offset, data, size()); }
  void read(void* data, off_t at, size_t bytes) override {
    target.readBytes(offset + at, data, bytes);
  }
  void write(const void* data) override { target.writeBytes(offset, data, size()); }
  void write(const void* data, off_t at, size_t bytes) override {
    target.writeBytes(offset + at, data, bytes);
  }

  void serialize(std::ostream&) const override {}
  bool unserialize(const std::string&) override { return true; }
  void reset() override {}

 private:
  const Addr offset;
  RegisterBankTarget& target;
};

AimcRegisterBank::AimcRegisterBank(const std::string& name, RegisterBankTarget& target)
    : RegisterBankLE(name, 0), target(target) {
  for (const Entry& entry : kEntries) {
    if (entry.offset > size()) add("reserved", size(), entry.offset - size());
    add(entry.name, entry.offset, entry.bytes);
  }
}

void AimcRegisterBank::add(const char* name, Addr offset, Addr bytes) {
  auto forward = std::make_unique<Forward>(name, offset, bytes, target);
  addRegister({offset, *forward});
  entries.emplace(offset, std::move(forward));
}

bool AimcRegisterBank::withinOne(const char* verb, Addr offset, Addr bytes) const {
  if (offset >= size()) {
    DPRINTF(AimcTileRegs, "%s %d bytes at %#x, beyond the window\n", verb, bytes, offset);
    return false;
  }
  const auto entry = std::prev(entries.upper_bound(offset));
  DPRINTF(AimcTileRegs, "%s %d bytes at %s + %d\n", verb, bytes, entry->second->name(),
          offset - entry->first);
  return bytes <= entry->second->size() - (offset - entry->first);
}

void AimcRegisterBank::read(Addr offset, void* data, Addr bytes) {
  if (withinOne("read", offset, bytes))
    RegisterBankLE::read(offset, data, bytes);
  else
    target.readBytes(offset, data, bytes);
}

void AimcRegisterBank::write(Addr offset, const void* data, Addr bytes) {
  if (withinOne("write", offset, bytes))
    RegisterBankLE::write(offset, data, bytes);
  else
    target.writeBytes(offset, data, bytes);
}

}  // namespace gem5
