// Where thousands of flows end: shares within four binomial standard deviations of those that an independent
// implementation counted, both samples' deviations taken together.
#include <gtest/gtest.h>

#include <cmath>

#include "starling/systems/students/census.h"
#include "starling/systems/students/partitions.h"

namespace starling::students {
namespace {

using base::Index;

constexpr std::int64_t seeds = 2000;

Census census_of(Index n, Index k, Activation activation, Outgoing outgoing = Outgoing::free) {
  const Index d = outgoing == Outgoing::free ? k + 1 : k;
  const Landscape landscape(activation, orthonormal_teacher(k, d));
  return take_census(landscape, {.students = n, .seeds = seeds, .seed = 2024, .outgoing = outgoing});
}

template <class Condition>
double share(const Census& census, Condition condition) {
  double sum = 0;
  for (const CensusClass& one : census.classes) sum += condition(one.point) ? one.share.mean : 0;
  return sum;
}

double share_at(const Census& census, double loss) {
  return share(census, [&](const CriticalPoint& point) { return std::abs(point.loss - loss) < 1e-9; });
}

void expect_share(double measured, double expected, double others) {
  const double variance = expected * (1 - expected) * (1.0 / seeds + 1 / others);
  EXPECT_NEAR(measured, expected, 4 * std::sqrt(variance) + 1e-12);
}

// Every run at rest has max |∇L| <= 1e-13 and an index; the rest has a label.
void expect_labels(const Census& census) {
  std::int64_t runs = 0;
  for (const CensusClass& one : census.classes) {
    runs += one.count;
    const Label label = one.point.label;
    EXPECT_NE(label, Label::unpolished);
    EXPECT_NE(label, Label::not_settled);
    EXPECT_NE(label, Label::lost);
    if (label == Label::runaway) continue;
    EXPECT_LE(one.point.gradient_max, 1e-13);
    EXPECT_EQ(one.point.eigenvalues.size() > 0, label != Label::dead);
  }
  EXPECT_EQ(runs, seeds);
}

struct ErfCase {
  Index n, k;
  double perturbed;
  double others;  // seeds of the independent count
};

class ErfCensus : public ::testing::TestWithParam<ErfCase> {};

TEST_P(ErfCensus, HasTheShareOfPerturbedCopies) {
  const auto [n, k, perturbed, others] = GetParam();
  const Census census = census_of(n, k, Activation::erf);
  expect_labels(census);
  const double found = share(census, [](const CriticalPoint& point) {
    return point.kind == Kind::perturbed_copy && point.label == Label::minimum;
  });
  if (perturbed < 1) {
    expect_share(found, perturbed, others);
  } else {
    EXPECT_GT(found, 0.99);
  }
}

std::string name_of(const ::testing::TestParamInfo<ErfCase>& erf_case) {
  return "n" + std::to_string(erf_case.param.n) + "k" + std::to_string(erf_case.param.k);
}

INSTANTIATE_TEST_SUITE_P(Sizes, ErfCensus,
                         ::testing::Values(ErfCase{4, 5, 98.0 / 400, 400}, ErfCase{5, 6, 229.0 / 400, 400},
                                           ErfCase{6, 7, 1, 400}, ErfCase{5, 7, 51.0 / 400, 400},
                                           ErfCase{6, 8, 137.0 / 400, 400}),
                         name_of);

TEST(ErfCensusFarBelow, EndsInCopyAverages) {
  for (const auto& [n, k] : {std::pair<Index, Index>{2, 3}, {2, 8}, {3, 6}, {4, 6}}) {
    const Census census = census_of(n, k, Activation::erf);
    expect_labels(census);
    EXPECT_GT(share(census, [](const CriticalPoint& point) { return point.kind == Kind::copy_average; }),
              0.99);
  }
}

TEST(ReluCensus, HasTheSharesOfLiveNeuronsAndTheMinima) {
  const auto full = [](Index n) { return [n](const CriticalPoint& point) { return point.live() == n; }; };
  const Census small = census_of(2, 3, Activation::relu);
  expect_labels(small);
  expect_share(share(small, full(2)), 258.0 / 300, 300);
  expect_share(share_at(small, 0.1536677175), share(small, full(2)), 1e9);
  const Census middle = census_of(3, 4, Activation::relu);
  expect_labels(middle);
  expect_share(share(middle, full(3)), 222.0 / 300, 300);
  const Census large = census_of(4, 6, Activation::relu);
  expect_labels(large);
  expect_share(share_at(large, 0.3023164622), 134.0 / 300, 300);
  expect_share(share_at(large, 0.3034614637), 94.0 / 300, 300);
}

// Outgoing weights fixed at one, as many students as teachers: spurious minima from k = 6 on (Safran and
// Shamir, arXiv:1712.08968).
TEST(FixedOutgoingCensus, FindsTheSpuriousMinimaAndTheirShares) {
  const auto spurious = [&](Index k, double loss, double smallest) {
    const Census census = census_of(k, k, Activation::relu, Outgoing::fixed);
    expect_labels(census);
    double found = 0;
    for (const CensusClass& one : census.classes) {
      if (one.point.loss < 1e-9) {
        EXPECT_NEAR(one.point.eigenvalues[0], 0.18169, 1e-5);
        continue;
      }
      found += one.share.mean;
      if (std::abs(one.point.loss - loss) > 1e-9) continue;
      EXPECT_NEAR(one.point.eigenvalues[0], smallest, 1e-5);
    }
    return found;
  };
  EXPECT_EQ(spurious(5, 0, 0), 0);
  EXPECT_LE(spurious(6, 0.0501611620, 0.00940), 0.015);
  const double seven = spurious(7, 0.0464054298, 0.02812), eight = spurious(8, 0.0430160743, 0.04269);
  EXPECT_GE(seven, 0.01);
  EXPECT_LE(seven, 0.08);
  EXPECT_GE(eight, 0.05);
  EXPECT_LE(eight, 0.15);
}

}  // namespace
}  // namespace starling::students
