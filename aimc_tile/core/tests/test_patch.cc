#include <cstring>
#include <vector>

#include "aimc_tile/core/patch.hh"
#include "aimc_tile/core/tests/check.hh"
#include "aimc_tile/core/tests/reference.hh"
#include "aimc_tile/core/tests/rig.hh"

using aimc::check_descriptor;
using aimc_test::Random;

namespace {

// The patch put together from its runs.
std::vector<int8_t> gather(const aimc_descriptor& d, uint32_t pixel, aimc_test::Memory* memory) {
  std::vector<int8_t> rows;
  while (rows.size() < d.k_len) {
    const aimc::PatchRun run = aimc::patch_run(d, pixel, static_cast<uint32_t>(rows.size()));
    CHECK(run.length > 0);
    if (run.length == 0) break;
    for (uint32_t i = 0; i < run.length; ++i)
      rows.push_back(run.padding ? 0 : static_cast<int8_t>(*memory->at(run.address + i)));
  }
  CHECK_EQUAL(rows.size(), d.k_len);
  return rows;
}

aimc_descriptor random_descriptor(Random* random) {
  aimc_descriptor d = {};
  d.in_base = aimc_test::kMemoryBase + random->below(100);
  d.out_base = aimc_test::kMemoryBase;
  d.in_channels = random->between(1, 7);
  d.in_height = static_cast<uint16_t>(random->between(1, 9));
  d.in_width = static_cast<uint16_t>(random->between(1, 9));
  d.kernel_h = static_cast<uint8_t>(random->between(1, 5));
  d.kernel_w = static_cast<uint8_t>(random->between(1, 5));
  d.stride_y = static_cast<uint8_t>(random->between(1, 3));
  d.stride_x = static_cast<uint8_t>(random->between(1, 3));
  d.dilation_y = static_cast<uint8_t>(random->between(1, 3));
  d.dilation_x = static_cast<uint8_t>(random->between(1, 3));
  d.pad_top = static_cast<uint8_t>(random->below(6));
  d.pad_left = static_cast<uint8_t>(random->below(6));
  d.oy = static_cast<uint16_t>(random->below(9));
  d.ox0 = static_cast<uint16_t>(random->below(5));
  d.count = static_cast<uint16_t>(random->between(1, 9));
  d.row_count = static_cast<uint16_t>(random->between(1, 4));
  const uint32_t elements = d.in_channels * d.kernel_h * d.kernel_w;
  d.k0 = random->below(elements);
  d.k_len = random->between(1, elements - d.k0);
  d.columns = 1;
  d.out_stride = 1;
  return d;
}

}  // namespace

TEST(patch_runs_make_the_patch) {
  Random random(3);
  aimc_test::Memory memory(4096);
  for (uint8_t& byte : memory.bytes) byte = static_cast<uint8_t>(random.between(1, 255));
  for (int trial = 0; trial < 3000; ++trial) {
    const aimc_descriptor d = random_descriptor(&random);
    CHECK_EQUAL(check_descriptor(d, 256, 1, 1), 0u);
    const uint32_t pixel = random.below(aimc::pixel_count(d));
    CHECK(gather(d, pixel, &memory) == aimc_test::reference_patch(d, pixel, &memory));
  }
}

TEST(patch_rows_of_a_dense_kernel_are_one_run) {
  aimc_descriptor d = aimc_test::small_descriptor();
  d.k0 = 0;
  d.k_len = 45;
  d.oy = 2;
  d.ox0 = 2;
  for (uint32_t row = 0; row < 45; row += 15) {
    const aimc::PatchRun run = aimc::patch_run(d, 0, row);
    CHECK(!run.padding);
    CHECK_EQUAL(run.length, 15u);
    CHECK_EQUAL(run.address, d.in_base + ((1 + row / 15) * 6 + 1) * 5);
  }
}

TEST(patch_largest_fields_do_not_overflow) {
  aimc_descriptor d = {};
  d.in_base = 0;
  d.in_channels = 0xffffffffu;
  d.in_height = d.in_width = 255;
  d.kernel_h = d.kernel_w = 255;
  d.stride_x = d.stride_y = d.dilation_x = d.dilation_y = 255;
  d.oy = d.ox0 = 0xffff;
  d.count = d.row_count = 0xffff;
  d.k0 = 0xfffffff0u;
  d.k_len = 16;
  d.columns = 4096;
  d.out_stride = 0xfffffff0u;
  CHECK_EQUAL(check_descriptor(d, 16384, 4096, 1), 0u);
  CHECK(aimc::patch_run(d, 0xfffe, 0).padding);
  CHECK(aimc::patch_run(d, 0xfffe0000, 15).padding);
  d.pad_left = d.pad_top = 255;
  d.oy = d.ox0 = 0;
  CHECK(aimc::patch_run(d, 0, 15).padding);
}

TEST(patch_impossible_descriptors_are_refused) {
  const aimc_descriptor good = aimc_test::small_descriptor();
  CHECK_EQUAL(check_descriptor(good, 16, 16, 1), 0u);
  const auto expect = [&good](uint32_t error, auto change) {
    aimc_descriptor d = good;
    change(d);
    CHECK_EQUAL(check_descriptor(d, 16, 16, 2), error);
  };
  expect(0, [](aimc_descriptor&) {});
  expect(AIMC_ERROR_GEOMETRY, [](aimc_descriptor& d) { d.k_len = 0; });
  expect(AIMC_ERROR_GEOMETRY, [](aimc_descriptor& d) { d.k_len = 17; });
  expect(AIMC_ERROR_GEOMETRY, [](aimc_descriptor& d) { d.columns = 0; });
  expect(AIMC_ERROR_GEOMETRY, [](aimc_descriptor& d) { d.columns = 17; });
  expect(AIMC_ERROR_DESCRIPTOR, [](aimc_descriptor& d) { d.in_channels = 0; });
  expect(AIMC_ERROR_DESCRIPTOR, [](aimc_descriptor& d) { d.in_height = 0; });
  expect(AIMC_ERROR_DESCRIPTOR, [](aimc_descriptor& d) { d.in_width = 0; });
  expect(AIMC_ERROR_DESCRIPTOR, [](aimc_descriptor& d) { d.count = 0; });
  expect(AIMC_ERROR_DESCRIPTOR, [](aimc_descriptor& d) { d.row_count = 0; });
  expect(AIMC_ERROR_DESCRIPTOR, [](aimc_descriptor& d) { d.kernel_h = 0; });
  expect(AIMC_ERROR_DESCRIPTOR, [](aimc_descriptor& d) { d.kernel_w = 0; });
  expect(AIMC_ERROR_DESCRIPTOR, [](aimc_descriptor& d) { d.stride_y = 0; });
  expect(AIMC_ERROR_DESCRIPTOR, [](aimc_descriptor& d) { d.stride_x = 0; });
  expect(AIMC_ERROR_DESCRIPTOR, [](aimc_descriptor& d) { d.dilation_y = 0; });
  expect(AIMC_ERROR_DESCRIPTOR, [](aimc_descriptor& d) { d.dilation_x = 0; });
  expect(AIMC_ERROR_DESCRIPTOR, [](aimc_descriptor& d) { d.reserved0 = 1; });
  expect(AIMC_ERROR_DESCRIPTOR, [](aimc_descriptor& d) { d.reserved1 = 1; });
  expect(0, [](aimc_descriptor& d) { d.k0 = 45 - 16; });
  expect(AIMC_ERROR_DESCRIPTOR, [](aimc_descriptor& d) { d.k0 = 45 - 15; });
  expect(AIMC_ERROR_DESCRIPTOR, [](aimc_descriptor& d) { d.k0 = 0xfffffff0u; });
  expect(0, [](aimc_descriptor& d) { d.out_stride = 22; });
  expect(AIMC_ERROR_DESCRIPTOR, [](aimc_descriptor& d) { d.out_stride = 20; });
  expect(AIMC_ERROR_DESCRIPTOR, [](aimc_descriptor& d) { d.out_stride = 23; });
  expect(0, [](aimc_descriptor& d) { d.out_stride = 0, d.count = 1; });
  expect(AIMC_ERROR_DESCRIPTOR,
         [](aimc_descriptor& d) { d.out_stride = 20, d.count = 1, d.row_count = 2; });
  expect(AIMC_ERROR_DESCRIPTOR, [](aimc_descriptor& d) { d.out_base += 1; });
  expect(AIMC_ERROR_DESCRIPTOR, [](aimc_descriptor& d) { d.out_base = ~uint64_t{0} - 99; });
  expect(0, [](aimc_descriptor& d) { d.out_base = ~uint64_t{0} - 199; });
  expect(AIMC_ERROR_DESCRIPTOR,
         [](aimc_descriptor& d) { d.out_base = ~uint64_t{0} - 199, d.row_count = 2; });
  expect(AIMC_ERROR_DESCRIPTOR, [](aimc_descriptor& d) { d.in_base = ~uint64_t{0} - 99; });
  expect(AIMC_ERROR_DESCRIPTOR, [](aimc_descriptor& d) {
    d.in_channels = 0xffffffffu;
    d.in_height = d.in_width = 0xffff;
  });
}

TEST(patch_descriptor_keeps_its_bytes) {
  uint8_t bytes[aimc::kDescriptorBytes], again[aimc::kDescriptorBytes];
  for (uint32_t i = 0; i < sizeof(bytes); ++i) bytes[i] = static_cast<uint8_t>(37 * i + 1);
  aimc::encode_descriptor(aimc::decode_descriptor(bytes), again);
  CHECK(std::memcmp(bytes, again, sizeof(bytes)) == 0);
  CHECK_EQUAL(aimc::decode_descriptor(bytes).in_base & 0xff, 1u);
}
