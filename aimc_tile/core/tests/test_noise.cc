#include <cmath>
#include <vector>

#include "aimc_tile/core/noise.hh"
#include "aimc_tile/core/tests/check.hh"

using aimc::NoiseSource;
using Counter = std::array<uint32_t, 4>;

// The known answers that the generator's authors publish.
TEST(noise_philox_known_answers) {
  CHECK((aimc::philox4x32_10({0, 0, 0, 0}, {0, 0}) ==
         Counter{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  CHECK((aimc::philox4x32_10({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}) ==
         Counter{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  CHECK((aimc::philox4x32_10({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
                             {0xa4093822, 0x299f31d0}) ==
         Counter{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(noise_normal_is_odd_and_monotonic) {
  int32_t previous = aimc::normal_q16(0);
  for (uint32_t word = 0; word < 0x80000000u - 9973u; word += 9973u) {
    const int32_t z = aimc::normal_q16(word);
    CHECK(z <= previous);
    CHECK_EQUAL(aimc::normal_q16(word | 0x80000000u), -z);
    previous = z;
  }
}

TEST(noise_normal_reaches_its_tails) {
  CHECK(aimc::normal_q16(0) > 6 * 65536);
  CHECK(aimc::normal_q16(0) < 7 * 65536);
  CHECK_EQUAL(aimc::normal_q16(0x7fffffffu), 0);
  // Tail probability of the word w is (w + 1/2) / 2^32: 5 sigma is 2.866516e-7.
  const uint32_t five_sigma = 1231;
  CHECK(std::abs(aimc::normal_q16(five_sigma) - 5 * 65536) < 40);
  // One sigma: 0.158655254.
  CHECK(std::abs(aimc::normal_q16(681419126u) - 65536) <= 2);
}

TEST(noise_columns_follow_the_counter_layout) {
  const aimc::NoiseKey key{0x123456789abcdef0u, 7, 3, 0xfffffff0u};
  std::vector<int32_t> z(101);
  for (const NoiseSource source : {NoiseSource::kRead, NoiseSource::kOutput}) {
    aimc::normals_q16(key, source, 101, z.data());
    for (uint32_t c = 0; c < 101; ++c) {
      const uint32_t high = source == NoiseSource::kRead ? 0 : 0x10000u;
      const Counter words = aimc::philox4x32_10({high + c / 4, key.mvm, key.epoch, key.tile},
                                                {0x9abcdef0, 0x12345678});
      CHECK_EQUAL(z[c], aimc::normal_q16(words[c % 4]));
    }
  }
}

TEST(noise_depends_on_every_part_of_its_key) {
  const auto draw = [](uint64_t seed, uint32_t tile, uint32_t epoch, uint32_t mvm,
                       NoiseSource source) {
    std::vector<int32_t> z(32);
    aimc::normals_q16({seed, tile, epoch, mvm}, source, 32, z.data());
    return z;
  };
  const auto base = draw(1, 2, 3, 4, NoiseSource::kRead);
  CHECK(base == draw(1, 2, 3, 4, NoiseSource::kRead));
  CHECK(base != draw(uint64_t{1} << 32 | 1, 2, 3, 4, NoiseSource::kRead));
  CHECK(base != draw(2, 2, 3, 4, NoiseSource::kRead));
  CHECK(base != draw(1, 3, 3, 4, NoiseSource::kRead));
  CHECK(base != draw(1, 2, 4, 4, NoiseSource::kRead));
  CHECK(base != draw(1, 2, 3, 5, NoiseSource::kRead));
  CHECK(base != draw(1, 2, 3, 4, NoiseSource::kOutput));
}
