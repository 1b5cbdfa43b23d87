// The Python module `_engine`.
#include <nanobind/nanobind.h>
#include <nanobind/stl/function.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <cmath>

#include "clock.hh"
#include "count_instructions.hh"
#include "machine.hh"

namespace nb = nanobind;
using namespace nb::literals;

namespace aimc::embedded {

namespace {

Femtoseconds femtoseconds(double nanoseconds) {
  return static_cast<Femtoseconds>(std::llround(nanoseconds * 1e6));
}

// Stages of the pipeline, in cycles: a line's way from the L1I to the stage that takes it; from a
// load's data to their use; from a line's use to issue and commit.
constexpr int kLineHandling = 1;
constexpr int kCommit = 1;
constexpr int kRefill = 4;

int integer(const nb::dict& values, const char* key) { return nb::cast<int>(values[key]); }
double real(const nb::dict& values, const char* key) { return nb::cast<double>(values[key]); }

CoreParams core_params(const nb::dict& v, const CachesParams& caches) {
  CoreParams core;
  core.period_fs = static_cast<Femtoseconds>(std::llround(1e6 / real(v, "clock_ghz")));
  core.issue_width = integer(v, "issue_width");
  core.int_units = integer(v, "int_units");
  core.simd_units = integer(v, "simd_units");
  core.load_store_units = integer(v, "load_store_units");
  core.int_latency = integer(v, "int_latency");
  core.mul_latency = integer(v, "mul_latency");
  core.div_latency = integer(v, "div_latency");
  core.simd_latency = integer(v, "simd_latency");
  core.simd_mul_latency = integer(v, "simd_mul_latency");
  core.dot_latency = integer(v, "dot_latency");
  core.dot_accumulate_latency = integer(v, "dot_accumulate_latency");
  core.fp_latency = integer(v, "fp_latency");
  core.fp_div_latency = integer(v, "fp_div_latency");
  core.store_buffer_entries = integer(v, "store_buffer_entries");
  core.data_hit_cycles = caches.l1d.hit_latency_cycles;
  core.fetch_cycles = caches.l1i.hit_latency_cycles + kLineHandling;
  // What the caches and the stages in between do not account for.
  core.address_cycles =
      std::max(integer(v, "load_to_use_latency") - caches.l1d.hit_latency_cycles - kCommit, 1);
  core.branch_delay = std::max(
      integer(v, "branch_mispredict_penalty") - caches.l1i.hit_latency_cycles - kRefill, 1);
  core.branch_predictor_entries = integer(v, "branch_predictor_entries");
  return core;
}

CacheParams cache_params(const nb::dict& v) {
  CacheParams cache;
  cache.size_bytes = static_cast<int64_t>(integer(v, "size_kib")) << 10;
  cache.ways = integer(v, "ways");
  cache.line_bytes = integer(v, "line_bytes");
  cache.hit_latency_cycles = integer(v, "hit_latency_cycles");
  cache.mshrs = integer(v, "mshrs");
  cache.prefetch_degree = integer(v, "prefetch_degree");
  return cache;
}

// The cache that keeps DMA coherent is gem5_configs/caches.py's.
DmaPathParams dma_path(bool beside_l1, const SystemParams& system) {
  constexpr int kBytes = 1024;
  constexpr int kWays = 8;
  DmaPathParams path;
  path.beside_l1 = beside_l1;
  path.period_fs = beside_l1 ? system.core.period_fs : kSystemPeriod;
  path.cache.size_bytes = kBytes;
  path.cache.line_bytes = system.caches.l2.line_bytes;
  path.cache.ways = std::min(kWays, kBytes / path.cache.line_bytes);
  path.cache.hit_latency_cycles = 1;
  path.cache.mshrs = 16;
  return path;
}

// `v` is a SystemConfig as dictionaries.
SystemParams system_params(const nb::dict& v) {
  SystemParams params;
  const auto caches = nb::cast<nb::dict>(v["caches"]);
  params.caches.l1i = cache_params(nb::cast<nb::dict>(caches["l1i"]));
  params.caches.l1d = cache_params(nb::cast<nb::dict>(caches["l1d"]));
  params.caches.l2 = cache_params(nb::cast<nb::dict>(caches["l2"]));
  params.core = core_params(nb::cast<nb::dict>(v["core"]), params.caches);
  const auto memory = nb::cast<nb::dict>(v["memory"]);
  params.dram.size_bytes = static_cast<uint64_t>(integer(memory, "size_mib")) << 20;
  params.dram.latency_fs = femtoseconds(real(memory, "latency_ns"));
  params.dram.line_fs =
      femtoseconds(params.caches.l2.line_bytes / real(memory, "bandwidth_gb_per_s"));
  params.dram.row_lines = integer(memory, "row_bytes") / params.caches.l2.line_bytes;
  params.dram.banks = integer(memory, "banks");
  params.dram.activate_fs = femtoseconds(real(memory, "activate_ns"));
  params.dram.precharge_fs = femtoseconds(real(memory, "precharge_ns"));
  params.dram.row_open_fs = femtoseconds(real(memory, "row_open_ns"));
  params.dram.same_bank_fs = femtoseconds(real(memory, "same_bank_ns"));
  params.dram.turnaround_fs = femtoseconds(real(memory, "turnaround_ns"));
  params.dram.refresh_interval_fs = femtoseconds(real(memory, "refresh_interval_ns"));
  params.dram.refresh_fs = femtoseconds(real(memory, "refresh_ns"));
  const auto attach = nb::cast<nb::dict>(v["attach"]);
  params.dma = dma_path(nb::cast<std::string>(attach["point"]) == "core", params);
  params.attach.load_fs = femtoseconds(real(attach, "load_latency_ns"));
  params.attach.store_fs = femtoseconds(real(attach, "store_latency_ns"));
  params.attach.store_extra_beat_fs = femtoseconds(real(attach, "extra_beat_ns"));
  params.attach.load_extra_beat_fs = attach["load_extra_beat_ns"].is_none()
                                         ? params.attach.store_extra_beat_fs
                                         : femtoseconds(real(attach, "load_extra_beat_ns"));
  params.tiles = nb::cast<size_t>(v["tiles"]);
  const auto tile = nb::cast<nb::dict>(v["tile"]);
  params.tile.rows = nb::cast<uint32_t>(tile["rows"]);
  params.tile.columns = nb::cast<uint32_t>(tile["columns"]);
  params.tile.dac_bits = integer(tile, "dac_bits");
  params.tile.adc_bits = integer(tile, "adc_bits");
  params.tile.dac_latency_ns = real(tile, "dac_latency_ns");
  params.tile.crossbar_latency_ns = real(tile, "crossbar_latency_ns");
  params.tile.adc_latency_ns = real(tile, "adc_latency_ns");
  params.tile.program_row_latency_ns = real(tile, "program_row_latency_ns");
  params.tile.io_bandwidth_gb_per_s = real(tile, "io_bandwidth_gb_per_s");
  params.tile.double_buffer = nb::cast<bool>(tile["double_buffer"]);
  params.tile.dma = nb::cast<std::string>(tile["io"]) == "dma";
  params.tile.dma_bandwidth_gb_per_s = real(attach, "dma_bandwidth_gb_per_s");
  params.tile.noise = nb::cast<bool>(tile["noise"]);
  params.tile.output_noise_lsb = real(tile, "output_noise_lsb");
  params.tile.read_noise_lsb = real(tile, "read_noise_lsb");
  params.tile.seed = nb::cast<uint64_t>(tile["seed"]);
  return params;
}

std::vector<Image::Range> ranges(const nb::list& pairs) {
  std::vector<Image::Range> out;
  for (nb::handle item : pairs) {
    const auto pair = nb::cast<nb::tuple>(item);
    out.push_back({nb::cast<uint64_t>(pair[0]), nb::cast<uint64_t>(pair[1])});
  }
  return out;
}

Image image_of(const nb::list& pieces, const nb::list& code, const nb::list& writable,
               uint64_t entry) {
  Image image;
  image.code = ranges(code);
  image.writable = ranges(writable);
  image.entry = entry;
  for (nb::handle item : pieces) {
    const auto piece = nb::cast<nb::tuple>(item);
    const auto bytes = nb::cast<nb::bytes>(piece[1]);
    image.pieces.push_back(
        {nb::cast<uint64_t>(piece[0]), std::string(bytes.c_str(), bytes.size())});
  }
  return image;
}

nb::dict event_dict(const Events& events) {
  nb::dict out;
  for (int i = 0; i < kEvents; ++i) {
    out[kEventNames[static_cast<size_t>(i)]] = events[static_cast<size_t>(i)];
  }
  return out;
}

const char* ending_name(Ending ending) {
  switch (ending) {
    case Ending::kExit:
      return "exit";
    case Ending::kFault:
      return "fault";
    case Ending::kTimeout:
      return "timeout";
    case Ending::kTooLong:
      return "too long";
    case Ending::kLimit:
      return "limit";
    case Ending::kInterrupted:
      return "interrupted";
    default:
      return "internal";
  }
}

nb::dict run(const std::string& library, const nb::dict& system, const nb::list& pieces,
             const nb::list& code, const nb::list& writable, uint64_t entry, double timeout_s,
             uint64_t instruction_limit, bool self_check, const nb::object& progress) {
  const SystemParams params = system_params(system);
  const Image image = image_of(pieces, code, writable, entry);
  Outcome outcome;
  bool raised = false;
  {
    nb::gil_scoped_release release;
    const UnicornApi api(library);
    Machine machine(api, params, image);
    if (self_check) machine.check_itself();
    const Watch watch = [&raised, &progress](uint64_t instructions, Femtoseconds simulated) {
      nb::gil_scoped_acquire acquire;
      if (PyErr_CheckSignals() != 0) {
        raised = true;
        return false;
      }
      if (progress.is_none()) return true;
      PyObject* result =
          PyObject_CallFunction(progress.ptr(), "Kd", static_cast<unsigned long long>(instructions),
                                static_cast<double>(simulated) * 1e-6);
      raised = result == nullptr;
      Py_XDECREF(result);
      return !raised;
    };
    outcome = machine.run({timeout_s, instruction_limit}, watch);
  }
  if (raised) throw nb::python_error();
  nb::dict regions;
  for (const auto& [id, totals] : outcome.regions) {
    regions[nb::int_(id)] = nb::make_tuple(totals.visits, event_dict(totals.events));
  }
  nb::dict out;
  out["ending"] = ending_name(outcome.ending);
  out["message"] = outcome.message;
  out["pc"] = outcome.pc;
  out["exit_code"] = outcome.exit_code;
  out["open_region"] = outcome.open_region;
  out["console"] = nb::bytes(outcome.console.data(), outcome.console.size());
  out["instructions"] = outcome.instructions;
  out["polls"] = outcome.polls;
  out["simulated_fs"] = outcome.simulated_fs;
  out["period_fs"] = params.core.period_fs;
  out["events"] = event_dict(outcome.events);
  out["regions"] = regions;
  return out;
}

nb::dict decode_word(uint32_t word, uint64_t pc) {
  const Instruction insn = decode(word, pc);
  nb::list sources;
  nb::list destinations;
  for (int i = 0; i < insn.sources; ++i) sources.append(insn.src[static_cast<size_t>(i)]);
  for (int i = 0; i < insn.destinations; ++i) {
    destinations.append(insn.dst[static_cast<size_t>(i)]);
  }
  if (insn.writes_flags) destinations.append(kRegFlags);
  if (insn.is_memory() && insn.memory.writeback != Writeback::kNone) {
    destinations.append(insn.memory.base);
  }
  nb::dict out;
  out["op_class"] = static_cast<int>(insn.op_class);
  out["branch"] = static_cast<int>(insn.branch);
  out["sources"] = sources;
  out["destinations"] = destinations;
  out["load"] = insn.is_load();
  out["store"] = insn.is_store();
  out["bytes"] = insn.memory.bytes;
  out["target"] = insn.target;
  return out;
}

// `registers`: X0..X30, SP, then NZCV in bits [3:0]; returns them after the instruction, or None.
nb::object evaluate_word(uint32_t word, uint64_t pc, const std::vector<uint64_t>& registers) {
  if (registers.size() != 33) throw std::invalid_argument("33 registers");
  const std::optional<IntegerOp> op = decode_integer(word, pc);
  if (!op) return nb::none();
  EvalRegisters values{};
  for (size_t i = 0; i < 32; ++i) values[i] = registers[i];
  values[kEvalFlags] = registers[32];
  evaluate(*op, values);
  std::vector<uint64_t> result(values.begin(), values.begin() + 32);
  result.push_back(values[kEvalFlags]);
  return nb::cast(result);
}

}  // namespace

NB_MODULE(_engine, module) {
  module.doc() = "Timing model over the unicorn emulator; see docs/embedded-engine.md.";
  nb::list events;
  for (const char* name : kEventNames) events.append(name);
  module.attr("EVENTS") = nb::tuple(events);
  module.def("run", &run, "library"_a, "system"_a, "pieces"_a, "code"_a, "writable"_a, "entry"_a,
             "timeout_s"_a, "instruction_limit"_a, "self_check"_a, "progress"_a.none());
  module.def("count_instructions", &count_instructions, "library"_a, "pieces"_a, "entry"_a,
             "dram_base"_a, "dram_bytes"_a, "devices"_a, "hooks"_a);
  module.def("decode", &decode_word, "word"_a, "pc"_a = 0);
  module.def("evaluate", &evaluate_word, "word"_a, "pc"_a, "registers"_a);
}

}  // namespace aimc::embedded
