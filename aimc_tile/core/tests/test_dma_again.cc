// CONTROL.AGAIN: the descriptor that the tile holds, once more.
#include "aimc_tile/core/tests/check.hh"
#include "aimc_tile/core/tests/dma_rig.hh"
#include "aimc_tile/core/tests/rig.hh"

using aimc_test::aligned_descriptor;
using aimc_test::buffered;
using aimc_test::kFirst;
using aimc_test::kMemoryBase;
using aimc_test::kMultiplier;
using aimc_test::kSecond;
using aimc_test::kShift;
using aimc_test::randomize;
using aimc_test::Rig;
using aimc_test::small_descriptor;
using aimc_test::stored;

namespace {

void again(Rig* rig) { rig->put(AIMC_REG_CONTROL, AIMC_CONTROL_AGAIN); }

}  // namespace

TEST(dma_again_runs_what_the_tile_holds_on_other_inputs) {
  for (const bool double_buffer : {false, true}) {
    Rig rig(buffered(double_buffer));
    rig.program_random(70, kMultiplier, kShift);
    const aimc_descriptor d = small_descriptor();
    const uint32_t pixels = aimc::pixel_count(d);
    randomize(&rig, 71);
    const uint64_t before = rig.tile.statistics().bytes_in;
    rig.queue(kFirst, d);
    rig.settle();
    const uint64_t patches = rig.tile.statistics().bytes_in - before - sizeof d;
    for (uint32_t time = 2; time <= 4; ++time) {
      randomize(&rig, 70 + time);
      *rig.memory.at(kFirst + 16) ^= 0xff;  // the one in memory may be anything by now
      again(&rig);
      CHECK(rig.get(AIMC_REG_STATUS) & AIMC_STATUS_DMA_BUSY);
      rig.settle();
      CHECK(stored(&rig, d));
      CHECK_EQUAL(rig.get(AIMC_REG_DMA_DONE), time);
      CHECK_EQUAL(rig.get(AIMC_REG_DMA_PIXELS), time * pixels);
      CHECK_EQUAL(rig.get(AIMC_REG_MVM_COUNT), time * pixels);
      CHECK_EQUAL(rig.tile.statistics().bytes_in, before + sizeof d + time * patches);
    }
    CHECK_EQUAL(rig.take_error(), 0u);
  }
}

TEST(dma_again_saves_the_fetch) {
  aimc::TileParams params = buffered(true);
  params.rows = 64;
  Rig rig(params);
  rig.queue(kFirst, aligned_descriptor(1));
  rig.settle();
  const aimc::Picoseconds start = rig.now;
  again(&rig);
  rig.settle();
  CHECK_EQUAL(rig.now - start, 66000u + 60000u + 54000u);  // gather, MVM, store
}

TEST(dma_again_takes_the_last_of_two_and_queues_behind_it) {
  for (const bool double_buffer : {false, true}) {
    Rig rig(buffered(double_buffer));
    rig.program_random(72, kMultiplier, kShift);
    aimc_descriptor first = small_descriptor(), second = small_descriptor();
    second.oy = 4;
    second.out_base += 0x1000;
    rig.queue(kFirst, first);
    rig.queue(kSecond, second);
    again(&rig);  // no slot
    CHECK_EQUAL(rig.take_error(), AIMC_ERROR_BUSY);
    while (rig.get(AIMC_REG_DMA_DONE) == 0) rig.tile.advance(rig.now += 500);
    while (rig.get(AIMC_REG_DMA_PIXELS) < aimc::pixel_count(first) + 2)
      rig.tile.advance(rig.now += 500);
    again(&rig);  // while the second one runs
    CHECK_EQUAL(rig.take_error(), 0u);
    again(&rig);
    CHECK_EQUAL(rig.take_error(), AIMC_ERROR_BUSY);
    rig.settle();
    CHECK_EQUAL(rig.get(AIMC_REG_DMA_DONE), 3u);
    CHECK(stored(&rig, second));
    CHECK_EQUAL(rig.get(AIMC_REG_DMA_PIXELS),
                aimc::pixel_count(first) + 2 * aimc::pixel_count(second));

    randomize(&rig, 73);
    again(&rig);
    again(&rig);
    rig.settle();
    CHECK_EQUAL(rig.take_error(), 0u);
    CHECK_EQUAL(rig.get(AIMC_REG_DMA_DONE), 5u);
    CHECK(stored(&rig, second));
  }
}

TEST(dma_again_without_a_descriptor_is_refused) {
  aimc::TileParams without = buffered(true);
  without.dma = false;
  Rig plain(without);
  again(&plain);
  CHECK_EQUAL(plain.take_error(), AIMC_ERROR_VALUE);

  Rig rig(buffered(true));
  again(&rig);  // none yet
  CHECK_EQUAL(rig.take_error(), AIMC_ERROR_DESCRIPTOR);
  rig.queue(kFirst, small_descriptor());
  again(&rig);  // it is being fetched
  CHECK_EQUAL(rig.take_error(), AIMC_ERROR_BUSY);
  rig.settle();
  again(&rig);
  rig.settle();
  CHECK_EQUAL(rig.take_error(), 0u);
  CHECK_EQUAL(rig.get(AIMC_REG_DMA_DONE), 2u);

  aimc_descriptor bad = small_descriptor();
  bad.stride_x = 0;
  rig.queue(kFirst, bad);
  rig.settle();
  CHECK_EQUAL(rig.take_error(), AIMC_ERROR_DESCRIPTOR);
  again(&rig);  // the last one was impossible
  CHECK_EQUAL(rig.take_error(), AIMC_ERROR_DESCRIPTOR);
  rig.put64(AIMC_REG_DESCRIPTOR, 0x1000);
  rig.settle();
  CHECK_EQUAL(rig.take_error(), AIMC_ERROR_BUS);
  again(&rig);  // it could not be fetched
  CHECK_EQUAL(rig.take_error(), AIMC_ERROR_DESCRIPTOR);

  rig.queue(kFirst, small_descriptor());
  rig.settle();
  rig.put(AIMC_REG_CONTROL, AIMC_CONTROL_RESET | AIMC_CONTROL_AGAIN);
  CHECK_EQUAL(rig.take_error(), AIMC_ERROR_DESCRIPTOR);
  CHECK_EQUAL(rig.get(AIMC_REG_STATUS), AIMC_STATUS_IN_READY | AIMC_STATUS_DMA_READY);

  const int8_t x = 1;
  rig.queue(kFirst, small_descriptor());
  rig.settle();
  rig.tile.write(rig.now, AIMC_WINDOW_IN, 1, &x);  // programmed I/O has begun
  again(&rig);
  CHECK_EQUAL(rig.take_error(), AIMC_ERROR_BUSY);
}

TEST(dma_again_after_a_failure_does_all_pixels) {
  Rig rig(buffered(true));
  rig.program_random(74, kMultiplier, kShift);
  randomize(&rig, 75);
  aimc_descriptor d = small_descriptor();  // the third pixel's codes have nowhere to go
  d.out_base = kMemoryBase + rig.memory.bytes.size() - 2 * d.out_stride;
  rig.queue(kFirst, d);
  rig.settle();
  CHECK_EQUAL(rig.take_error(), AIMC_ERROR_BUS);
  randomize(&rig, 76);
  again(&rig);
  rig.settle();
  CHECK_EQUAL(rig.take_error(), AIMC_ERROR_BUS);
  CHECK_EQUAL(rig.get(AIMC_REG_DMA_DONE), 2u);
  CHECK_EQUAL(rig.get(AIMC_REG_DMA_PIXELS), 2u + 2u);
  CHECK(stored(&rig, d, 2));
}

TEST(dma_again_after_a_checkpoint) {
  Rig rig(buffered(true));
  rig.program_random(77, kMultiplier, kShift);
  rig.queue(kFirst, small_descriptor());
  rig.settle();
  Rig restored(rig.tile.params());
  restored.tile.restore(rig.tile.save());
  restored.now = rig.now;
  restored.cells = rig.cells;
  randomize(&restored, 78);
  again(&restored);
  restored.settle();
  CHECK_EQUAL(restored.take_error(), 0u);
  CHECK(stored(&restored, small_descriptor()));
}
