#include "starling/systems/students/quadrature.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "starling/base/error.h"
#include "starling/systems/students/curvature.h"
#include "starling/systems/students/partitions.h"

namespace starling::students {
namespace {

constexpr Activation integrated[] = {Activation::tanh, Activation::sigmoid, Activation::softplus,
                                     Activation::silu};

Overlap correlated(double r1, double r2, double rho) {
  const double q = r1 * r1 * r2 * r2;
  return {.q1 = r1 * r1, .c = r1 * r2 * rho, .q2 = r2 * r2, .gram = q * (1 - rho * rho)};
}

// E[σ^(i)(h1) σ^(j)(h2)] for i = 0..4, j = 0..4 - i, by the plain trapezoidal rule in both normal variables,
// 60 nodes a unit over +-9.5 in 80-bit numbers; 45 nodes give the same to 3e-19.
struct Reference {
  Activation activation;
  double r1, b1, r2, b2, rho;
  double moments[15];
};
const Reference references[] = {
    {Activation::tanh,
     0.9,
     0,
     1.3,
     0,
     0.6,
     {2.3634163704512859e-01, -1.3552527156068805e-20, -1.0429976867947620e-01, -3.3881317890172014e-21,
      1.4244502695216216e-01, 0.0000000000000000e+00, 3.5459501627203927e-01, 0.0000000000000000e+00,
      -1.7431181578766949e-01, -1.7115280318413945e-01, 0.0000000000000000e+00, 8.4956062314123060e-02,
      1.6940658945086007e-21, -2.8747744771246336e-01, 3.9631890123112518e-01}},
    {Activation::sigmoid,
     2,
     0.4,
     0.7,
     -1,
     -0.8,
     {1.2943779397147218e-01, 9.3465155925899795e-02, 4.4729737701680740e-02, -8.4689154657045657e-03,
      -4.2674517001965735e-02, 4.4047423786310234e-02, 2.9312888878507071e-02, 1.0816506198679503e-02,
      -6.6732905696152761e-03, 2.2894126650292060e-03, 6.0773104189042690e-05, -1.7801358921241731e-03,
      -6.7463133097627574e-03, -4.7243825926566174e-03, -1.1308602988606136e-03}},
    {Activation::softplus,
     3,
     -0.5,
     2,
     1,
     0.97,
     {3.8470263692622066e+00, 1.0631131304264245e+00, 7.3089134624224950e-02, -4.5765414527795305e-02,
      1.6719409958484196e-02, 1.1764692403806323e+00, 3.8369799236583224e-01, 4.1904851244881421e-02,
      -2.2183672819716838e-02, 1.8123736475036703e-01, 8.3547294099833344e-02, 1.8425877777302865e-02,
      -3.3417348205450149e-02, -5.5187436191188296e-03, -1.3923137841290390e-02}},
    {Activation::silu,
     4,
     0.3,
     5,
     -0.2,
     0.99,
     {9.9255435627842274e+00, 1.7030456926846322e+00, 2.3482044043594916e-02, -4.7027184897433100e-02,
      1.8485148492959985e-02, 1.8840302032522152e+00, 5.0102544108053904e-01, 5.7284016157247014e-02,
      -2.5540742913401061e-02, -1.4938729535268969e-02, 3.3445825533627065e-02, 3.2643135456393441e-02,
      -4.5687433247676691e-02, -4.0547547923139998e-02, 4.9616328590676238e-02}},
    {Activation::tanh,
     6,
     0.5,
     4,
     0,
     -0.95,
     {-7.3390076614281918e-01, 3.2119792149558603e-02, 8.6068164263254879e-02, -1.2352100625216106e-02,
      -4.2625209131008895e-02, 1.9858055623363104e-02, 6.3297507409624185e-02, -7.6433905679140777e-03,
      -2.3696779795021664e-02, 3.8952147154103105e-02, -5.6013836874803796e-03, -1.4592297350102144e-02,
      -4.5437643342652019e-03, -1.0695360992524760e-02, -8.6898875836228882e-03}}};

TEST(Quadrature, GivesTheMomentsOfASlowRule) {
  for (const Reference& row : references) {
    const Overlap pair = correlated(row.r1, row.r2, row.rho);
    const Averages found = quadrature(row.activation, pair, row.b1, row.b2);
    const Expansion first(row.activation, row.r1, row.b1), second(row.activation, row.r2, row.b2);
    EXPECT_LE(found.error, 3 * quadrature_tolerance);
    int at = 0;
    for (int i = 0; i <= 4; ++i) {
      for (int j = 0; i + j <= 4; ++j, ++at) {
        const double scale = std::sqrt(first.own()(i, i) * second.own()(j, j));
        EXPECT_NEAR(found.moments(i, j), row.moments[at], 1e-13 * scale + found.error * scale) << i << j;
        EXPECT_NEAR(found.moments(i, j), row.moments[at], quadrature_tolerance * scale) << i << j;
      }
    }
  }
}

TEST(Quadrature, IsOneIntegralForANeuronWithItself) {
  // E[tanh(z)²] to 16 digits by the rule of `references`.
  EXPECT_NEAR(kernel(Activation::tanh, self_overlap(1)).value, 0.3942944903978412, 1e-15);
}

TEST(Quadrature, DoesNotJumpBetweenItsTwoRules) {
  for (const Activation activation : integrated) {
    for (const double rho : {0.9, -0.97, 0.99999, 1.0}) {
      const Expansion first(activation, 1.2, 0.3), second(activation, 0.8, -0.6);
      const Averages series = pair_averages(first, second, correlated(1.2, 0.8, rho));
      const Averages rules = quadrature(activation, correlated(1.2, 0.8, rho), 0.3, -0.6, 1e-14);
      for (int i = 0; i <= 4; ++i) {
        for (int j = 0; i + j <= 4; ++j)
          EXPECT_NEAR(series.moments(i, j), rules.moments(i, j),
                      1e-12 * std::sqrt(first.own()(i, i) * second.own()(j, j)));
      }
    }
  }
}

TEST(Quadrature, HoldsItsToleranceForTinyHugeParallelAndAntiparallelWeights) {
  for (const Activation activation : integrated) {
    for (const double r1 : {0.0, 1e-150, 1e-6, 0.1, 1.0, 10.0, 1e3, 1e6}) {
      for (const double r2 : {0.0, 1e-6, 1.0, 30.0}) {
        for (const double rho : {-1.0, -0.999999, -0.5, 0.0, 0.8, 0.999, 1.0}) {
          const Averages found = quadrature(activation, correlated(r1, r2, rho));
          EXPECT_LE(found.error, 3 * quadrature_tolerance) << r1 << ' ' << r2 << ' ' << rho;
          EXPECT_TRUE(std::isfinite(found.moments.topLeftCorner<2, 2>().sum()))
              << r1 << ' ' << r2 << ' ' << rho;
        }
      }
    }
  }
}

// Long weights make a step of tanh: E[sign sign] = (2/π) asin ρ; softplus(h) approaches ReLU.
TEST(Quadrature, ApproachesTheLimitOfLongWeights) {
  EXPECT_NEAR(kernel(Activation::tanh, correlated(1e8, 1e8, 0.5)).value, 1.0 / 3, 1e-8);
  const double relu = kernel(Activation::relu, correlated(1, 1, 0.5)).value;
  EXPECT_NEAR(kernel(Activation::softplus, correlated(1e8, 1e8, 0.5)).value / 1e16, relu, 1e-8);
  EXPECT_NEAR(kernel(Activation::silu, correlated(1e8, 1e8, 0.5)).value / 1e16, relu, 1e-8);
}

TEST(Quadrature, SaysWhereItDoesNotReachTheTolerance) {
  const auto message = [](auto f) -> std::string {
    try {
      f();
    } catch (const base::Error& error) {
      EXPECT_EQ(error.kind(), base::ErrorKind::numerical);
      return error.what();
    }
    return "";
  };
  // Two steps of tanh at different heights of one variable: no map is dense at both.
  const std::string far = message([] { quadrature(Activation::tanh, correlated(1e7, 1e7, 1), 0, 1e7); });
  EXPECT_NE(far.find("|w| = 1e+07"), std::string::npos) << far;
  EXPECT_NE(far.find("accuracy"), std::string::npos) << far;
  const Overlap overflowing{.q1 = 1e300, .c = 0, .q2 = 1e300, .gram = INFINITY};
  EXPECT_NE(message([&] { quadrature(Activation::tanh, overflowing); }), "");
  const Landscape landscape(Activation::tanh,
                            {.w = base::Points<double>{{1e7, 0}}, .a = base::Vector<double>{{1.0}}});
  const Neurons student{.w = base::Points<double>{{1e7, 0}},
                        .a = base::Vector<double>{{1.0}},
                        .bias = base::Vector<double>{{1e7}}};
  const std::string named = message([&] { landscape.gradient(student); });
  EXPECT_NE(named.find("w row 0 and v row 0"), std::string::npos) << named;
}

TEST(QuadratureError, IsReportedForALandscape) {
  const Neurons teacher = orthonormal_teacher(3, 3);
  Neurons student = teacher;
  student.w(0, 1) = 0.4;
  EXPECT_EQ(quadrature_error(Landscape(Activation::erf, teacher), student), 0);
  const double error = quadrature_error(Landscape(Activation::tanh, teacher), student);
  EXPECT_GT(error, 0);
  EXPECT_LE(error, 3 * quadrature_tolerance);
}

}  // namespace
}  // namespace starling::students
