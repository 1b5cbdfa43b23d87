#include "unicorn_api.hh"

#include <dlfcn.h>

#include <stdexcept>

namespace aimc::embedded {

namespace {

template <typename Function>
void load(void* library, const char* name, Function& function) {
  void* symbol = dlsym(library, name);
  if (!symbol) throw std::runtime_error(std::string("libunicorn has no ") + name);
  function = reinterpret_cast<Function>(symbol);
}

}  // namespace

UnicornApi::UnicornApi(const std::string& library) {
  void* handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle) throw std::runtime_error(dlerror());
  load(handle, "uc_version", version);
  load(handle, "uc_open", open);
  load(handle, "uc_close", close);
  load(handle, "uc_ctl", ctl);
  load(handle, "uc_strerror", strerror);
  load(handle, "uc_reg_read", reg_read);
  load(handle, "uc_reg_read_batch", reg_read_batch);
  load(handle, "uc_reg_write", reg_write);
  load(handle, "uc_mem_map_ptr", mem_map_ptr);
  load(handle, "uc_mmio_map", mmio_map);
  load(handle, "uc_hook_add", hook_add);
  load(handle, "uc_emu_start", emu_start);
  load(handle, "uc_emu_stop", emu_stop);
  unsigned major = 0;
  unsigned minor = 0;
  version(&major, &minor);
  if (major != UC_API_MAJOR || minor != UC_API_MINOR) {
    throw std::runtime_error("libunicorn is version " + std::to_string(major) + "." +
                             std::to_string(minor) + ", built for " + std::to_string(UC_API_MAJOR) +
                             "." + std::to_string(UC_API_MINOR));
  }
}

}  // namespace aimc::embedded
