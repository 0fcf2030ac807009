#include "starling/nets/mlp.h"

#include <gtest/gtest.h>

#include <limits>

#include "nets/problem.h"
#include "starling/base/error.h"

namespace starling::nets {
namespace {

using base::Index;

std::vector<MlpSpec> variants() {
  std::vector<MlpSpec> all;
  for (const Activation activation : all_activations) {
    for (const bool residual : {false, true}) {
      for (const Index classes : {Index{0}, Index{3}}) {
        for (const bool guidance : {false, true}) {
          all.push_back({.inputs = 3,
                         .outputs = 2,
                         .width = 5,
                         .layers = 3,
                         .activation = activation,
                         .residual = residual,
                         .classes = classes,
                         .guidance = guidance});
        }
      }
    }
  }
  return all;
}

std::string name_of(const MlpSpec& s) {
  return "activation " + std::to_string(static_cast<int>(s.activation)) + (s.residual ? ", residual" : "") +
         (s.classes > 0 ? ", classes" : "") + (s.guidance ? ", guidance" : "");
}

template <class T>
void expect_forward_matches_definition(double tolerance) {
  for (const MlpSpec& spec : variants()) {
    for (const Index rows : {1, 255, 256, 257}) {
      SCOPED_TRACE(name_of(spec) + ", rows " + std::to_string(rows));
      Batch<T> b(spec, rows);
      b.forward();
      for (Index i = 0; i < rows; ++i) {
        const auto expected = reference_row(b, i);
        for (Index j = 0; j < spec.outputs; ++j) {
          ASSERT_NEAR(static_cast<double>(b.out(i, j)), expected[static_cast<std::size_t>(j)], tolerance);
        }
      }
    }
  }
}

TEST(Mlp, ForwardMatchesTheDefinitionRowByRowInDouble) {
  expect_forward_matches_definition<double>(1e-13);
}
TEST(Mlp, ForwardMatchesTheDefinitionRowByRowInFloat) {
  expect_forward_matches_definition<float>(1e-5);
}

// Central differences of step h err by h^2 f'''/6 + eps |f| / h: about 1e-9 here for sums over 257 rows. A
// ReLU whose kink lies within h of a row is off by up to its slope; at 1e-6 none of this seed's is.
TEST(Mlp, BackwardMatchesCentralDifferencesForEveryParameter) {
  for (const MlpSpec& spec : variants()) {
    for (const Index rows : {1, 255, 256, 257}) {
      SCOPED_TRACE(name_of(spec) + ", rows " + std::to_string(rows));
      Batch<double> b(spec, rows);
      b.forward();
      b.backward();
      const auto gradient = b.gradient;
      const double h = 1e-6;
      for (std::size_t i = 0; i < gradient.size(); ++i) {
        const double saved = b.parameters[i];
        b.parameters[i] = saved + h;
        const double above = b.loss();
        b.parameters[i] = saved - h;
        const double below = b.loss();
        b.parameters[i] = saved;
        ASSERT_NEAR(gradient[i], (above - below) / (2 * h), 1e-6 * (1 + std::abs(gradient[i])))
            << "parameter " << i;
      }
    }
  }
}

TEST(Mlp, BackwardMatchesCentralDifferencesForEveryInput) {
  for (const MlpSpec& spec : variants()) {
    SCOPED_TRACE(name_of(spec));
    Batch<double> b(spec, 257);
    b.forward();
    base::Points<double> d_x;
    b.network.backward(b.parameters, b.workspace, b.d_out, b.gradient, &d_x);
    ASSERT_EQ(d_x.rows(), b.x.rows());
    ASSERT_EQ(d_x.cols(), b.x.cols());
    const double h = 1e-6;
    for (Index i = 0; i < b.x.rows(); i += 64) {
      for (Index k = 0; k < b.x.cols(); ++k) {
        const double saved = b.x(i, k);
        b.x(i, k) = saved + h;
        const double above = b.loss();
        b.x(i, k) = saved - h;
        const double below = b.loss();
        b.x(i, k) = saved;
        ASSERT_NEAR(d_x(i, k), (above - below) / (2 * h), 1e-6 * (1 + std::abs(d_x(i, k)))) << "row " << i;
      }
    }
  }
}

TEST(Mlp, BlocksCoverEveryParameterOnceInOrder) {
  for (const MlpSpec& spec : variants()) {
    const Mlp<float> network(spec);
    Index next = 0;
    for (const Block& block : network.blocks()) {
      EXPECT_EQ(block.offset, next);
      Index size = 1;
      for (const auto extent : block.shape) size *= extent;
      next += size;
    }
    EXPECT_EQ(next, network.parameter_count());
  }
}

TEST(Mlp, InitialWeightsFillTheirBoundAndDependOnTheStreamAlone) {
  const Mlp<double> network({.inputs = 16, .outputs = 2, .width = 64, .layers = 1});
  std::vector<double> a(static_cast<std::size_t>(network.parameter_count())), b(a.size());
  base::Stream first(1, 0, "start"), second(1, 0, "start");
  network.initialise(first, a);
  network.initialise(second, b);
  EXPECT_EQ(a, b);
  const auto [least, most] = std::minmax_element(a.begin(), a.begin() + 16 * 64);  // 1024 draws in ±1/4
  EXPECT_GE(*least, -0.25);
  EXPECT_LE(*most, 0.25);
  EXPECT_LT(*least, -0.24);
  EXPECT_GT(*most, 0.24);
}

TEST(Mlp, StaysFiniteWhereTheExponentialWouldOverflowAndLetsNaNThrough) {
  for (const Activation activation : all_activations) {
    Batch<float> b({.inputs = 3, .outputs = 2, .width = 5, .layers = 2, .activation = activation}, 4);
    b.x.setConstant(1e4F);
    b.x.row(1) *= -1;
    b.forward();
    b.backward();
    EXPECT_TRUE(b.out.allFinite());
    for (const float g : b.gradient) EXPECT_TRUE(std::isfinite(g));
    b.x(2, 0) = std::numeric_limits<float>::quiet_NaN();
    b.forward();
    EXPECT_TRUE(b.out.row(2).hasNaN()) << "activation " << static_cast<int>(activation);
    EXPECT_TRUE(b.out.row(3).allFinite());
  }
}

TEST(Mlp, RefusesWhatDoesNotFitAndSaysWhat) {
  const MlpSpec spec{.inputs = 3, .outputs = 2, .width = 4, .layers = 1, .classes = 2, .guidance = true};
  const auto message = [&](auto spoil, bool backward = false) -> std::string {
    Batch<float> b(spec, 5);
    if (backward) b.forward();
    spoil(b);
    try {
      backward ? b.backward() : b.forward();
    } catch (const base::Error& error) {
      return error.what();
    }
    return "accepted";
  };
  EXPECT_EQ(message([](auto& b) { b.x.resize(5, 4); }), "network: 4 columns of x, expected 3");
  EXPECT_EQ(message([](auto& b) { b.labels.pop_back(); }), "network: 4 labels, expected 5");
  EXPECT_EQ(message([](auto& b) { b.labels[3] = 2; }), "network: label 2 of row 3; expected 0 to 1");
  EXPECT_EQ(message([](auto& b) { b.labels[0] = -1; }), "network: label -1 of row 0; expected 0 to 1");
  EXPECT_EQ(message([](auto& b) { b.guidance.clear(); }), "network: 0 guidance values, expected 5");
  EXPECT_NE(message([](auto& b) { b.parameters.pop_back(); }).find("parameters, expected"),
            std::string::npos);
  EXPECT_EQ(message([](auto& b) { b.d_out.resize(4, 2); }, true), "network: 4 rows of d_out, expected 5");
  EXPECT_EQ(message([](auto& b) { b.d_out.resize(5, 1); }, true), "network: 1 columns of d_out, expected 2");
  EXPECT_THROW(Mlp<float>({.width = 0}), base::Error);
  EXPECT_THROW(Mlp<float>({.layers = 0}), base::Error);
}

TEST(Mlp, AnEmptyBatchHasNoOutputAndNoGradient) {
  Batch<float> b({.inputs = 3, .outputs = 2, .width = 4, .layers = 2}, 0);
  b.forward();
  b.gradient.assign(b.gradient.size(), 1);
  b.backward();
  EXPECT_EQ(b.out.rows(), 0);
  for (const float g : b.gradient) EXPECT_EQ(g, 0);
}

}  // namespace
}  // namespace starling::nets
