// The Python module `_engine`.
#include <nanobind/nanobind.h>
#include <nanobind/stl/function.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "count_instructions.hh"
#include "machine.hh"
#include "read_system.hh"

namespace nb = nanobind;
using namespace nb::literals;

namespace aimc::embedded {

namespace {

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
  const SystemParams params = read_system({system, "system"});
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
