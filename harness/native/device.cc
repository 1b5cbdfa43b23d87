#include "harness/native/device.hh"

#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>

#include <cstdint>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <vector>

#include "aimc_tile/core/tile.hh"

namespace nb = nanobind;

namespace {

using Memory = nb::ndarray<uint8_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

// The bytes of an array, from address `base` on.  No array: no memory at all.
class ArrayMemory : public aimc::HostMemory {
 public:
  ArrayMemory(std::optional<Memory> array, uint64_t base) : array_(std::move(array)), base_(base) {}

  bool read(uint64_t address, void* data, size_t size) override {
    uint8_t* at = find(address, size);
    if (at != nullptr) std::memcpy(data, at, size);
    return at != nullptr;
  }

  bool write(uint64_t address, const void* data, size_t size) override {
    uint8_t* at = find(address, size);
    if (at != nullptr) std::memcpy(at, data, size);
    return at != nullptr;
  }

 private:
  uint8_t* find(uint64_t address, size_t size) {
    if (!array_ || address < base_) return nullptr;
    const uint64_t offset = address - base_;
    const uint64_t bytes = array_->shape(0);
    return offset <= bytes && size <= bytes - offset ? array_->data() + offset : nullptr;
  }

  std::optional<Memory> array_;
  uint64_t base_;
};

class PyTile {
 public:
  PyTile(const aimc::TileParams& params, std::optional<Memory> memory, uint64_t memory_base)
      : memory_(std::move(memory), memory_base), tile_(params, &memory_) {}
  PyTile(const PyTile&) = delete;
  PyTile& operator=(const PyTile&) = delete;

  nb::tuple read(uint64_t now_ps, uint64_t offset, uint32_t size) {
    char data[kMaxAccess];
    const uint64_t done_ps = tile_.read(now_ps, offset, checked(size), data);
    return nb::make_tuple(nb::bytes(data, size), done_ps);
  }

  uint64_t write(uint64_t now_ps, uint64_t offset, const nb::bytes& data) {
    return tile_.write(now_ps, offset, checked(data.size()), data.data());
  }

  std::optional<uint64_t> next_event_ps() const {
    const uint64_t next = tile_.next_event_ps();
    return next == aimc::kNever ? std::nullopt : std::optional<uint64_t>(next);
  }

  nb::bytes save() const {
    const std::vector<uint8_t> bytes = tile_.save();
    return nb::bytes(bytes.data(), bytes.size());
  }

  void restore(const nb::bytes& bytes) {
    const uint8_t* data = static_cast<const uint8_t*>(bytes.data());
    tile_.restore(std::vector<uint8_t>(data, data + bytes.size()));
  }

  nb::dict statistics() const;

  aimc::Tile& tile() { return tile_; }

 private:
  static constexpr size_t kMaxAccess = 16;

  static uint32_t checked(size_t size) {
    if (size < 1 || size > kMaxAccess) throw std::invalid_argument("an access has 1 to 16 bytes");
    return static_cast<uint32_t>(size);
  }

  ArrayMemory memory_;
  aimc::Tile tile_;
};

nb::dict PyTile::statistics() const {
  const aimc::Statistics& counts = tile_.statistics();
  nb::dict result;
#define AIMC_ENTRY(use, name, gem5Name, Unit, what) result[#name] = counts.name;
  AIMC_TILE_COUNTS(AIMC_ENTRY)
  AIMC_TILE_TIMES(AIMC_ENTRY)
#undef AIMC_ENTRY
  nb::list by_kind;
  for (const uint64_t count : counts.errors_by_kind) by_kind.append(count);
  result["errors_by_kind"] = nb::tuple(by_kind);
  return result;
}

void construct(PyTile* self, uint32_t rows, uint32_t columns, int dac_bits, int adc_bits,
               double dac_latency_ns, double crossbar_latency_ns, double adc_latency_ns,
               double program_row_latency_ns, double io_bandwidth_gb_per_s, bool double_buffer,
               bool dma, double dma_latency_ns, double dma_bandwidth_gb_per_s,
               uint32_t dma_outstanding, bool noise, double output_noise_lsb, double read_noise_lsb,
               uint64_t seed, uint32_t tile, std::optional<Memory> memory, uint64_t memory_base) {
  aimc::TileParams params;
  params.rows = rows;
  params.columns = columns;
  params.dac_bits = dac_bits;
  params.adc_bits = adc_bits;
  params.dac_latency_ns = dac_latency_ns;
  params.crossbar_latency_ns = crossbar_latency_ns;
  params.adc_latency_ns = adc_latency_ns;
  params.program_row_latency_ns = program_row_latency_ns;
  params.io_bandwidth_gb_per_s = io_bandwidth_gb_per_s;
  params.double_buffer = double_buffer;
  params.dma = dma;
  params.dma_latency_ns = dma_latency_ns;
  params.dma_bandwidth_gb_per_s = dma_bandwidth_gb_per_s;
  params.dma_outstanding = dma_outstanding;
  params.noise = noise;
  params.output_noise_lsb = output_noise_lsb;
  params.read_noise_lsb = read_noise_lsb;
  params.seed = seed;
  params.tile = tile;
  new (self) PyTile(params, std::move(memory), memory_base);
}

}  // namespace

void bind_device(nb::module_& module) {
  const aimc::TileParams defaults;
  nb::class_<PyTile>(module, "Tile", "One AIMC tile; see harness/_tile.pyi.")
      .def("__init__", &construct, nb::kw_only(), nb::arg("rows"), nb::arg("columns"),
           nb::arg("dac_bits") = defaults.dac_bits, nb::arg("adc_bits") = defaults.adc_bits,
           nb::arg("dac_latency_ns") = defaults.dac_latency_ns,
           nb::arg("crossbar_latency_ns") = defaults.crossbar_latency_ns,
           nb::arg("adc_latency_ns") = defaults.adc_latency_ns,
           nb::arg("program_row_latency_ns") = defaults.program_row_latency_ns,
           nb::arg("io_bandwidth_gb_per_s") = defaults.io_bandwidth_gb_per_s,
           nb::arg("double_buffer") = defaults.double_buffer, nb::arg("dma") = defaults.dma,
           nb::arg("dma_latency_ns") = defaults.dma_latency_ns,
           nb::arg("dma_bandwidth_gb_per_s") = defaults.dma_bandwidth_gb_per_s,
           nb::arg("dma_outstanding") = defaults.dma_outstanding, nb::arg("noise") = defaults.noise,
           nb::arg("output_noise_lsb") = defaults.output_noise_lsb,
           nb::arg("read_noise_lsb") = defaults.read_noise_lsb, nb::arg("seed") = defaults.seed,
           nb::arg("tile") = defaults.tile, nb::arg("memory").noconvert() = nb::none(),
           nb::arg("memory_base") = 0)
      .def("read", &PyTile::read, nb::arg("now_ps"), nb::arg("offset"), nb::arg("size"))
      .def("write", &PyTile::write, nb::arg("now_ps"), nb::arg("offset"), nb::arg("data"))
      .def(
          "advance", [](PyTile& self, uint64_t now_ps) { self.tile().advance(now_ps); },
          nb::arg("now_ps"), nb::call_guard<nb::gil_scoped_release>())
      .def("next_event_ps", &PyTile::next_event_ps)
      .def("now_ps", [](PyTile& self) { return self.tile().now_ps(); })
      .def("status", [](PyTile& self) { return self.tile().status(); })
      .def("statistics", &PyTile::statistics)
      .def("save", &PyTile::save)
      .def("restore", &PyTile::restore, nb::arg("checkpoint"));
}
