#include "starling/systems/depth/limit_claims.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "starling/base/error.h"
#include "starling/base/parallel.h"
#include "starling/systems/depth/limit_pictures.h"
#include "study/claims_test.h"

namespace starling::depth {
namespace {

// A study small enough for a test.
LimitStudySpec small() {
  LimitStudySpec spec;
  spec.layers = {4, 8, 16};
  spec.heads = {1, 4};
  spec.steps = {0, 3};
  spec.replicas = 32;
  spec.transfer_layers = {4, 8};
  spec.transfer_replicas = 4;
  spec.token_counts = {4, 8};
  spec.widths = {8, 16};
  return spec;
}

class LimitClaims : public study::testing::ClaimsTest<LimitStudySpec> {
 protected:
  LimitClaims() : ClaimsTest(catalogue()) {}
};

TEST_F(LimitClaims, StateTheirSourceTheirMeasureAndTheirFalsifierUnderDistinctNames) {
  study::testing::expect_well_stated(catalogue().claims());
}

TEST_F(LimitClaims, OfIdentitiesHoldAndNoneFailsOnASmallStudy) {
  const std::set<std::string> exact = {"law-of-tokens", "causal-is-no-law", "lions-derivative",
                                       "pairing",       "memory",           "no-drift",
                                       "equiangular",   "rising-energy",    "depth-hidden"};
  for (const study::Claim& claim : all(small())) {
    EXPECT_NE(claim.verdict, study::Verdict::fails) << claim.id << " " << *claim.value;
    if (exact.contains(claim.id)) {
      EXPECT_EQ(claim.verdict, study::Verdict::holds) << claim.id;
    }
  }
  const study::Store store(path_, study::Store::Open::existing);
  EXPECT_GE(store.figures().size(), 9U);
  const auto series = store.series("errors after 3 steps", "squared error by layers, 4 heads");
  ASSERT_EQ(series.size(), 3U);
  EXPECT_GT(series[0].value, series[2].value);
  const std::vector<study::Figure> figures = store.figures();
  const auto surface = std::find_if(figures.begin(), figures.end(),
                                    [](const study::Figure& figure) { return figure.id == "0-surface"; });
  ASSERT_NE(surface, figures.end());
  const nlohmann::json& measured_last = surface->drawing.at("frames").at(2 * small().steps.size() - 2);
  EXPECT_EQ(measured_last.at("label"), "measured after 3 steps");
  for (std::size_t l = 0; l < 3; ++l)
    EXPECT_NEAR(measured_last.at("z").back().at(l).get<double>(), std::log10(series[l].value) / 2, 1e-12);
}

TEST_F(LimitClaims, DoNotDependOnThreads) {
  const std::vector<study::Claim> many = all(small());
  std::filesystem::remove(path_);
  const base::ThreadLimit one(1);
  const std::vector<study::Claim> alone = all(small());
  for (std::size_t c = 0; c < many.size(); ++c) EXPECT_EQ(many[c].value, alone[c].value) << many[c].id;
}

TEST_F(LimitClaims, ComeWithPicturesOfTokensAndAttention) {
  LimitStudySpec spec = small();
  spec.causal = true;
  study::Store store(path_);
  record_pictures(spec, store);
  for (const study::Figure& figure : store.figures()) {
    if (!figure.id.starts_with("9-")) {
      EXPECT_EQ(figure.drawing.at("frames").size(), 17U);
      EXPECT_EQ(figure.drawing.at("background").at("x").size(), 8U);
      continue;
    }
    const auto rows = figure.drawing.at("z").get<std::vector<std::vector<double>>>();
    ASSERT_EQ(rows.size(), 8U);
    for (std::size_t i = 0; i < 8; ++i) {
      double sum = 0;
      for (std::size_t j = 0; j < 8; ++j) {
        sum += rows[i][j];
        EXPECT_EQ(rows[i][j] > 0, j <= i) << figure.id << " " << i << " " << j;
      }
      EXPECT_NEAR(sum, 1, 1e-12);
    }
  }
  EXPECT_EQ(store.figures().size(), 3U);
}

TEST_F(LimitClaims, RefuseListsThatGiveNoSlope) {
  const auto refused = [](auto change) {
    LimitStudySpec spec = small();
    change(spec);
    EXPECT_THROW(require_consistent(spec), base::Error);
  };
  refused([](LimitStudySpec& s) { s.layers = {8, 8}; });
  refused([](LimitStudySpec& s) { s.heads = {4}; });
  refused([](LimitStudySpec& s) { s.steps = {1, 10}; });
  refused([](LimitStudySpec& s) { s.steps = {0, 10, 10}; });
  refused([](LimitStudySpec& s) { s.widths = {8, 10}; });
  require_consistent(small());
}

}  // namespace
}  // namespace starling::depth
