#include "starling/nets/activation.h"

#include <gtest/gtest.h>

#include "nets/problem.h"

namespace starling::nets {
namespace {

using Row = Eigen::VectorXd;

Row value_at(Activation kind, const Row& x) {
  Row out(x.size());
  activate(kind, x, out);
  return out;
}

TEST(Activation, HasTheDerivativesThatCentralDifferencesGive) {
  for (const Activation kind : all_activations) {
    SCOPED_TRACE(static_cast<int>(kind));
    const Row x = Row::LinSpaced(40, -5.9, 6.1);  // no point where relu has a kink
    Row value(40), first(40), second(40), above(40), below(40), unused(40), slope = Row::Ones(40);
    activate_twice_differentiated(kind, x, value, first, second);
    constexpr double h = 1e-5;
    EXPECT_LT((value - value_at(kind, x)).cwiseAbs().maxCoeff(), 1e-15);
    const Row right = x.array() + h, left = x.array() - h;
    EXPECT_LT((first - (value_at(kind, right) - value_at(kind, left)) / (2 * h)).cwiseAbs().maxCoeff(), 1e-9);
    Row slope_above(40), slope_below(40);
    activate_twice_differentiated(kind, right, above, slope_above, unused);
    activate_twice_differentiated(kind, left, below, slope_below, unused);
    EXPECT_LT((second - (slope_above - slope_below) / (2 * h)).cwiseAbs().maxCoeff(), 1e-9);
    multiply_by_slope(kind, x, slope);
    EXPECT_LT((slope - first).cwiseAbs().maxCoeff(), 1e-14);
    for (base::Index i = 0; i < x.size(); ++i) EXPECT_NEAR(value[i], act(kind, x[i]), 1e-14);
  }
}

TEST(Activation, StaysFiniteFarOut) {
  for (const Activation kind : all_activations) {
    Row x(2), value(2), first(2), second(2);
    x << -600, 600;
    activate_twice_differentiated(kind, x, value, first, second);
    EXPECT_TRUE(value.allFinite() && first.allFinite() && second.allFinite()) << static_cast<int>(kind);
  }
}

}  // namespace
}  // namespace starling::nets
