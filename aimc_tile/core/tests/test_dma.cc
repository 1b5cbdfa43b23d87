#include <algorithm>
#include <deque>
#include <vector>

#include "aimc_tile/core/tests/check.hh"
#include "aimc_tile/core/tests/dma_rig.hh"
#include "aimc_tile/core/tests/rig.hh"

using aimc::Picoseconds;
using aimc_test::buffered;
using aimc_test::kFirst;
using aimc_test::kMemoryBase;
using aimc_test::kMultiplier;
using aimc_test::kSecond;
using aimc_test::kShift;
using aimc_test::Random;
using aimc_test::randomize;
using aimc_test::Rig;
using aimc_test::small_descriptor;
using aimc_test::stored;

TEST(dma_convolution_with_padding_and_a_cut) {
  for (const bool double_buffer : {false, true}) {
    Rig rig(buffered(double_buffer));
    rig.program_random(40, kMultiplier, kShift);
    randomize(&rig, 41);
    aimc_descriptor d = small_descriptor();
    for (d.oy = 0; d.oy < 8; ++d.oy) {  // the first and the last row are padded
      rig.queue(kFirst, d);
      CHECK(rig.get(AIMC_REG_STATUS) & AIMC_STATUS_DMA_BUSY);
      rig.settle();
      CHECK(stored(&rig, d));
      CHECK_EQUAL(rig.get(AIMC_REG_DMA_DONE), d.oy + 1u);
    }
    CHECK_EQUAL(rig.get(AIMC_REG_MVM_COUNT), 48u);
    CHECK_EQUAL(rig.tile.statistics().mvms, 48u);
    CHECK_EQUAL(rig.tile.statistics().dma_descriptors, 8u);
    CHECK_EQUAL(rig.tile.statistics().bytes_out, 48u * 11);
    CHECK_EQUAL(rig.take_error(), 0u);
  }
}

TEST(dma_convolutions_of_all_shapes) {
  Random random(42);
  for (int trial = 0; trial < 300; ++trial) {
    aimc::TileParams params = buffered(random.below(2) != 0);
    params.adc_bits = random.below(2) != 0 ? 8 : 14;
    Rig rig(params);
    rig.program_random(trial, kMultiplier, kShift);
    randomize(&rig, trial);
    aimc_descriptor d = small_descriptor();
    d.in_channels = random.between(1, 9);
    d.in_height = static_cast<uint16_t>(random.between(1, 9));
    d.in_width = static_cast<uint16_t>(random.between(1, 9));
    d.kernel_h = static_cast<uint8_t>(random.between(1, 4));
    d.kernel_w = static_cast<uint8_t>(random.between(1, 4));
    d.stride_y = static_cast<uint8_t>(random.between(1, 3));
    d.stride_x = static_cast<uint8_t>(random.between(1, 3));
    d.dilation_y = static_cast<uint8_t>(random.between(1, 3));
    d.dilation_x = static_cast<uint8_t>(random.between(1, 3));
    d.pad_top = static_cast<uint8_t>(random.below(4));
    d.pad_left = static_cast<uint8_t>(random.below(4));
    d.oy = static_cast<uint16_t>(random.below(4));
    d.ox0 = static_cast<uint16_t>(random.below(4));
    d.count = static_cast<uint16_t>(random.between(1, 9));
    d.row_count = static_cast<uint16_t>(random.between(1, 4));
    const uint32_t elements = d.in_channels * d.kernel_h * d.kernel_w;
    d.k0 = random.below(elements);
    d.k_len = std::min(16u, random.between(1, elements - d.k0));
    d.columns = random.between(1, 16);
    rig.queue(kFirst, d);
    rig.settle();
    CHECK(stored(&rig, d));
    CHECK_EQUAL(rig.take_error(), 0u);
    CHECK_EQUAL(rig.get(AIMC_REG_DMA_PIXELS), aimc::pixel_count(d));
  }
}

TEST(dma_rectangle_equals_its_rows) {
  for (const bool double_buffer : {false, true}) {
    aimc_descriptor d = small_descriptor();
    d.ox0 = 1;
    d.count = 4;
    Rig whole(buffered(double_buffer)), by_rows(buffered(double_buffer));
    for (Rig* rig : {&whole, &by_rows}) {
      rig->program_random(70, kMultiplier, kShift);
      randomize(rig, 71);
    }
    for (d.oy = 2; d.oy < 5; ++d.oy, d.out_base += 4 * d.out_stride) {
      by_rows.queue(kFirst, d);
      by_rows.settle();
    }
    d.oy = 2;
    d.row_count = 3;
    d.out_base -= 12 * d.out_stride;
    aimc::encode_descriptor(d, by_rows.memory.at(kFirst));
    whole.queue(kFirst, d);
    whole.settle();
    CHECK(whole.memory.bytes == by_rows.memory.bytes);
    CHECK_EQUAL(whole.get(AIMC_REG_DMA_DONE), 1u);
    CHECK_EQUAL(by_rows.get(AIMC_REG_DMA_DONE), 3u);
    CHECK_EQUAL(whole.get(AIMC_REG_DMA_PIXELS), by_rows.get(AIMC_REG_DMA_PIXELS));
  }
}

TEST(dma_pixels_are_counted_when_their_codes_are_in_memory) {
  for (const bool double_buffer : {false, true}) {
    Rig rig(buffered(double_buffer));
    rig.program_random(72, kMultiplier, kShift);
    randomize(&rig, 73);
    aimc_descriptor d = small_descriptor(), rest = small_descriptor();
    d.row_count = 2;
    rest.out_base += 0x1000;
    rig.queue(kFirst, d);
    rig.queue(kSecond, rest);
    uint32_t seen = 0;
    while (rig.tile.next_event_ps() != aimc::kNever) {
      rig.tile.advance(rig.now = std::max(rig.now, rig.tile.next_event_ps()));
      const uint32_t pixels = rig.get(AIMC_REG_DMA_PIXELS);
      CHECK(pixels == seen || pixels == seen + 1);
      if (pixels == seen) continue;
      seen = pixels;
      CHECK(stored(&rig, d, std::min(pixels, 12u)));
      if (pixels > 12) CHECK(stored(&rig, rest, pixels - 12));
      CHECK_EQUAL(rig.get(AIMC_REG_DMA_DONE), pixels < 12 ? 0u : pixels < 18 ? 1u : 2u);
    }
    CHECK_EQUAL(seen, 18u);
    rig.put(AIMC_REG_CONTROL, AIMC_CONTROL_RESET);
    CHECK_EQUAL(rig.get(AIMC_REG_DMA_PIXELS), 0u);
  }
}

TEST(dma_queue_takes_two_and_runs_them_in_order) {
  for (const bool double_buffer : {false, true}) {
    Rig rig(buffered(double_buffer));
    rig.program_random(43, kMultiplier, kShift);
    randomize(&rig, 44);
    aimc_descriptor first = small_descriptor(), second = small_descriptor();
    first.count = 3;
    second.oy = 4;
    second.out_base += 0x1000;
    rig.queue(kFirst, first);
    CHECK(rig.get(AIMC_REG_STATUS) & AIMC_STATUS_DMA_READY);
    rig.queue(kSecond, second);
    CHECK_EQUAL(rig.get(AIMC_REG_STATUS) & AIMC_STATUS_DMA_READY, 0u);
    rig.put64(AIMC_REG_DESCRIPTOR, kFirst);
    CHECK_EQUAL(rig.take_error(), AIMC_ERROR_BUSY);
    rig.settle();
    CHECK(stored(&rig, first));
    CHECK(stored(&rig, second));
    CHECK_EQUAL(rig.get(AIMC_REG_DMA_DONE), 2u);
    CHECK_EQUAL(rig.get(AIMC_REG_STATUS), AIMC_STATUS_IN_READY | AIMC_STATUS_DMA_READY);
  }
}

TEST(dma_queue_is_fed_while_it_runs) {
  for (const bool double_buffer : {false, true}) {
    Rig rig(buffered(double_buffer));
    rig.program_random(59, kMultiplier, kShift);
    randomize(&rig, 60);
    uint32_t queued = 0;
    aimc_descriptor d = small_descriptor();
    for (int step = 0; step < 1000 && rig.get(AIMC_REG_DMA_DONE) < 8; ++step) {
      const bool ready = (rig.get(AIMC_REG_STATUS) & AIMC_STATUS_DMA_READY) != 0;
      CHECK_EQUAL(ready, queued - rig.get(AIMC_REG_DMA_DONE) < 2);
      if (ready && queued < 8) {
        d.oy = static_cast<uint16_t>(queued);
        d.out_base = kMemoryBase + 0x4000 + queued * 0x100;
        rig.queue(kFirst + 64 * queued++, d);
      }
      rig.now += 61000;
    }
    CHECK_EQUAL(rig.get(AIMC_REG_DMA_DONE), 8u);
    for (d.oy = 0; d.oy < 8; ++d.oy) {
      d.out_base = kMemoryBase + 0x4000 + d.oy * 0x100;
      CHECK(stored(&rig, d));
    }
    CHECK_EQUAL(rig.take_error(), 0u);
  }
}

TEST(dma_and_programmed_io_exclude_each_other) {
  Rig rig(buffered(true));
  const int8_t x = 1;
  rig.queue(kFirst, small_descriptor());
  rig.tile.write(rig.now, AIMC_WINDOW_IN, 1, &x);
  CHECK_EQUAL(rig.take_error(), AIMC_ERROR_BUSY);
  rig.put(AIMC_REG_CONTROL, AIMC_CONTROL_START);
  CHECK_EQUAL(rig.take_error(), AIMC_ERROR_BUSY);
  rig.put(AIMC_REG_NOISE_EPOCH, 1);
  CHECK_EQUAL(rig.take_error(), AIMC_ERROR_BUSY);
  rig.put(AIMC_REG_CONTROL, AIMC_CONTROL_POP);
  CHECK_EQUAL(rig.take_error(), AIMC_ERROR_EMPTY);
  rig.settle();

  rig.tile.write(rig.now, AIMC_WINDOW_IN, 1, &x);  // written, not started
  CHECK_EQUAL(rig.get(AIMC_REG_STATUS), AIMC_STATUS_IN_READY);
  rig.put64(AIMC_REG_DESCRIPTOR, kFirst);
  CHECK_EQUAL(rig.take_error(), AIMC_ERROR_BUSY);
  rig.put(AIMC_REG_CONTROL, AIMC_CONTROL_START);
  rig.put64(AIMC_REG_DESCRIPTOR, kFirst);
  CHECK_EQUAL(rig.take_error(), AIMC_ERROR_BUSY);
  rig.settle();
  rig.put64(AIMC_REG_DESCRIPTOR, kFirst);  // an output is left
  CHECK_EQUAL(rig.take_error(), AIMC_ERROR_BUSY);
  rig.put(AIMC_REG_CONTROL, AIMC_CONTROL_POP);
  rig.put64(AIMC_REG_DESCRIPTOR, kFirst);
  CHECK_EQUAL(rig.take_error(), 0u);
  rig.settle();
  CHECK_EQUAL(rig.get(AIMC_REG_DMA_DONE), 2u);
}

TEST(dma_bad_descriptors_complete_with_an_error) {
  for (const bool double_buffer : {false, true}) {
    Rig rig(buffered(double_buffer));
    rig.program_random(51, kMultiplier, kShift);
    randomize(&rig, 52);
    aimc_descriptor bad = small_descriptor(), wide = small_descriptor();
    bad.stride_x = 0;
    wide.columns = 17;
    rig.queue(kFirst, bad);
    rig.queue(kSecond, small_descriptor());
    rig.settle();
    CHECK_EQUAL(rig.take_error(), AIMC_ERROR_DESCRIPTOR);
    CHECK_EQUAL(rig.get(AIMC_REG_DMA_DONE), 2u);
    CHECK(stored(&rig, small_descriptor()));  // the good one behind it ran

    rig.queue(kFirst, wide);
    rig.settle();
    CHECK_EQUAL(rig.take_error(), AIMC_ERROR_GEOMETRY);
    rig.put64(AIMC_REG_DESCRIPTOR, kFirst + 4);
    CHECK_EQUAL(rig.take_error(), AIMC_ERROR_DESCRIPTOR);
    CHECK_EQUAL(rig.get(AIMC_REG_STATUS) & AIMC_STATUS_DMA_BUSY, 0u);
    rig.put64(AIMC_REG_DESCRIPTOR, 0x1000);
    rig.settle();
    CHECK_EQUAL(rig.take_error(), AIMC_ERROR_BUS);
    CHECK_EQUAL(rig.get(AIMC_REG_DMA_DONE), 4u);
  }
}

TEST(dma_leaving_memory_ends_the_descriptor) {
  for (const bool double_buffer : {false, true}) {
    Rig rig(buffered(double_buffer));
    rig.program_random(53, kMultiplier, kShift);
    randomize(&rig, 54);
    // A map that ends 3 pixels before its width says.
    aimc_descriptor d = small_descriptor();
    d.kernel_h = d.kernel_w = 1;
    d.pad_top = d.pad_left = 0;
    d.in_channels = 16;
    d.k0 = 0;
    d.in_height = 1;
    d.in_base = kMemoryBase + rig.memory.bytes.size() - 3 * 16;
    rig.queue(kFirst, d);
    aimc_descriptor good = small_descriptor();
    good.out_base += 0x1000;
    rig.queue(kSecond, good);
    rig.settle();
    CHECK_EQUAL(rig.take_error(), AIMC_ERROR_BUS);
    CHECK_EQUAL(rig.get(AIMC_REG_DMA_DONE), 2u);
    CHECK_EQUAL(rig.tile.statistics().errors_by_kind[6], 1u);
    CHECK_EQUAL(rig.get(AIMC_REG_MVM_COUNT), 3u + 6u);
    CHECK_EQUAL(rig.get(AIMC_REG_DMA_PIXELS), 3u + 6u);
    d.count = 3;  // what was gathered is stored
    CHECK(stored(&rig, d));
    CHECK(stored(&rig, good));

    d = small_descriptor();  // the third pixel's codes have nowhere to go
    d.out_base = kMemoryBase + rig.memory.bytes.size() - 2 * d.out_stride;
    rig.queue(kFirst, d);
    rig.settle();
    CHECK(rig.take_error() == AIMC_ERROR_BUS);
    CHECK_EQUAL(rig.get(AIMC_REG_DMA_DONE), 3u);
    CHECK_EQUAL(rig.get(AIMC_REG_STATUS), AIMC_STATUS_IN_READY | AIMC_STATUS_DMA_READY);
    CHECK_EQUAL(rig.get(AIMC_REG_DMA_PIXELS), 9u + 2u);
    d.count = 2;
    CHECK(stored(&rig, d));
  }
}

TEST(dma_completion_means_that_nothing_is_on_its_way) {
  // The second pixel's store fails while later pixels are gathered and converted.
  for (const double latency_ns : {1, 20, 50, 90, 200}) {
    aimc::TileParams params = buffered(true);
    params.dma_latency_ns = latency_ns;
    Rig rig(params);
    aimc_descriptor d = small_descriptor();
    d.out_base = kMemoryBase + rig.memory.bytes.size() - d.out_stride;
    rig.queue(kFirst, d);
    while (rig.get(AIMC_REG_DMA_DONE) == 0) rig.tile.advance(rig.now += 500);
    CHECK(!rig.tile.converting());
    CHECK(!rig.tile.transferring());
    CHECK_EQUAL(rig.tile.next_event_ps(), aimc::kNever);
    CHECK_EQUAL(rig.get(AIMC_REG_STATUS) & AIMC_STATUS_BUSY, 0u);
    CHECK(rig.take_error() == AIMC_ERROR_BUS);
  }
}

TEST(dma_reset_in_every_phase_leaves_a_working_tile) {
  for (Picoseconds at = 0; at < 1500000; at += 7000) {
    Rig rig(buffered(true));
    rig.program_random(55, kMultiplier, kShift);
    randomize(&rig, 56);
    rig.queue(kFirst, small_descriptor());
    rig.queue(kSecond, small_descriptor());
    rig.now += at;
    rig.put(AIMC_REG_CONTROL, AIMC_CONTROL_RESET);
    CHECK_EQUAL(rig.get(AIMC_REG_STATUS), AIMC_STATUS_IN_READY | AIMC_STATUS_DMA_READY);
    CHECK_EQUAL(rig.get(AIMC_REG_DMA_DONE), 0u);
    CHECK_EQUAL(rig.tile.next_event_ps(), aimc::kNever);
    aimc_descriptor d = small_descriptor();
    d.oy = 5;
    rig.queue(kFirst, d);
    rig.settle();
    CHECK(stored(&rig, d));
    CHECK_EQUAL(rig.take_error(), 0u);
  }
}

namespace {

// A host that performs the memory traffic itself, answering after `delay`, newest first.
struct EventHost {
  EventHost(const aimc::TileParams& params, Rig* rig) : tile(params), rig(rig) {}

  void run(Picoseconds delay) {
    struct Pending {
      Picoseconds at;
      aimc::DmaRequest request;
      std::vector<uint8_t> data;
    };
    std::deque<Pending> pending;
    Picoseconds now = tile.now_ps();
    for (;;) {
      for (aimc::DmaRequest request; tile.take_dma_request(&request);) {
        Pending added{now + delay, request, {}};
        if (request.is_write) added.data.assign(request.data, request.data + request.size);
        pending.push_front(added);
      }
      if (pending.empty() && tile.next_event_ps() == aimc::kNever) return;
      if (!pending.empty() && pending.front().at <= tile.next_event_ps()) {
        Pending done = pending.front();
        pending.pop_front();
        now = std::max(now, done.at);
        bool ok;
        if (done.request.is_write) {
          ok = rig->memory.write(done.request.address, done.data.data(), done.request.size);
        } else {
          done.data.resize(done.request.size);
          ok = rig->memory.read(done.request.address, done.data.data(), done.request.size);
        }
        tile.complete_dma(now, done.request, ok, done.data.data());
      } else {
        now = tile.next_event_ps();
        tile.advance(now);
      }
    }
  }

  aimc::Tile tile;
  Rig* rig;
};

}  // namespace

TEST(dma_by_the_host_gives_the_same_bytes) {
  for (const bool double_buffer : {false, true}) {
    const aimc::TileParams params = buffered(double_buffer);
    Rig rig(params);
    rig.program_random(57, kMultiplier, kShift);
    randomize(&rig, 58);
    EventHost host(params, &rig);
    host.tile.restore(rig.tile.save());
    aimc_descriptor first = small_descriptor(), second = small_descriptor();
    first.dilation_x = 2;
    second.oy = 7;
    second.out_base += 0x1000;
    aimc::encode_descriptor(first, rig.memory.at(kFirst));
    aimc::encode_descriptor(second, rig.memory.at(kSecond));
    for (const uint64_t address : {kFirst, kSecond}) {
      uint8_t bytes[8];
      aimc::store_le(bytes, address);
      host.tile.write(rig.now, AIMC_REG_DESCRIPTOR, 8, bytes);
    }
    host.run(33000);
    CHECK(stored(&rig, first));
    CHECK(stored(&rig, second));
    CHECK_EQUAL(host.tile.statistics().dma_descriptors, 2u);
    CHECK_EQUAL(host.tile.statistics().guest_errors, 0u);

    // A failing access is the guest's mistake here too; a void answer is ignored.
    aimc_descriptor outside = small_descriptor();
    outside.in_base = 0x1000;
    aimc::encode_descriptor(outside, rig.memory.at(kFirst));
    uint8_t bytes[8];
    aimc::store_le(bytes, kFirst);
    host.tile.write(host.tile.now_ps(), AIMC_REG_DESCRIPTOR, 8, bytes);
    host.run(33000);
    CHECK_EQUAL(host.tile.statistics().errors_by_kind[6], 1u);
    CHECK_EQUAL(host.tile.statistics().dma_descriptors, 3u);

    host.tile.write(host.tile.now_ps(), AIMC_REG_DESCRIPTOR, 8, bytes);
    aimc::DmaRequest request;
    CHECK(host.tile.take_dma_request(&request));
    const uint8_t reset[4] = {AIMC_CONTROL_RESET};
    host.tile.write(host.tile.now_ps(), AIMC_REG_CONTROL, 4, reset);
    host.tile.complete_dma(host.tile.now_ps(), request, true, rig.memory.at(kFirst));
    CHECK_EQUAL(host.tile.status(), AIMC_STATUS_IN_READY | AIMC_STATUS_DMA_READY);
  }
}
