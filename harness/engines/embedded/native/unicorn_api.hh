// libunicorn, found and loaded at run time.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_UNICORN_API_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_UNICORN_API_HH_

#include <unicorn/unicorn.h>

#include <string>

namespace aimc::embedded {

// The functions used.  Loaded once and never unloaded.
struct UnicornApi {
  // Throws std::runtime_error if the library is missing or is not of the version built for.
  explicit UnicornApi(const std::string& library);

  decltype(&uc_version) version;
  decltype(&uc_open) open;
  decltype(&uc_close) close;
  decltype(&uc_ctl) ctl;
  decltype(&uc_strerror) strerror;
  decltype(&uc_reg_read) reg_read;
  decltype(&uc_reg_read_batch) reg_read_batch;
  decltype(&uc_reg_write) reg_write;
  decltype(&uc_mem_map_ptr) mem_map_ptr;
  decltype(&uc_mmio_map) mmio_map;
  decltype(&uc_hook_add) hook_add;
  decltype(&uc_emu_start) emu_start;
  decltype(&uc_emu_stop) emu_stop;
};

}  // namespace aimc::embedded

#endif
