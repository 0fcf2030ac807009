#include <gtest/gtest.h>

#include <Eigen/QR>
#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <memory>

#include "starling/base/error.h"
#include "starling/base/random.h"
#include "starling/optim/adamw.h"
#include "starling/optim/lion.h"
#include "starling/optim/muon.h"
#include "starling/optim/sgd.h"
#include "starling/optim/shampoo.h"

namespace starling::optim {
namespace {

using base::Index;
using Table = base::Points<double>;

Table normal(Index rows, Index columns, std::uint64_t seed) {
  Table out(rows, columns);
  base::Stream(seed, 0, "test")
      .fill_normal(std::span<double>(out.data(), static_cast<std::size_t>(out.size())));
  return out;
}
std::span<double> numbers(Table& table) {
  return {table.data(), static_cast<std::size_t>(table.size())};
}
std::span<const double> numbers(const Table& table) {
  return {table.data(), static_cast<std::size_t>(table.size())};
}
Table regularised(const Table& m, double relative) {
  const double rms = m.norm() / std::sqrt(static_cast<double>(std::min(m.rows(), m.cols())));
  return math::SpectralMap(relative * rms)(m);
}

TEST(Muon, TakesTheStepsOfItsFormulas) {
  for (const bool nesterov : {true, false}) {
    for (const Momentum convention : {Momentum::average, Momentum::sum}) {
      for (const auto& [scale, factor] : {std::pair{ShapeScale::none, 1.0},
                                          {ShapeScale::spectral, std::sqrt(5.0 / 3)},
                                          {ShapeScale::rms, .2 * std::sqrt(5.0)},
                                          {ShapeScale::operator_norm, std::sqrt(5.0 / 3)}}) {
        MuonSpec spec{
            .momentum = .9, .nesterov = nesterov, .convention = convention, .scale = scale, .decay = .1};
        spec.map.tolerance = 1e-13;
        Muon<double> muon(spec, 5, 3);
        Table w = normal(5, 3, 1), expected = w, m = Table::Zero(5, 3);
        for (std::uint64_t i = 0; i < 4; ++i) {
          const Table g = normal(5, 3, 2 + i);
          const double take = convention == Momentum::average ? .1 : 1;
          m = (.9 * m + take * g).eval();
          const Table u = nesterov ? Table(take * g + .9 * m) : m;
          expected = ((1 - .02 * .1) * expected - .02 * factor * regularised(u, .5)).eval();
          muon.step(.02, numbers(w), numbers(g));
          EXPECT_LT((w - expected).norm(), 1e-13);
        }
      }
    }
  }
}

TEST(Muon, SecondMomentsKeepTheSizeAndEvenOutRowsOrEntries) {
  for (const SecondMoment second : {SecondMoment::rows, SecondMoment::entries}) {
    MuonSpec spec{.momentum = 0, .second = second, .second_decay = 0};
    spec.scale = ShapeScale::none;
    Muon<double> muon(spec, 6, 4);
    Table w = Table::Zero(6, 4);
    const Table g = normal(6, 4, 1);
    muon.step(1, numbers(w), numbers(g));
    const Table u = second == SecondMoment::entries ? Table(g.array().sign()) : g;
    EXPECT_NEAR(w.norm(), regularised(u, .5).norm(), 1e-3);
    const auto sizes = second == SecondMoment::rows ? Eigen::VectorXd(w.rowwise().norm())
                                                    : Eigen::VectorXd(w.reshaped().cwiseAbs());
    EXPECT_NEAR(sizes.minCoeff(), sizes.maxCoeff(), 1e-6);
  }
}

TEST(Muon, AZeroGradientFromRestIsAZeroStep) {
  for (const MuonSpec& spec : {MuonSpec{}, normuon(), adamuon(), scion()}) {
    Muon<double> muon(spec, 4, 6);
    Table w = normal(4, 6, 1);
    const Table before = w;
    muon.step(.1, numbers(w), numbers(Table(Table::Zero(4, 6))));
    EXPECT_TRUE(w == before);
  }
}

TEST(Muon, ChangesNothingAtAGradientThatIsNotFinite) {
  Muon<double> muon(MuonSpec{}, 4, 6);
  Table w = normal(4, 6, 1), g = normal(4, 6, 2);
  muon.step(.1, numbers(w), numbers(g));
  const Table before = w;
  const std::vector<double> momentum(muon.state()[0].begin(), muon.state()[0].end());
  for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    g(1, 1) = bad;
    EXPECT_THROW(muon.step(.1, numbers(w), numbers(g)), base::Error);
    EXPECT_TRUE(w == before);
    EXPECT_TRUE(std::ranges::equal(momentum, muon.state()[0]));
  }
  EXPECT_THROW(muon.step(.1, numbers(w).subspan(1), numbers(g)), base::Error);
  EXPECT_THROW(Muon<double>(MuonSpec{.momentum = 1}, 2, 2), base::Error);
  EXPECT_THROW(Muon<double>(MuonSpec{.decay = -1}, 2, 2), base::Error);
  EXPECT_THROW(parse_shape_scale("spectrl"), base::Error);
}

TEST(Shampoo, OfOneGradientIsItsPolarFactorUpToItsSize) {
  // L^(-1/4) G R^(-1/4) = U s^(-1/2) s s^(-1/2) Vᵀ.
  Shampoo<double> shampoo({.momentum = 0, .second = 0, .epsilon = 1e-14}, 5, 3);
  Table w = Table::Zero(5, 3);
  const Table g = normal(5, 3, 1);
  shampoo.step(1, numbers(w), numbers(g));
  EXPECT_LT((w + Table(math::polar_factor(g))).norm(), 1e-6);
}

// Gradients shrink on the way to the minimum, and roots of ten steps ago would blow up those that are left.
TEST(Shampoo, SettlesWhereGradientsVanish) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    std::vector<double> target(24), w(24, 0.0), g(24);
    base::Stream(seed, 0, "test").fill_normal(std::span<double>(target));
    Shampoo<double> shampoo({}, 6, 4);
    for (int step = 0; step < 300; ++step) {
      for (std::size_t i = 0; i < 24; ++i) g[i] = w[i] - target[i];
      shampoo.step(0.02, w, g);
    }
    double left = 0, whole = 0;
    for (std::size_t i = 0; i < 24; ++i) {
      left += (w[i] - target[i]) * (w[i] - target[i]);
      whole += target[i] * target[i];
    }
    EXPECT_LT(std::sqrt(left / whole), 0.05) << "seed " << seed;
  }
}

TEST(Soap, OfOneGradientIsAdamInItsSingularVectors) {
  Soap<double> soap({.beta1 = 0, .beta2 = 0}, 5, 3);
  Table w = Table::Zero(5, 3);
  const Table g = normal(5, 3, 1);
  soap.step(1, numbers(w), numbers(g));
  // There G is diagonal, and Adam's first step its sign.
  EXPECT_LT((w + Table(math::polar_factor(g))).norm(), 1e-5);
}

// Least squares of condition number 1000, 8 x 6, over a grid of rates; in the axes of the problem and
// rotated.
struct Sweep {
  Eigen::VectorXd left, right;
  Table target, q8, q6;
  Sweep() : left(8), right(6), target(8, 6) {
    for (Index i = 0; i < 8; ++i) left[i] = std::pow(10, -1.5 * static_cast<double>(i) / 7);
    for (Index j = 0; j < 6; ++j) right[j] = std::pow(10, -1.5 * static_cast<double>(j) / 5);
    const auto rotation = [](Index n, auto entry) {
      Eigen::MatrixXd m(n, n);
      for (Index i = 0; i < n; ++i) {
        for (Index j = 0; j < n; ++j)
          m(i, j) = entry(static_cast<double>(i), static_cast<double>(j)) + (i == j ? 1 : 0);
      }
      // The signs of Householder's factors change no singular value and no axis.
      return Table(Eigen::MatrixXd(Eigen::HouseholderQR<Eigen::MatrixXd>(m).householderQ()));
    };
    for (Index i = 0; i < 8; ++i) {
      for (Index j = 0; j < 6; ++j)
        target(i, j) = std::sin(1.0 + 2 * static_cast<double>(i) + 3 * static_cast<double>(j));
    }
    q8 = rotation(8, [](double i, double j) { return std::sin(1 + i * j + i); });
    q6 = rotation(6, [](double i, double j) { return std::cos(1 + i * j + 2 * j); });
  }

  double objective(const Table& w) const {
    return .5 * (left.asDiagonal() * (w - target) * right.asDiagonal()).squaredNorm();
  }
  Table gradient(const Table& w) const {
    return left.cwiseAbs2().asDiagonal() * (w - target) * right.cwiseAbs2().asDiagonal();
  }

  using Step = std::function<void(double rate, std::span<double> w, std::span<const double> g)>;
  // The least final J over rates 10^(-3 : 1/4 : 1), 500 steps with rate (1 - t/500).
  double best(const std::function<Step()>& make, bool rotated) const {
    double least = std::numeric_limits<double>::infinity();
    for (int k = 0; k <= 16; ++k) {
      const double rate = std::pow(10, -3 + .25 * k);
      const Step step = make();
      Table v = Table::Zero(8, 6);
      for (int t = 0; t < 500; ++t) {
        const Table w = rotated ? Table(q8.transpose() * v * q6) : v;
        const Table g = rotated ? Table(q8 * gradient(w) * q6.transpose()) : gradient(w);
        step(rate * (1 - t / 500.0), numbers(v), numbers(g));
      }
      const double end = objective(rotated ? Table(q8.transpose() * v * q6) : v);
      if (std::isfinite(end)) least = std::min(least, end);
    }
    return least;
  }
};

TEST(RateSweep, MuonIsBlindToARotationThatAdamAndLionAreNot) {
  const Sweep sweep;
  EXPECT_NEAR(sweep.objective(Table::Zero(8, 6)), .561183080321334, 1e-14);
  const auto muon = [](const OrthogonalizeSpec& map) {
    return [map]() -> Sweep::Step {
      auto optimizer = std::make_shared<Muon<double>>(MuonSpec{.map = map, .scale = ShapeScale::none}, 8, 6);
      return [optimizer](double rate, auto w, auto g) { optimizer->step(rate, w, g); };
    };
  };
  const auto sgd = []() -> Sweep::Step {
    auto state = std::make_shared<SgdState<double>>(48);
    return [state](double rate, auto w, auto g) { sgd_step<double>({.momentum = .95}, rate, w, g, *state); };
  };
  const auto adam = []() -> Sweep::Step {
    auto state = std::make_shared<AdamWState<double>>(48);
    return [state](double rate, auto w, auto g) { adamw_step<double>({}, rate, w, g, *state); };
  };
  const auto lion = []() -> Sweep::Step {
    auto state = std::make_shared<LionState<double>>(48);
    return [state](double rate, auto w, auto g) { lion_step<double>({}, rate, w, g, *state); };
  };
  for (const bool rotated : {false, true}) {
    EXPECT_NEAR(sweep.best(muon({.epsilon = 1e-3}), rotated) / 1.62202e-7, 1, 5e-6);
    EXPECT_NEAR(sweep.best(sgd, rotated) / 2.4201e-5, 1, 1e-4);
    const double polar = sweep.best(muon({.method = Orthogonalization::polar}), rotated),
                 schulz = sweep.best(muon({.method = Orthogonalization::jordan}), rotated);
    EXPECT_GT(polar, 1e-9);
    EXPECT_LT(polar, 3e-8);
    EXPECT_GT(schulz, 2e-9);
    EXPECT_LT(schulz, 3e-8);
  }
  EXPECT_LT(sweep.best(adam, false), 1e-22);
  EXPECT_NEAR(sweep.best(adam, true) / 5.1e-5, 1, .02);
  EXPECT_NEAR(sweep.best(lion, false) / 3.8e-10, 1, .5);
  EXPECT_NEAR(sweep.best(lion, true) / 8.9e-5, 1, .02);
}

}  // namespace
}  // namespace starling::optim
