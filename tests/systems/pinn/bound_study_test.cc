#include "starling/systems/pinn/bound_study.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <set>

#include "starling/base/error.h"
#include "starling/base/parallel.h"
#include "starling/systems/pinn/bound_claims.h"
#include "study/claims_test.h"

namespace starling::pinn {
namespace {

using study::Claim;
using study::Verdict;

// A study small enough for a test.
BoundStudySpec small() {
  BoundStudySpec spec;
  spec.drawn.width = 8;
  spec.drawn.members = 16;
  spec.points = {16, 64, 256};
  spec.replicates = 100;
  spec.classes = 6;
  spec.trained_points = {8, 24, 64};
  spec.runs = 3;
  spec.steps = 120;
  spec.holdout = 200;
  return spec;
}

class BoundClaims : public study::testing::ClaimsTest<BoundStudySpec> {
 protected:
  BoundClaims() : ClaimsTest(catalogue()) {}

  // The verdict on runs that were made by hand: gaps, bounds and layer factors, three a number of points.
  Claim judged(const std::string& id, const std::vector<std::pair<const char*, std::vector<double>>>& runs) {
    study::Store store(path_);
    for (const auto& [name, values] : runs) {
      std::vector<study::SeriesPoint> points;
      for (const double value : values) points.push_back({static_cast<std::int64_t>(points.size()), value});
      store.record("trained networks", name, "", points);
    }
    store.mark_done("trained networks");
    return catalogue().measure(Claim{.id = id, .statement = "s"}, small(), store);
  }
};

TEST_F(BoundClaims, StateTheirSourceTheirMeasureAndTheirFalsifierUnderDistinctNames) {
  study::testing::expect_well_stated(catalogue().claims());
}

TEST_F(BoundClaims, OfTheoremsHoldAndNoneFailsOnASmallStudy) {
  const std::set<std::string> theorems = {"bound-above-complexity", "ball-tightness", "rank-factor",
                                          "bound-above-gap", "certificates-above-errors"};
  for (const Claim& claim : all(small())) {
    EXPECT_NE(claim.verdict, Verdict::fails) << claim.id << " " << *claim.value;
    if (theorems.contains(claim.id)) {
      EXPECT_EQ(claim.verdict, Verdict::holds) << claim.id;
    }
  }
  const study::Store store(path_, study::Store::Open::existing);
  EXPECT_GE(store.figures().size(), 7U);
}

TEST_F(BoundClaims, DoNotDependOnThreads) {
  const std::vector<Claim> many = all(small());
  std::filesystem::remove(path_);
  const base::ThreadLimit one(1);
  const std::vector<Claim> alone = all(small());
  for (std::size_t c = 0; c < many.size(); ++c) EXPECT_EQ(many[c].value, alone[c].value) << many[c].id;
}

TEST_F(BoundClaims, OneRunAboveItsBoundMakesAClaimFail) {
  const std::vector<double> gap{1, 2, 3, 4, 5, 6, 7, 8, 9}, bound(9, 9.5), one(9, 1.0);
  EXPECT_EQ(
      judged("bound-above-gap", {{"gap", gap}, {"gap bound", bound}, {"largest residual", one}}).verdict,
      Verdict::holds);
  std::filesystem::remove(path_);
  const Claim broken =
      judged("bound-above-gap", {{"gap", bound}, {"gap bound", gap}, {"largest residual", one}});
  EXPECT_EQ(broken.verdict, Verdict::fails);
  EXPECT_EQ(*broken.value, 0);
  EXPECT_NE(broken.note.find("vacuous in 8 of 9"), std::string::npos) << broken.note;
}

TEST_F(BoundClaims, AShareOfRunsIsJudgedByItsInterval) {
  const std::vector<double> low(9, 1.0), high(9, 2.0);
  EXPECT_EQ(judged("holdout-above-mean-square", {{"mean square", low}, {"hold-out bound", high}}).verdict,
            Verdict::inconclusive);  // nine of nine may be a share of 0.66
  std::filesystem::remove(path_);
  EXPECT_EQ(judged("holdout-above-mean-square", {{"mean square", high}, {"hold-out bound", low}}).verdict,
            Verdict::fails);
}

TEST_F(BoundClaims, ASlopeOfGapsIsJudgedByItsInterval) {
  const auto gaps = [](double exponent) {
    std::vector<double> out;
    for (const double n : {8.0, 24.0, 64.0}) {
      for (const double off : {0.98, 1.0, 1.02}) out.push_back(off * std::pow(n, exponent));
    }
    return out;
  };
  EXPECT_EQ(judged("trained-gap-rate", {{"gap", gaps(-1)}}).verdict, Verdict::holds);
  std::filesystem::remove(path_);
  EXPECT_EQ(judged("trained-gap-rate", {{"gap", gaps(-0.3)}}).verdict, Verdict::fails);
}

TEST_F(BoundClaims, AnOrderOfGapsIsARankCorrelation) {
  const std::vector<double> up{1, 2, 3, 1, 2, 3, 1, 2, 3}, down{3, 2, 1, 3, 2, 1, 3, 2, 1},
      none{1, 2, 3, 3, 2, 1, 2, 1, 3};
  EXPECT_EQ(judged("factor-orders-gaps", {{"gap", up}, {"log kappa", up}}).verdict, Verdict::holds);
  std::filesystem::remove(path_);
  EXPECT_EQ(judged("factor-orders-gaps", {{"gap", up}, {"log kappa", down}}).verdict, Verdict::fails);
  std::filesystem::remove(path_);
  EXPECT_EQ(judged("factor-orders-gaps", {{"gap", up}, {"log kappa", none}}).verdict, Verdict::inconclusive);
}

TEST(BoundStudy, RefusesListsFromWhichNoSlopeCanBeFitted) {
  const auto refused = [](const auto& change) {
    BoundStudySpec spec = small();
    change(spec);
    EXPECT_THROW(require_consistent(spec), base::Error);
  };
  refused([](BoundStudySpec& s) { s.points = {8, 8, 16}; });
  refused([](BoundStudySpec& s) { s.trained_points = {8, 16}; });
  refused([](BoundStudySpec& s) { s.rank = 8; });
}

// Of a constant, cut off: ∫ χ² and ∫ χ² + χ'² by the trapezoidal rule, its slope by differences.
TEST(BoundStudy, NormsOfCutFunctionsAreThoseOfTheCut) {
  System system = parse_system("unknowns u; axes x; u_x = 0; domain x = -1..1");
  const nets::JetNetwork network{{1, 2, 1}};
  const std::vector<double> parameters(static_cast<std::size_t>(network.parameter_count()), 0.0);
  const double orders[] = {0, 1};
  const auto found = windowed_norms(system, system.graph.constant(1), network, parameters, orders);
  const auto cut = [](double x) {
    const double t = std::abs(x) - 1;
    return t <= 0 ? 1.0 : t >= 2 ? 0.0 : 1 / (1 + std::exp(1 / (1 - t / 2) - 2 / t));
  };
  double square = 0, slope = 0;
  constexpr double h = 1e-4;
  for (double x = -3; x < 3; x += h) {
    square += h * cut(x) * cut(x);
    slope += h * std::pow((cut(x + h) - cut(x - h)) / (2 * h), 2);
  }
  EXPECT_NEAR(found[0], std::sqrt(square), 1e-7);
  EXPECT_NEAR(found[1], std::sqrt(square + slope), 1e-6);
  System space = parse_system("laplacian(u) = 0; axes x, y, z; domain x = 0..1, y = 0..1, z = 0..1");
  EXPECT_TRUE(windowed_norms(space, 0, {{3, 2, 1}}, std::vector<double>(11), orders).empty());
}

// Two functions, 1 and -1, two points: E |ε_1 + ε_2| / 2 = 1/2.
TEST(BoundStudy, ComplexityOfTwoFunctionsIsKnown) {
  const ClassValues two{{std::vector<double>(pool_size, 1.0), std::vector<double>(pool_size, -1.0)}};
  constexpr std::int64_t draws = 40000;
  const math::MeanInterval found = rademacher(two, 2, draws, base::Stream(1, 0, "test"));
  EXPECT_NEAR(found.mean, 0.5, 4 * 0.5 / std::sqrt(draws));  // four standard errors
  EXPECT_EQ(uniform_gap(two, 2, 10, base::Stream(1, 0, "test")).mean, 0);
}

TEST(BoundStudy, ClassesOfEitherRankHaveOneFrobeniusNorm) {
  const BoundStudySpec spec = small();
  const auto hidden = [&](HiddenWeight kind) {
    const NetworkClass drawn = draw_class(spec, kind);
    return base::Points<double>(Eigen::Map<const base::Points<double>>(
        drawn.members[3].data() + drawn.network.weight(1), spec.drawn.width, spec.drawn.width));
  };
  const auto full = hidden(HiddenWeight::orthogonal), low = hidden(HiddenWeight::low_rank);
  EXPECT_NEAR(full.norm(), low.norm(), 1e-12);
  EXPECT_NEAR(layer_factor(full, 3).log_kappa, 0, 1e-12);
  EXPECT_EQ(layer_factor(low, 3).rank, spec.rank);
}

TEST(BoundStudy, MembersAreScaledToTheAmplitude) {
  const BoundStudySpec spec = small();
  System system = parse_system("unknowns u; axes x; u = 0");
  const ClassValues values =
      class_values(system, system.equations[0].residual, draw_class(spec, HiddenWeight::glorot));
  for (const auto& each : values.values)
    EXPECT_NEAR((ClassValues{{each}}.largest()), spec.drawn.amplitude, 1e-12);
}

// Uniform on [0, 1], mean 1/2: of 2000 bounds from 50 values at most one in twenty may lie below.
TEST(BoundStudy, BernsteinsBoundCoversTheMean) {
  base::Stream stream(5, 0, "test");
  int below = 0;
  for (int round = 0; round < 2000; ++round) {
    std::vector<double> values(50);
    for (double& value : values) value = stream.uniform();
    below += bernstein_bound(values, 1) < 0.5 ? 1 : 0;
  }
  EXPECT_LE(below, 100);
  const std::vector<double> pair{1, 3};  // variance 2, ln 40
  EXPECT_NEAR(bernstein_bound(pair, 3), 2 + std::sqrt(2 * std::log(40.0)) + 7 * std::log(40.0), 1e-12);
  EXPECT_THROW(bernstein_bound(std::vector<double>{1}, 1), base::Error);
}

TEST(BoundStudy, AGapBoundHasItsTwoParts) {
  const GapBound bound = gap_bound(0.1, 2, 100);
  EXPECT_NEAR(bound.complexity_part, 0.8, 1e-15);
  EXPECT_NEAR(bound.confidence_part, 12 * std::sqrt(std::log(40.0) / 200), 1e-15);
}

TEST(BoundStudy, CoefficientsThatVaryMayBeMeasured) {
  System system = parse_system("axes x, t; sin(x)*u_t = 0");
  const Complexity bound =
      residual_complexity(system, system.equations[0].residual, 2, 1, {2}, [](int) { return 0.25; });
  EXPECT_FALSE(bound.terms[0].assumed);
  EXPECT_NEAR(bound.value, 0.5 * bound.kernel_constant, 1e-15);
}

}  // namespace
}  // namespace starling::pinn
