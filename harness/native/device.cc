#include "harness/native/device.hh"

#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>

#include <cstdint>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <vector>

#include "aimc_tile/core/tile.hh"
#include "harness/native/tile_params.hh"

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

void construct(PyTile* self, std::optional<Memory> memory, uint64_t memory_base,
               const nb::kwargs& parameters) {
  const aimc::native::Fields fields(nb::borrow<nb::dict>(parameters), "tile");
  new (self) PyTile(aimc::native::tile_params(fields), std::move(memory), memory_base);
}

}  // namespace

void bind_device(nb::module_& module) {
  nb::class_<PyTile>(module, "Tile", "One AIMC tile; see harness/_tile.pyi.")
      .def("__init__", &construct, nb::kw_only(), nb::arg("memory").noconvert() = nb::none(),
           nb::arg("memory_base") = 0, nb::arg("parameters"))
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
