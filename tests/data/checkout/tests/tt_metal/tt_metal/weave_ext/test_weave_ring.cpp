// Words woven around a ring of cores, read back from every hop.
#include <gtest/gtest.h>
#include <cstdint>
#include <vector>

#include "ring_fixture.hpp"

namespace tt::tt_metal {

class WeaveRingFixture : public RingFixture {
protected:
    std::vector<uint32_t> woven(uint32_t words, uint32_t hops) const {
        std::vector<uint32_t> v(words);
        for (uint32_t i = 0; i < words; ++i) {
            v[i] = (i << 8) | (i % (hops + 1));
        }
        return v;
    }
};

struct WeaveCase {
    uint32_t words;
    uint32_t hops;
    bool wrap;
};

class WeaveRingSweep : public WeaveRingFixture, public ::testing::WithParamInterface<WeaveCase> {};
class WeaveDepth : public WeaveRingFixture, public ::testing::WithParamInterface<uint32_t> {};

TEST(WeaveMath, HopWraps) { EXPECT_EQ(ring_next(7, 8), 0u); }

TEST_F(WeaveRingFixture, OneHop) {
    auto want = woven(256, 1);
    send(0, want);
    EXPECT_EQ(receive(1, want.size()), want);
}

TEST_F(WeaveRingFixture, SlowFullCircle) {
    auto want = woven(65536, num_cores());
    for (uint32_t hop = 0; hop < num_cores(); ++hop) {
        send(hop, want);
        ASSERT_EQ(receive((hop + 1) % num_cores(), want.size()), want) << "hop " << hop;
    }
}

TEST_P(WeaveRingSweep, WordsSurvive) {
    const auto& p = GetParam();
    if (p.hops >= num_cores() && !p.wrap) {
        GTEST_SKIP() << "ring too short";
    }
    auto want = woven(p.words, p.hops);
    send(0, want);
    EXPECT_EQ(receive(p.hops % num_cores(), want.size()), want) << p.words << " words, " << p.hops << " hops";
}

TEST_P(WeaveDepth, FillsEveryHop) {
    const uint32_t depth = GetParam();
    auto want = woven(32 * depth, depth);
    send(0, want);
    EXPECT_EQ(receive(depth % num_cores(), want.size()), want);
}

INSTANTIATE_TEST_SUITE_P(ShortRing, WeaveRingSweep, ::testing::Values(WeaveCase{64, 1, false}, WeaveCase{2048, 3, true}));

INSTANTIATE_TEST_SUITE_P(
    LongRing,
    WeaveRingSweep,
    ::testing::Values(
        WeaveCase{128, 12, true},  // wraps once
        WeaveCase{4096, 30, true},
        WeaveCase{16384, 7, false}),
    [](const ::testing::TestParamInfo<WeaveCase>& info) { return "words" + std::to_string(info.param.words); });

INSTANTIATE_TEST_SUITE_P(Depths, WeaveDepth, ::testing::Values(1, 2, 8));

}  // namespace tt::tt_metal
