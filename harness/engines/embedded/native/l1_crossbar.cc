#include "l1_crossbar.hh"

#include "crossbar.hh"

namespace aimc::embedded {

L1Crossbar::Fill L1Crossbar::filled_at(Cycle given, Cycle l1_cycles) const {
  Fill fill;
  fill.critical = given + kL1CrossbarCycles + l1_cycles;
  fill.whole = fill.critical + line_bytes_ / kL1CrossbarBytes;
  return fill;
}

L1Crossbar::Fill L1Crossbar::fill(LineNumber line, uint64_t pc, Cycle asked, Cycle l1_cycles,
                                  MissKind kind) {
  catch_up(asked);
  const bool to_write = kind == MissKind::kStore;
  const Cycle at_crossbar = asked + l1_cycles + kL1CrossbarCycles;
  Cycle given = 0;
  bool shared = false;
  if (dma_.beside_l1()) {
    const Cache::Copy dma = dma_.snoop(line, to_write);
    const Cycle snooped = at_crossbar + (dma.present ? dma_.hit_cycles() : 0);
    given = dma.dirty ? snooped : l2_.access(line, pc, snooped, kind);
    shared = dma.present && !to_write;
  } else {
    given = l2_.access(line, pc, at_crossbar, kind);
  }
  Fill fill = filled_at(given, l1_cycles);
  fill.shared = shared || l2_.contains_shared(line);
  return fill;
}

Cycle L1Crossbar::upgrade(LineNumber line, Cycle asked, Cycle l1_cycles) {
  catch_up(asked);
  const Cycle at_crossbar = asked + l1_cycles + kL1CrossbarCycles;
  Cycle given = at_crossbar + l2_.hit_cycles();
  const Cache::Copy dma = dma_.beside_l1() ? dma_.snoop(line, true) : Cache::Copy{};
  if (dma.dirty) {
    given = at_crossbar + dma_.hit_cycles();
  } else if (!l2_.contains(line) || l2_.contains_shared(line)) {
    given = l2_.claim(line, given);
  }
  return given + kL1CrossbarCycles + l1_cycles;
}

}  // namespace aimc::embedded
