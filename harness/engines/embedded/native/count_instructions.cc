#include "count_instructions.hh"

#include <chrono>
#include <cstring>
#include <stdexcept>
#include <vector>

#include "guest_memory.hh"
#include "kernels/include/platform.h"
#include "unicorn_api.hh"

namespace nb = nanobind;

namespace aimc::embedded {

namespace {

struct Window {
  const UnicornApi* api;
  uc_engine* engine;
  uint64_t base;
};

void empty(uc_engine*, uint64_t, uint32_t, void*) {}

void stop_at_exit(const Window& window, uint64_t offset) {
  const uint64_t operation = (offset >> 8) & 0xff;
  if (window.base == PLATFORM_M5OPS_BASE &&
      (operation == PLATFORM_M5_EXIT || operation == PLATFORM_M5_FAIL)) {
    window.api->emu_stop(window.engine);
  }
}

// 0x90 in the console's flags: transmitter and receiver are empty.
uint64_t read_device(uc_engine*, uint64_t offset, unsigned, void* data) {
  const auto* window = static_cast<Window*>(data);
  stop_at_exit(*window, offset);
  return window->base == PLATFORM_UART_BASE && offset == 0x18 ? 0x90 : 0;
}

void write_device(uc_engine*, uint64_t offset, unsigned, uint64_t, void* data) {
  stop_at_exit(*static_cast<Window*>(data), offset);
}

void require(uc_err error, const UnicornApi& api) {
  if (error != UC_ERR_OK) throw std::runtime_error(api.strerror(error));
}

struct Closer {
  const UnicornApi& api;
  uc_engine* engine;
  ~Closer() { api.close(engine); }
};

}  // namespace

double count_instructions(const std::string& library, const nb::list& pieces, uint64_t entry,
                          uint64_t dram_base, uint64_t dram_bytes, const nb::list& devices,
                          const std::string& hooks) {
  const UnicornApi api(library);
  GuestMemory memory(dram_base, dram_bytes);
  for (nb::handle item : pieces) {
    const auto piece = nb::cast<nb::tuple>(item);
    const auto address = nb::cast<uint64_t>(piece[0]);
    const auto bytes = nb::cast<nb::bytes>(piece[1]);
    if (!memory.contains(address, bytes.size())) {
      throw std::runtime_error("the program does not fit the memory");
    }
    std::memcpy(memory.data() + (address - memory.base()), bytes.c_str(), bytes.size());
  }
  uc_engine* engine = nullptr;
  require(api.open(UC_ARCH_ARM64, UC_MODE_ARM, &engine), api);
  const Closer closer{api, engine};
  require(api.ctl(engine, UC_CTL_WRITE(UC_CTL_CPU_MODEL, 1), UC_CPU_ARM64_MAX), api);
  require(api.mem_map_ptr(engine, dram_base, dram_bytes, UC_PROT_ALL, memory.data()), api);
  std::vector<Window> windows;
  windows.reserve(nb::len(devices));
  for (nb::handle item : devices) {
    const auto device = nb::cast<nb::tuple>(item);
    windows.push_back({&api, engine, nb::cast<uint64_t>(device[0])});
    require(api.mmio_map(engine, windows.back().base, nb::cast<uint64_t>(device[1]), read_device,
                         &windows.back(), write_device, &windows.back()),
            api);
  }
  uc_hook hook;
  if (hooks != "none") {
    require(api.hook_add(engine, &hook, hooks == "block" ? UC_HOOK_BLOCK : UC_HOOK_CODE,
                         reinterpret_cast<void*>(&empty), nullptr, 1, 0),
            api);
  }
  nb::gil_scoped_release release;
  const auto start = std::chrono::steady_clock::now();
  const uc_err error = api.emu_start(engine, entry, ~0ull, 0, 0);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  require(error, api);
  return seconds.count();
}

}  // namespace aimc::embedded
