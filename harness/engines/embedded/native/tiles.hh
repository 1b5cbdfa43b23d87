// The tiles of a system, constructed when they are first used.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_TILES_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_TILES_HH_

#include <memory>
#include <vector>

#include "aimc_tile/core/tile.hh"
#include "events.hh"

namespace aimc::embedded {

class Tiles {
 public:
  Tiles(size_t count, const TileParams& params) : params_(params), tiles_(count) {
    params.validate();
  }

  size_t size() const { return tiles_.size(); }

  Tile& operator[](size_t index) {
    if (!tiles_[index]) {
      TileParams params = params_;
      params.tile = static_cast<uint32_t>(index);
      tiles_[index] = std::make_unique<Tile>(params);
    }
    return *tiles_[index];
  }

  // Counts `reads` register reads that were skipped.
  void add_reads(uint64_t reads) { added_reads_ += reads; }

  // Sets the tile events to their sums over all tiles as of `now`.
  void count(Picoseconds now, Events& events) {
    for (int event = kFirstTileEvent; event < kEvents; ++event) events[event] = 0;
    events[kTile_device_reads] = added_reads_;
    for (const std::unique_ptr<Tile>& tile : tiles_) {
      if (!tile) continue;
      tile->advance(now);
      const Statistics& s = tile->statistics();
#define AIMC_ADD(use, name, gem5Name, Unit, what) AIMC_IF_##use(events[kTile_##name] += s.name;)
      AIMC_TILE_COUNTS(AIMC_ADD)
      AIMC_TILE_TIMES(AIMC_ADD)
#undef AIMC_ADD
    }
  }

 private:
  TileParams params_;
  std::vector<std::unique_ptr<Tile>> tiles_;
  uint64_t added_reads_ = 0;
};

}  // namespace aimc::embedded

#endif
