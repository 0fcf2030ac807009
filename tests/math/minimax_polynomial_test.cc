#include "starling/math/minimax_polynomial.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "starling/base/error.h"

namespace starling::math {
namespace {

double composed(const std::vector<OddQuintic>& steps, double x) {
  for (const OddQuintic& p : steps) x = p(x);
  return x;
}

double largest_error(const MinimaxSchedule& schedule, double lower) {
  double worst = 0;
  for (int i = 0; i <= 20000; ++i)
    worst = std::max(worst, std::abs(1 - composed(schedule.steps, lower + (1 - lower) * i / 20000.0)));
  return worst;
}

TEST(MinimaxPolynomial, GivesTheTriplesOfAnIndependentSixtyDigitComputation) {
  const MinimaxSchedule found = minimax_schedule(0.1, 4);
  const OddQuintic expected[] = {{5.603694506640496, -13.883690224017103, 9.733412622810347},
                                 {2.130611565141586, -1.511647532356161, .401983721792184},
                                 {1.879156175748308, -1.254610259965161, .375461324362071},
                                 {1.875000025036939, -1.250000027818821, .375000002781882}};
  ASSERT_EQ(found.steps.size(), 4U);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_NEAR(found.steps[i].a, expected[i].a, 1e-13);
    EXPECT_NEAR(found.steps[i].b, expected[i].b, 1e-13);
    EXPECT_NEAR(found.steps[i].c, expected[i].c, 1e-13);
  }
  EXPECT_NEAR(found.error, 2.286e-12, 1e-15);
}

// arXiv:2505.16932, the table of the released code, before its division by 1.01.
TEST(MinimaxPolynomial, ReproducesThePublishedPolarExpress) {
  const OddQuintic published[] = {{8.28721201814563, -23.595886519098837, 17.300387312530933},
                                  {4.107059111542203, -2.9478499167379106, 0.5448431082926601},
                                  {3.9486908534822946, -2.908902115962949, 0.5518191394370137},
                                  {3.3184196573706015, -2.488488024314874, 0.51004894012372},
                                  {2.300652019954817, -1.6689039845747493, 0.4188073119525673}};
  const MinimaxSchedule found = minimax_schedule(1e-3, 5, 0.02407327424182761);
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_NEAR(found.steps[i].a, published[i].a, 1e-12);
    EXPECT_NEAR(found.steps[i].b, published[i].b, 1e-12);
    EXPECT_NEAR(found.steps[i].c, published[i].c, 1e-12);
  }
}

TEST(MinimaxPolynomial, CertifiesTheErrorThatASweepFinds) {
  for (const double lower : {0.9, 0.3, 0.16, 0.03, 1e-3, 1e-6}) {
    for (const int steps : {1, 2, 3, 5, 8}) {
      const MinimaxSchedule schedule = minimax_schedule(lower, steps);
      const double found = largest_error(schedule, lower);
      EXPECT_LE(found, schedule.error + 1e-9);  // the coefficients are rounded
      EXPECT_GE(found, 0.999 * schedule.error - 1e-9) << lower << " " << steps;
    }
  }
}

TEST(MinimaxPolynomial, HasTheErrorsOfTheTable) {
  const struct {
    double lower;
    int steps;
    double error, digits;
  } rows[] = {{.3, 2, 8e-4, 1e-4},  {.3, 3, 3e-10, 1e-10},  {.16, 3, 2.6e-6, 1e-7}, {.1, 3, 1.5e-4, 1e-5},
              {.03, 4, 3e-5, 1e-5}, {.01, 5, 1.2e-6, 1e-7}, {1e-3, 6, 9e-4, 1e-4},  {1e-3, 7, 5e-10, 1e-10}};
  for (const auto& row : rows)
    EXPECT_NEAR(minimax_schedule(row.lower, row.steps).error, row.error, row.digits);
}

TEST(MinimaxPolynomial, TakesNoMoreStepsThanTheToleranceAsksFor) {
  EXPECT_EQ(minimax_schedule_to(1, 1e-14).steps.size(), 0U);
  EXPECT_EQ(minimax_schedule_to(.1, 1e-4).steps.size(), 4U);
  EXPECT_EQ(minimax_schedule_to(.1, 1e-11).steps.size(), 4U);
  EXPECT_LE(minimax_schedule_to(1e-12, 1e-15).error, 1e-15);
}

TEST(MinimaxTable, ServesEveryLowerBoundWithASchedulePromisedForALowerOne) {
  const MinimaxTable table(0.01, 1e-7), three(0.01, 0, 3);
  for (double lower = 1; lower >= 0.01; lower *= 0.97) {
    const MinimaxSchedule* found = table.find(lower);
    ASSERT_NE(found, nullptr);
    EXPECT_LE(found->error, 1e-7);
    EXPECT_LE(largest_error(*found, lower), 1.1e-7);
    EXPECT_EQ(three.find(lower)->steps.size(), 3U);
    EXPECT_LE(largest_error(*three.find(lower), lower), three.find(lower)->error + 1e-12);
  }
  EXPECT_EQ(table.find(0.0099), nullptr);
  EXPECT_EQ(table.find(std::nan("")), nullptr);
  EXPECT_NE(table.find(2), nullptr);
  EXPECT_THROW(MinimaxTable(0, 1e-3), base::Error);
}

TEST(MinimaxPolynomial, RefusesWhatIsNoInterval) {
  for (const double lower : {0.0, -1.0, 1.5, std::nan("")})
    EXPECT_THROW(minimax_schedule(lower, 3), base::Error);
  EXPECT_THROW(minimax_schedule(.1, -1), base::Error);
  EXPECT_THROW(minimax_schedule(.1, 65), base::Error);
  EXPECT_THROW(minimax_schedule(.1, 3, 1), base::Error);
}

}  // namespace
}  // namespace starling::math
