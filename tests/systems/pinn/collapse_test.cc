#include "starling/systems/pinn/collapse.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "nets/formula_net.h"
#include "starling/base/random.h"
#include "starling/systems/pinn/residual.h"

namespace starling::pinn {
namespace {

struct Measured {
  int streams = 0;
  double loss = 0;
  std::vector<double> gradient{};
};

Measured measure(const std::string& text) {
  const System system = parse_system(text, {.axes = {"x", "y", "t"}});
  const nets::JetNetwork network{{3, 9, 8, static_cast<std::ptrdiff_t>(system.unknowns.size())}};
  const Residual<double> residual(system, equation_roots(system), network);
  std::vector<double> points(3 * 40);
  base::Stream random(3, 0, "points");
  for (double& value : points) value = random.uniform();
  Measured out{.streams = residual.jets().streams().count()};
  auto parameters = nets::testing::formula_parameters(network);
  parameters.resize(static_cast<std::size_t>(residual.parameter_count()), 0.5);  // learned
  out.gradient.resize(parameters.size());
  Residual<double>::Workspace workspace;
  out.loss = residual.add_gradient(parameters, points.data(), 40, nullptr, 1, workspace, out.gradient);
  return out;
}

int streams_of(const std::string& text) {
  return measure(text).streams;
}

TEST(Collapse, ASumOfDerivativesIsOneStream) {
  EXPECT_EQ(streams_of("u_t + u*u_x - 0.3*u_xx"), 3);       // u, u_x, the sum
  EXPECT_EQ(streams_of("u_t + u*u_x + u_xx + u_xxxx"), 5);  // and u_xx, u_xxx, which u_xxxx is made of
  EXPECT_EQ(streams_of("u_tt - laplacian(u)/4 + u^3"), 5);  // u, three slopes, the sum
  EXPECT_EQ(streams_of("u_t - u_xx + v; v_t - u_xx + u"),
            4);  // v_t alone, u_xx of two equations: as they are
  EXPECT_EQ(streams_of("u_t - u_xx + v; v_t - v_xx + u"), 3);  // the same sum of both
}

TEST(Collapse, WhatIsReadOtherwiseKeepsItsStream) {
  EXPECT_EQ(streams_of("learn k init 0.5; u_t + u*u_x - k*u_xx"), 4);
  EXPECT_EQ(streams_of("u_t - x*u_xx"), 4);
  EXPECT_EQ(streams_of("u_t - u_xx + u_xx^2"), 4);
  EXPECT_EQ(streams_of("u_x + u_t"), 2);
}

// A coefficient that the program does not know to be 1 keeps its derivative apart.
TEST(Collapse, ValuesAndGradientsAreThoseOfDerivativesApart) {
  const std::string one = "*((x + 2)/(x + 2))";
  const std::pair<std::string, std::string> equations[] = {
      {"u_t + u*u_x - 0.3*u_xx", "u_t" + one + " + u*u_x - 0.3*u_xx" + one},
      {"2*(u_t + u*u_x) - (-u_xxx + u_xxxx/8 - u_xx*3)",
       "2*(u_t" + one + " + u*u_x) - (-u_xxx" + one + " + u_xxxx/8" + one + " - u_xx*3" + one + ")"},
      {"u_tt - laplacian(u)/4 + u_xy + u^3",
       "u_tt" + one + " - laplacian(u)/4" + one + " + u_xy" + one + " + u^3"},
      {"u_t - u_xx + v^2; v_t - v_xx + u", "u_t" + one + " - u_xx + v^2; v_t" + one + " - v_xx + u"}};
  for (const auto& [text, apart] : equations) {
    const Measured sum = measure(text), each = measure(apart);
    EXPECT_LT(sum.streams, each.streams) << text;
    EXPECT_NEAR(sum.loss, each.loss, 1e-14 * each.loss) << text;
    double scale = 0;
    for (const double g : each.gradient) scale = std::max(scale, std::abs(g));
    for (std::size_t p = 0; p < each.gradient.size(); ++p)
      EXPECT_NEAR(sum.gradient[p], each.gradient[p], 1e-13 * scale) << text << " " << p;
  }
}

TEST(Collapse, AGraphAtTheLimitOfItsDepthStaysAsItIs) {
  Graph graph;
  int root = graph.binary(Op::add, graph.symbol({.index = {2}}), graph.symbol({.index = {0, 0, 1}}));
  for (int depth = 1; depth < 1000; ++depth)
    root = graph.binary(Op::add, root, graph.unary(Op::sin, graph.constant(depth)));
  EXPECT_NO_THROW(collapse(graph, {root}, 2));
  int shared = graph.binary(Op::add, graph.symbol({.index = {2}}), graph.symbol({.index = {0, 0, 1}}));
  for (int depth = 0; depth < 60; ++depth) shared = graph.binary(Op::add, shared, shared);
  const Collapsed doubled = collapse(graph, {shared}, 2);  // 2^60 summands, in one pass
  ASSERT_EQ(doubled.sums.size(), 1U);
  EXPECT_EQ(doubled.sums[0][0].coefficient, std::pow(2.0, 60));
}

}  // namespace
}  // namespace starling::pinn
