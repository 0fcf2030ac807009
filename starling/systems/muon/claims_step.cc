#include <fmt/format.h>

#include <Eigen/QR>
#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <numbers>

#include "starling/base/random.h"
#include "starling/optim/adamw.h"
#include "starling/optim/muon.h"
#include "starling/study/verdicts.h"
#include "starling/systems/muon/claims.h"

namespace starling::muon {
namespace {

using base::Index;
using base::Points;
using study::Claim;

Points<double> normal_draws(const FlowSpec& spec, const char* purpose, std::int64_t index, Index rows,
                            Index columns) {
  Points<double> out(rows, columns);
  base::Stream stream(static_cast<std::uint64_t>(spec.common.seed), 0, purpose,
                      static_cast<std::uint64_t>(index));
  stream.fill_normal(std::span<double>(out.data(), static_cast<std::size_t>(out.size())));
  return out;
}

// Largest entry of JᵀΩJ - βΩ of one step from a state of one 2 x 2 matrix, J by differences of order six.
double symplectic_defect(const Flow& flow, const State& start, double dt) {
  using Matrix = Eigen::Matrix<double, 8, 8>;
  Matrix jacobian, omega = Matrix::Zero();
  for (int i = 0; i < 8; ++i) {
    const auto end = [&](double shift) {
      State s = start;
      (i < 4 ? s.w(0, i) : s.p(0, i - 4)) += shift;
      step(flow, Integrator::muon, dt, equal_weights(1), s);
      Eigen::Matrix<double, 8, 1> both;
      both << s.w.transpose(), s.p.transpose();
      return both;
    };
    const double h = 1e-2 * std::min(1.0, flow.kinetic.epsilon(0));
    jacobian.col(i) =
        (45 * (end(h) - end(-h)) - 9 * (end(2 * h) - end(-2 * h)) + end(3 * h) - end(-3 * h)) / (60 * h);
  }
  omega.topRightCorner<4, 4>().setIdentity();
  omega.bottomLeftCorner<4, 4>() = -Eigen::Matrix4d::Identity();
  const double beta = 1 - flow.gamma * dt;
  return (jacobian.transpose() * omega * jacobian - beta * omega).cwiseAbs().maxCoeff();
}

Claim symplectic(Claim claim, const FlowSpec& spec, study::Store& store) {
  double most = 0;
  for (std::int64_t i = 0; i < spec.replicates; ++i) {
    const auto objective = two_layer_objective(normal_draws(spec, "symplectic x", i, 5, 2),
                                               normal_draws(spec, "symplectic y", i, 5, 1),
                                               normal_draws(spec, "symplectic a", i, 2, 1));
    const Flow flow{*objective, Kinetic(objective->blocks(), {spec.epsilon}), spec.gamma};
    const State start{normal_draws(spec, "symplectic w", i, 1, 4),
                      spec.epsilon * normal_draws(spec, "symplectic p", i, 1, 4)};
    most = std::max(most, symplectic_defect(flow, start, spec.dt));
  }
  return judge_error(std::move(claim), store, "largest defect", most, 1e-6);
}

// One 2 x 2 matrix under ½ |W - target|²: the linear case, whose Hessian is the identity.
struct Bowl {
  std::unique_ptr<Objective> objective;
  Cloud target;
  explicit Bowl(const FlowSpec& spec) : target(normal_draws(spec, "bowl", 0, 1, 4)) {
    objective = mean_matrix_objective(Eigen::Map<const Points<double>>(target.data(), 2, 2));
  }
  Flow flow(double epsilon, double gamma) const {
    return {*objective, Kinetic(objective->blocks(), {epsilon}), gamma};
  }
};

Claim overdamped(Claim claim, const FlowSpec& spec, study::Store& store) {
  const Bowl bowl(spec);
  const double epsilon = .5, gamma = 6, predicted = gamma - std::sqrt(gamma * gamma - 4 / epsilon);
  const std::vector<double> times = {20, 30};
  const History h = follow(bowl.flow(epsilon, gamma), {Cloud::Zero(1, 4), Cloud::Zero(1, 4)}, times, {});
  const double found = std::log(h.objective[0] / h.objective[1]) / 10;
  store.record(study::Metric{
      .task = claim.id, .name = "rate", .value = found, .note = fmt::format("predicted {:.6g}", predicted)});
  return judge_error(std::move(claim), store, "relative error", std::abs(found / predicted - 1), 1e-4);
}

Claim underdamped(Claim claim, const FlowSpec& spec, study::Store& store) {
  const Bowl bowl(spec);
  const double epsilon = .1, gamma = 1,
               period = 2 * std::numbers::pi / std::sqrt(4 / epsilon - gamma * gamma);
  // Two times a whole number of swings apart: the envelope alone is left.
  const std::vector<double> times = {12, 12 + 8 * period};
  const History h = follow(bowl.flow(epsilon, gamma),
                           {bowl.target + .01 * Cloud::Ones(1, 4), Cloud::Zero(1, 4)}, times, {});
  const double found = std::log(h.hamiltonian[0] / h.hamiltonian[1]) / (8 * period);
  store.record(
      study::Metric{.task = claim.id, .name = "rate", .value = found, .note = "predicted gamma = 1"});
  return judge_error(std::move(claim), store, "relative error", std::abs(found / gamma - 1), 1e-3);
}

Claim threshold(Claim claim, const FlowSpec& spec, study::Store& store) {
  const Bowl bowl(spec);
  const double epsilon = .1, beta = .9, limit = std::sqrt(2 * epsilon * (1 + beta));
  double off = 0;
  for (const double share : {.99, 1.01}) {
    const double dt = share * limit;
    const Flow flow = bowl.flow(epsilon, (1 - beta) / dt);
    State state{bowl.target + 1e-3 * (Cloud(1, 4) << 1, 0, 0, 1).finished(), Cloud::Zero(1, 4)};
    for (int i = 0; i < 6000; ++i) step(flow, Integrator::muon, dt, equal_weights(1), state);
    const Cloud away = state.w - bowl.target;
    const double distance = math::singular_values(Eigen::Map<const Points<double>>(away.data(), 2, 2))[0];
    const double expected =
        share < 1 ? 0
                  : (1 + beta) / dt * std::sqrt(std::pow(dt * dt / (2 * (1 + beta)), 2) - epsilon * epsilon);
    store.record(study::Metric{.task = claim.id,
                               .name = fmt::format("distance at {:g} of the threshold", share),
                               .value = distance,
                               .note = fmt::format("expected {:.6g}", expected)});
    off = std::max(off, std::abs(distance - expected));
  }
  return judge_error(std::move(claim), store, "largest difference", off, 1e-6);
}

// Ill-conditioned least squares in its own axes and rotated: how far the final J differ, as |log10 of the
// ratio|.
using Step = std::function<void(double rate, std::span<double> w, std::span<const double> g)>;
double blindness(const FlowSpec& spec, double rate, const std::function<Step()>& make) {
  const Index m = 8, n = 6;
  base::Vector<double> left(m), right(n);
  for (Index i = 0; i < m; ++i)
    left[i] = std::pow(10, -1.5 * static_cast<double>(i) / static_cast<double>(m - 1));
  for (Index j = 0; j < n; ++j)
    right[j] = std::pow(10, -1.5 * static_cast<double>(j) / static_cast<double>(n - 1));
  const Points<double> target = normal_draws(spec, "rotation target", 0, m, n);
  const Points<double> q = Eigen::MatrixXd(
      Eigen::HouseholderQR<Eigen::MatrixXd>(normal_draws(spec, "rotation left", 0, m, m)).householderQ());
  const Points<double> r = Eigen::MatrixXd(
      Eigen::HouseholderQR<Eigen::MatrixXd>(normal_draws(spec, "rotation right", 0, n, n)).householderQ());
  double end[2] = {0, 0};
  for (int rotated = 0; rotated < 2; ++rotated) {
    const Step step = make();
    Points<double> v = Points<double>::Zero(m, n);
    const auto own = [&]() -> Points<double> {
      return rotated == 1 ? Points<double>(q.transpose() * v * r) : v;
    };
    for (int t = 0; t < 500; ++t) {
      const Points<double> slope =
          left.cwiseAbs2().asDiagonal() * (own() - target) * right.cwiseAbs2().asDiagonal();
      const Points<double> g = rotated == 1 ? Points<double>(q * slope * r.transpose()) : slope;
      step(rate * (1 - t / 500.0), {v.data(), static_cast<std::size_t>(v.size())},
           {g.data(), static_cast<std::size_t>(g.size())});
    }
    end[rotated] = (left.asDiagonal() * (own() - target) * right.asDiagonal()).squaredNorm();
  }
  return std::abs(std::log10(end[1] / end[0]));
}

Claim muon_is_blind(Claim claim, const FlowSpec& spec, study::Store& store) {
  const double decades = blindness(spec, .1, []() -> Step {
    optim::MuonSpec muon;
    muon.map = {.epsilon = 1e-2};
    muon.scale = optim::ShapeScale::none;
    auto optimizer = std::make_shared<optim::Muon<double>>(muon, 8, 6);
    return [optimizer](double rate, auto w, auto g) { optimizer->step(rate, w, g); };
  });
  return judge_error(std::move(claim), store, "decades between the ends", decades, 1e-6);
}

Claim adam_is_not(Claim claim, const FlowSpec& spec, study::Store& store) {
  const double decades = blindness(spec, .03, []() -> Step {
    auto state = std::make_shared<optim::AdamWState<double>>(48);
    return [state](double rate, auto w, auto g) { optim::adamw_step<double>({}, rate, w, g, *state); };
  });
  store.record(study::Metric{.task = claim.id, .name = "decades between the ends", .value = decades});
  claim.value = decades;
  claim.expected = ">= 1";
  claim.verdict = decades >= 1 ? study::Verdict::holds : study::Verdict::fails;
  return claim;
}

}  // namespace

std::vector<KnownClaim> step_claims() {
  return {
      {{.id = "conformal-symplectic",
        .statement = "a step of Muon satisfies J'OJ = beta O exactly, beta = 1 - gamma dt",
        .source = "R. McLachlan, M. Perlmutter, J. Geom. Phys. 39 (2001), for the splitting that Muon is",
        .measured_as = "largest entry of J'OJ - beta O over random states, J by differences of order six",
        .falsifier = "a defect above that of the differences"},
       symplectic},
      {{.id = "rate-overdamped",
        .statement =
            "near a minimum of Hessian h, J falls at rate gamma - sqrt(gamma^2 - 4h/e) where gamma^2 > 4h/e",
        .source = paper,
        .measured_as = "log ratio of J at two late times",
        .falsifier = "a relative error above 1e-4"},
       overdamped},
      {{.id = "rate-underdamped",
        .statement = "near a minimum of Hessian h, the energy falls at rate gamma where gamma^2 < 4h/e",
        .source = paper,
        .measured_as = "log ratio of H whole swings apart",
        .falsifier = "a relative error above 1e-3"},
       underdamped},
      {{.id = "step-threshold",
        .statement =
            "Muon is stable near a minimum iff dt^2 h/e < 2 (1 + beta); beyond, it cycles with period two",
        .source = paper,
        .measured_as = "distance after 6000 steps at 0.99 and 1.01 of the threshold, against 0 and the "
                       "cycle's closed form",
        .falsifier = "another distance"},
       threshold},
      {{.id = "rotation-muon",
        .statement = "rotating the problem on both sides changes nothing for regularised Muon",
        .source = "the map is equivariant under rotations",
        .measured_as = "|log10| of the ratio of final objectives after 500 steps",
        .falsifier = "a difference above rounding"},
       muon_is_blind},
      {{.id = "rotation-adam",
        .statement = "the same rotation costs Adam at least a decade",
        .source = "Adam scales coordinates, and so depends on them",
        .measured_as = "|log10| of the ratio of final objectives after 500 steps",
        .falsifier = "less than a decade"},
       adam_is_not}};
}

}  // namespace starling::muon
