#include "starling/systems/pinn/certificate.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <numbers>
#include <string>

#include "nets/formula_net.h"
#include "starling/base/error.h"
#include "starling/math/legendre.h"
#include "starling/systems/pinn/windows.h"
#include "systems/pinn/poisson.h"

namespace starling::pinn {
namespace {

constexpr double pi = std::numbers::pi;

// An equation whose solution is known, so that the error of any network is.
struct Case {
  std::string text;
  std::function<double(double, double)> exact;
};

const Case poisson_case{
    "-u_xx - u_yy = 2*pi^2*sin(pi*x)*sin(pi*y); domain x = 0..1, y = 0..1;"
    "u(0, y) = 0; u(1, y) = 0; u(x, 0) = 0; u(x, 1) = 0",
    [](double x, double y) { return std::sin(pi * x) * std::sin(pi * y); }};
const Case heat_case{
    "u_t = 0.1*u_xx; domain x = 0..1, t = 0..2; u(0, t) = 0; u(1, t) = 0; u(x, 0) = sin(pi*x)",
    [](double x, double t) { return std::exp(-0.1 * pi * pi * t) * std::sin(pi * x); }};
// Drift, decay, and a factor on the whole that is to drop out.
const Case drifting{
    "3*u_t + 6*u_x - 1.5*u_xx + 9*u = exp(-t)*(7.5*sin(x) + 6*cos(x)); domain x = 0..1, t = 0..1;"
    "u(0, t) = 0; u(1, t) = exp(-t)*sin(1); u(x, 0) = sin(x)",
    [](double x, double t) { return std::exp(-t) * std::sin(x); }};
const Case flipped{
    "laplacian(u)/2 - u = -(pi^2 + 1)*sin(pi*x)*sin(pi*y); domain x = 0..1, y = 0..1;"
    "u(0, y) = 0; u(1, y) = 0; u(x, 0) = 0; u(x, 1) = 0",
    [](double x, double y) { return std::sin(pi * x) * std::sin(pi * y); }};

int unknown(System& system) {
  return system.graph.symbol({});
}

struct Truth {
  double supremum = 0, norm = 0;
};

// The error over the box, its norm at the end when the second axis is time.
Truth true_error(const Case& which, const System& system, int solution, const nets::JetNetwork& network,
                 const std::vector<double>& parameters) {
  const bool evolves = system.axes[1] == "t";
  constexpr int n = 60;
  const math::GaussRule rule = math::gauss_legendre(n);
  const Box& box = *system.domain;
  const Residual<double> values(system, {solution}, network);
  Residual<double>::Workspace workspace;
  const auto error_at = [&](double x, double y) {
    const double point[] = {x, y};
    double u = 0;
    values.values(parameters, point, 1, workspace, &u);
    return u - which.exact(x, y);
  };
  const auto place = [&](std::size_t axis, double s) {
    return box.low[axis] + (box.high[axis] - box.low[axis]) * s;
  };
  Truth truth;
  double squares = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const double x = place(0, (1 + rule.points[i]) / 2),
                 wx = rule.weights[i] * (box.high[0] - box.low[0]) / 2;
    if (evolves) squares += wx * std::pow(error_at(x, box.high[1]), 2);
    for (std::size_t j = 0; j < n && !evolves; ++j) {
      const double wy = rule.weights[j] * (box.high[1] - box.low[1]) / 2;
      squares += wx * wy * std::pow(error_at(x, place(1, (1 + rule.points[j]) / 2)), 2);
    }
  }
  for (int i = 0; i <= 100; ++i) {
    for (int j = 0; j <= 100; ++j)
      truth.supremum = std::max(truth.supremum, std::abs(error_at(place(0, i / 100.0), place(1, j / 100.0))));
  }
  truth.norm = std::sqrt(squares);
  return truth;
}

TEST(Certificate, IsAboveTheTrueErrorOfAnyNetwork) {
  for (const Case* which : {&poisson_case, &heat_case, &drifting, &flipped}) {
    System system = parse_system(which->text);
    const int u = unknown(system);
    const nets::JetNetwork network{{2, 8, 8, 1}};
    for (std::uint64_t seed = 1; seed <= 6; ++seed) {
      const auto parameters = testing::split_mix_parameters(network, seed);
      const Certificate found = certify(system, u, network, parameters);
      ASSERT_EQ(found.refused, "") << which->text;
      const Truth truth = true_error(*which, system, u, network, parameters);
      EXPECT_GE(found.supremum, truth.supremum) << which->text;
      EXPECT_GE(found.norm, truth.norm) << which->text;
      EXPECT_LT(found.refinement, 1e-2) << which->text;
    }
  }
}

// A network for every window of time; nothing makes them meet.
TEST(Certificate, OverWindowsIsAboveTheTrueErrorOfAnyNetworks) {
  constexpr std::int64_t windows = 3;
  for (const Case* which : {&heat_case, &drifting}) {
    System system = parse_system(which->text);
    const int u = unknown(system);
    const nets::JetNetwork network{{2, 8, 8, 1}};
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
      std::vector<double> all;
      Truth truth;
      for (std::int64_t w = 0; w < windows; ++w) {
        const auto own = testing::split_mix_parameters(network, 10 * seed + static_cast<std::uint64_t>(w));
        all.insert(all.end(), own.begin(), own.end());
        const Truth part = true_error(*which, within_window(system, windows, w), u, network, own);
        truth = {std::max(truth.supremum, part.supremum), part.norm};
      }
      const Certificate found = certify(system, u, network, all, {.windows = windows});
      ASSERT_EQ(found.refused, "") << which->text;
      EXPECT_GT(found.jump_supremum, 0);
      EXPECT_GE(found.supremum, truth.supremum) << which->text;
      EXPECT_GE(found.norm, truth.norm) << which->text;
      EXPECT_LT(found.refinement, 1e-2) << which->text;
    }
  }
}

// One network in all windows has no jump, and the residual's part is the integral over the whole time.
TEST(Certificate, OverWindowsOfOneNetworkIsThatOfTheWhole) {
  System system = parse_system(heat_case.text);
  const int u = unknown(system);
  const nets::JetNetwork network{{2, 8, 1}};
  const auto once = testing::split_mix_parameters(network, 5);
  std::vector<double> twice = once;
  twice.insert(twice.end(), once.begin(), once.end());
  const Certificate whole = certify(system, u, network, once),
                    parts = certify(system, u, network, twice, {.windows = 2});
  EXPECT_EQ(parts.jump_supremum, 0);
  EXPECT_NEAR(parts.residual_part, whole.residual_part, 1e-9 * whole.residual_part);
  EXPECT_EQ(parts.start_norm, whole.start_norm);
  const double sides = whole.norm - whole.residual_part - std::exp(-0.2 * pi * pi) * whole.start_norm;
  EXPECT_GE(parts.norm, whole.norm);  // the first window's sides count again
  EXPECT_LE(parts.norm, whole.norm + 1.001 * std::exp(-0.1 * pi * pi) * sides);
}

// All networks are 0: the error dies as the lowest mode does, whatever the windows.
TEST(Certificate, OverWindowsIsTheErrorItselfInTheLowestMode) {
  System system = parse_system(heat_case.text);
  const nets::JetNetwork network{{2, 3, 1}};
  const std::vector<double> zero(4 * static_cast<std::size_t>(network.parameter_count()), 0.0);
  const Certificate found = certify(system, unknown(system), network, zero, {.windows = 4});
  EXPECT_NEAR(found.norm, std::exp(-0.2 * pi * pi) * std::sqrt(0.5), 1e-12);
  EXPECT_NEAR(found.supremum, 1, 1e-3);  // the largest of samples
}

TEST(Certificate, IsTheErrorItselfInTheLowestMode) {
  // The network is 0 everywhere, so the error is minus the solution, an eigenfunction.
  const nets::JetNetwork network{{2, 3, 1}};
  const std::vector<double> zero(static_cast<std::size_t>(network.parameter_count()), 0.0);
  for (const Case* which : {&poisson_case, &heat_case, &flipped}) {
    System system = parse_system(which->text);
    const Certificate found = certify(system, unknown(system), network, zero);
    const double expected = which == &heat_case ? std::exp(-0.2 * pi * pi) * std::sqrt(0.5) : 0.5;
    EXPECT_NEAR(found.norm, expected, 1e-12) << which->text;
  }
}

TEST(Certificate, IsTheErrorItselfForAConstantLoadOnALine) {
  // u = x (2 - x) / 6 solves -3 u'' = 1 on 0..2, and its largest value is the barrier.
  System system = parse_system("-3*u_xx = 1; domain x = 0..2; u(0) = 0; u(2) = 0");
  const nets::JetNetwork network{{1, 3, 1}};
  const std::vector<double> zero(static_cast<std::size_t>(network.parameter_count()), 0.0);
  const Certificate found = certify(system, unknown(system), network, zero);
  ASSERT_EQ(found.refused, "");
  EXPECT_NEAR(found.supremum, 1.0 / 6, 1e-15);
  // |x (2 - x) / 6|_2 = √(16/15) / 6, below |r|_2 / λ = √2 / (3 π² / 4).
  EXPECT_GT(found.norm, std::sqrt(16.0 / 15) / 6);
  EXPECT_NEAR(found.norm, std::sqrt(2.0) / (3 * pi * pi / 4), 1e-13);
}

TEST(Certificate, HasTheConstantsOfItsOperator) {
  System system = parse_system(drifting.text);
  const int u = unknown(system);
  const LinearOperator by = linear_operator(system, system.equations[0].residual, u);
  EXPECT_EQ(by.refused, "");
  EXPECT_TRUE(by.evolves);
  EXPECT_DOUBLE_EQ(by.scale, 3);
  EXPECT_DOUBLE_EQ(by.diffusion[0], 0.5);
  EXPECT_DOUBLE_EQ(by.advection[0], 2);
  EXPECT_DOUBLE_EQ(by.reaction, 3);
  const nets::JetNetwork network{{2, 4, 1}};
  const Certificate found = certify(system, u, network, nets::testing::formula_parameters(network));
  EXPECT_DOUBLE_EQ(found.eigenvalue, pi * pi / 2 + 3);
  EXPECT_DOUBLE_EQ(found.barrier, 1.0 / 3);  // of 1/c, L/b = 1/2 and T = 1
}

// |Δe|_2 over the unit square of the true error e, by differences of the fourth order.
double laplacian_norm(const Case& which, const System& system, int solution, const nets::JetNetwork& network,
                      const std::vector<double>& parameters) {
  constexpr int n = 40;
  constexpr double h = 2e-3;
  const math::GaussRule rule = math::gauss_legendre(n);
  const Residual<double> values(system, {solution}, network);
  Residual<double>::Workspace workspace;
  const auto error_at = [&](double x, double y) {
    const double point[] = {x, y};
    double u = 0;
    values.values(parameters, point, 1, workspace, &u);
    return u - which.exact(x, y);
  };
  double squares = 0;
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      const double x = (1 + rule.points[i]) / 2, y = (1 + rule.points[j]) / 2;
      double sum = -60 * error_at(x, y);
      for (const double s : {-h, h}) {
        sum +=
            16 * (error_at(x + s, y) + error_at(x, y + s)) - error_at(x + 2 * s, y) - error_at(x, y + 2 * s);
      }
      squares += rule.weights[i] * rule.weights[j] / 4 * std::pow(sum / (12 * h * h), 2);
    }
  }
  return std::sqrt(squares);
}

// Poisson's equation on 16 x 16 points, with its sides in the loss or in the network.
Loss loss_of(const System& system, int solution, const nets::JetNetwork& network) {
  LossTerm inner{.roots = equation_roots(system)}, sides{.roots = {solution}, .weight = 100};
  for (int i = 1; i <= 16; ++i) {
    for (int j = 1; j <= 16; ++j) inner.points.insert(inner.points.end(), {i / 17.0, j / 17.0});
  }
  for (const double s : testing::spaced(0, 1, 21))
    sides.points.insert(sides.points.end(), {s, 0, s, 1, 0, s, 1, s});
  std::vector<LossTerm> terms{inner};
  if (system.definitions.empty()) terms.push_back(sides);
  return Loss(system, network, terms);
}

TEST(Certificate, FollowsTheErrorDownAsANetworkIsTrained) {
  for (const bool hard : {false, true}) {
    System system =
        parse_system((hard ? "unknowns n; let u = x*(1 - x)*y*(1 - y)*n; " : "") + poisson_case.text);
    const int u = hard ? system.definitions[0].node : unknown(system);
    const nets::JetNetwork network{{2, 20, 1}};
    Loss loss = loss_of(system, u, network);
    auto x = testing::split_mix_parameters(network, 1);
    optim::QuasiNewton optimiser({.method = optim::QuasiNewtonMethod::ssbroyden2},
                                 static_cast<base::Index>(x.size()));
    const auto function = [&](std::span<const double> at, std::span<double> slope) {
      return loss.gradient(at, slope);
    };
    optimiser.start(function, x);
    double last = 1e300;
    for (const int steps : {100, 300}) {
      for (int step = 0; step < steps; ++step) optimiser.step(function, x);
      const Certificate found = certify(system, u, network, x);
      ASSERT_EQ(found.refused, "");
      const Truth truth = true_error(poisson_case, system, u, network, x);
      EXPECT_GE(found.supremum, truth.supremum);
      EXPECT_GE(found.norm, truth.norm);
      const double part = laplacian_norm(poisson_case, system, u, network, x) / (2 * pi * pi);
      EXPECT_NEAR(found.residual_part, part, 1e-3 * part);
      EXPECT_LT(found.norm, last / 3);
      EXPECT_LT(found.side_supremum, hard ? 1e-15 : 1);
      last = found.norm;
      const std::string key = (hard ? "hard" : "soft") + std::to_string(steps);
      RecordProperty(key + "_norm", fmt::format("{:.2e} <= {:.2e}", truth.norm, found.norm));
      RecordProperty(key + "_supremum", fmt::format("{:.2e} <= {:.2e}", truth.supremum, found.supremum));
    }
  }
}

TEST(Certificate, IsRefusedWithAReasonWhereNoEstimateHolds) {
  const std::string sides = "; domain x = 0..1, t = 0..1; u(0, t) = 0; u(1, t) = 0; u(x, 0) = 0";
  const std::pair<const char*, const char*> cases[] = {
      {"u_t + u*u_x = 0.1*u_xx", "not linear"},
      {"u_t = x*u_xx", "not linear with constant"},
      {"u_t + sin(u) = u_xx", "not linear"},
      {"u_tt = u_xx", "second derivative in time"},
      {"u_t + u_x = 0", "no second derivative in space"},
      {"u_t + u_xx = 0", "does not diffuse along x"},
      {"u_xx = t", "no u_t"},
      {"u_t = u_xx + 5*u", "grow"},
      {"u_t = u_xx - u_xxxx", "unmixed second"},
      {"u_t = u_xx + u_xt", "unmixed second"},
      {"learn k init 1; u_t = k*u_xx", "learned"},
      {"u_t = u_xx; u_x = 0", "2 equations"},
      {"periodic x; u_t = u_xx", "periodic"},
      {"hole x = 0.2..0.4, t = 0.2..0.4; u_t = u_xx", "holes"},
  };
  const nets::JetNetwork network{{2, 4, 1}};
  for (const auto& [text, reason] : cases) {
    System system = parse_system(text + sides);
    auto parameters = nets::testing::formula_parameters(network);
    parameters.resize(parameters.size() + system.learned.size(), 1.0);
    const Certificate found = certify(system, unknown(system), network, parameters);
    EXPECT_NE(found.refused.find(reason), std::string::npos) << text << ": " << found.refused;
  }
}

TEST(Certificate, EverySideNeedsTheSolutionsValues) {
  const nets::JetNetwork network{{2, 4, 1}};
  const auto parameters = nets::testing::formula_parameters(network);
  const std::string start = "u_t = u_xx; domain x = 0..1, t = 0..1; u(0, t) = 0; ";
  for (const char* rest : {"u(1, t) = 0", "u(x, 0) = 0", "u(x, 0) = 0; u_x(1, t) = 0",
                           "u(x, 0) = 0; u(1, t) = 0 where t > 0.5"}) {
    System system = parse_system(start + rest);
    const Certificate found = certify(system, unknown(system), network, parameters);
    EXPECT_NE(found.refused.find("no condition"), std::string::npos) << rest << ": " << found.refused;
  }
}

TEST(Certificate, WrongRequestsAreNamed) {
  System system = parse_system(heat_case.text);
  const nets::JetNetwork network{{2, 4, 1}};
  const auto parameters = nets::testing::formula_parameters(network);
  const int u = unknown(system);
  EXPECT_THROW(certify(system, u, network, parameters, {.samples = 3}), base::Error);
  EXPECT_THROW(certify(system, u, network, parameters, {.windows = 0}), base::Error);
  EXPECT_THROW(certify(system, u, network, parameters, {.windows = 1 << 20}), base::Error);
  EXPECT_THROW(certify(system, system.graph.constant(1), network, parameters), base::Error);
  System singular = parse_system(
      "-u_xx - u_yy = 1/x; domain x = 0..1, y = 0..1; u(0, y) = 0; u(1, y) = 0; u(x, 0) = 0; u(x, 1) = 0");
  EXPECT_THROW(certify(singular, unknown(singular), network, parameters), base::Error);
}

}  // namespace
}  // namespace starling::pinn
