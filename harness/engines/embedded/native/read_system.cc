#include "read_system.hh"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "clock.hh"
#include "harness/native/tile_params.hh"

namespace aimc::embedded {
namespace {

using native::Fields;

// Stages of the pipeline, in cycles: a line's way from the L1I to the stage that takes it; from a
// load's data to their use; from a line's use to issue and commit.
constexpr int kLineHandling = 1;
constexpr int kCommit = 1;
constexpr int kRefill = 4;

Femtoseconds femtoseconds(double nanoseconds) {
  return static_cast<Femtoseconds>(std::llround(nanoseconds * 1e6));
}

CacheParams read_cache(Fields fields) {
  CacheParams cache;
#define AIMC_READ(name) cache.name = fields.get<int>(#name);
  AIMC_EMBEDDED_CACHE(AIMC_READ)
#undef AIMC_READ
  cache.size_bytes = fields.get<int64_t>("size_kib") << 10;
  fields.refuse_others();
  return cache;
}

CachesParams read_caches(Fields fields) {
  CachesParams caches;
  caches.l1i = read_cache(fields.section("l1i"));
  caches.l1d = read_cache(fields.section("l1d"));
  caches.l2 = read_cache(fields.section("l2"));
  fields.refuse_others();
  return caches;
}

CoreParams read_core(Fields fields, const CachesParams& caches) {
  CoreParams core;
#define AIMC_READ(name) core.name = fields.get<int>(#name);
  AIMC_EMBEDDED_CORE(AIMC_READ)
#undef AIMC_READ
  core.period_fs = static_cast<Femtoseconds>(std::llround(1e6 / fields.get<double>("clock_ghz")));
  core.data_hit_cycles = caches.l1d.hit_latency_cycles;
  core.fetch_cycles = caches.l1i.hit_latency_cycles + kLineHandling;
  // What the caches and the stages in between do not account for.
  core.address_cycles =
      std::max(fields.get<int>("load_to_use_latency") - core.data_hit_cycles - kCommit, 1);
  core.branch_delay = std::max(
      fields.get<int>("branch_mispredict_penalty") - caches.l1i.hit_latency_cycles - kRefill, 1);
  fields.refuse_others();
  return core;
}

DramParams read_dram(Fields fields, int line_bytes) {
  DramParams dram;
#define AIMC_READ(name) dram.name##_fs = femtoseconds(fields.get<double>(#name "_ns"));
  AIMC_EMBEDDED_DRAM_TIMES(AIMC_READ)
#undef AIMC_READ
  dram.size_bytes = fields.get<uint64_t>("size_mib") << 20;
  dram.line_fs = femtoseconds(line_bytes / fields.get<double>("bandwidth_gb_per_s"));
  dram.row_lines = fields.get<int>("row_bytes") / line_bytes;
  dram.banks = fields.get<int>("banks");
  fields.refuse_others();
  return dram;
}

AccessParams read_access(Fields fields) {
  AccessParams access;
  access.time_fs = femtoseconds(fields.get<double>("latency_ns"));
  access.extra_beat_fs = femtoseconds(fields.get<double>("extra_beat_ns"));
  access.cycles = fields.get<int>("cycles");
  fields.refuse_others();
  return access;
}

AttachParams read_attach(Fields fields) {
  AttachParams attach;
  attach.through_caches = fields.get<bool>("through_caches");
  attach.load = read_access(fields.section("load"));
  attach.store = read_access(fields.section("store"));
  fields.refuse_others();
  return attach;
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

}  // namespace

SystemParams read_system(Fields fields) {
  SystemParams system;
  system.caches = read_caches(fields.section("caches"));
  system.core = read_core(fields.section("core"), system.caches);
  system.dram = read_dram(fields.section("memory"), system.caches.l2.line_bytes);
  system.attach = read_attach(fields.section("attach"));
  system.dma = dma_path(fields.get<bool>("tiles_beside_l1"), system);
  system.tiles = fields.get<uint32_t>("tiles");
  system.tile = native::tile_params(fields.section("tile"));
  fields.refuse_others();
  return system;
}

}  // namespace aimc::embedded
