// The tile's registers and windows as a gem5 register bank.
#ifndef AIMC_TILE_REGISTER_BANK_HH
#define AIMC_TILE_REGISTER_BANK_HH

#include <map>
#include <memory>
#include <string>

#include "dev/reg_bank.hh"

namespace gem5 {

/** What stands behind the bank; offsets are in the tile's window. */
class RegisterBankTarget {
 public:
  virtual ~RegisterBankTarget() = default;
  virtual void readBytes(Addr offset, void* data, Addr bytes) = 0;
  virtual void writeBytes(Addr offset, const void* data, Addr bytes) = 0;
};

/**
 * Decodes and names what the guest accesses.  The bank holds nothing: every access goes to the tile
 * whole, because the tile counts one error for one access that no register takes.
 */
class AimcRegisterBank : public RegisterBankLE {
 public:
  AimcRegisterBank(const std::string& name, RegisterBankTarget& target);

  void read(Addr offset, void* data, Addr bytes) override;
  void write(Addr offset, const void* data, Addr bytes) override;

 private:
  class Forward;

  bool withinOne(const char* verb, Addr offset, Addr bytes) const;
  void add(const char* name, Addr offset, Addr bytes);

  RegisterBankTarget& target;
  std::map<Addr, std::unique_ptr<RegisterBase>> entries;
};

}  // namespace gem5

#endif  // AIMC_TILE_REGISTER_BANK_HH
