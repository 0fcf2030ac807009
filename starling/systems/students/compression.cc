#include "starling/systems/students/compression.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "starling/base/error.h"

namespace starling::students {
namespace {

using base::Error;
using base::ErrorKind;
using base::Index;
using base::Points;
using base::Vector;

double require_finite(double loss, std::int64_t step) {
  if (std::isfinite(loss)) return loss;
  throw Error(ErrorKind::numerical,
              fmt::format("step {}: the loss is {}; a smaller rate or smaller inputs may help", step, loss));
}

// Activations without their means, of length 1; a constant one stays zero.
Points<double> unit_columns(const Network& network, const base::PointsRef<double>& x) {
  Points<double> out = activations(network, x);
  const Eigen::RowVectorXd mean = out.colwise().mean(), power = out.colwise().squaredNorm();
  out.rowwise() -= mean;
  for (Index j = 0; j < out.cols(); ++j) {
    const double norm = out.col(j).norm();
    constexpr double rounding = 1e-12;
    if (norm > rounding * std::sqrt(power[j])) {
      out.col(j) /= norm;
    } else {
      out.col(j).setZero();
    }
  }
  return out;
}

}  // namespace

Fit adamw(const SampleLoss& loss, const Vector<double>& start, const optim::Schedule& schedule,
          const optim::AdamWSpec& spec, const Watch& watch) {
  Fit fit{.parameters = start};
  const auto size = static_cast<std::size_t>(start.size());
  optim::AdamWState<double> state(size);
  while (true) {
    if (watch) watch(fit.loss);
    const SampleLoss::Point here = loss.at(fit.parameters);
    fit.loss = require_finite(here.value(), fit.steps);
    fit.losses.push_back(fit.loss);
    fit.gradient = here.gradient().cwiseAbs().maxCoeff();
    ++fit.passes;
    if (fit.steps == schedule.steps) return fit;
    optim::adamw_step<double>(spec, optim::rate_at(schedule, fit.steps), {fit.parameters.data(), size},
                              {here.gradient().data(), size}, state);
    ++fit.steps;
  }
}

std::vector<LocalOptimum> distinct_optima(const SampleLoss& loss, const std::vector<Fit>& fits) {
  constexpr double same = 1e-3, nothing = 1e-12;
  const double smallest = nothing * variance_of(loss.y()), samples = static_cast<double>(loss.x().rows());
  std::vector<std::size_t> order(fits.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, [&](std::size_t i, std::size_t j) { return fits[i].loss < fits[j].loss; });
  std::vector<LocalOptimum> optima;
  std::vector<Points<double>> answers;  // of each optimum
  for (const std::size_t i : order) {
    const Points<double> answer = outputs(loss.network(fits[i].parameters), loss.x());
    const auto difference = [&](const Points<double>& other) {
      return (answer - other).squaredNorm() / samples;
    };
    std::size_t at = 0;
    while (at < optima.size() && difference(answers[at]) > std::max(smallest, same * optima[at].loss)) ++at;
    if (at == optima.size()) {
      optima.push_back(
          {.best = i, .loss = fits[i].loss, .distance = answers.empty() ? 0 : difference(answers.front())});
      answers.push_back(answer);
    }
    optima[at].fits.push_back(i);
  }
  return optima;
}

Points<double> neuron_correlations(const Network& student, const Network& teacher,
                                   const base::PointsRef<double>& x) {
  return (unit_columns(student, x).transpose() * unit_columns(teacher, x)).cwiseAbs();
}

std::vector<Role> roles(const Points<double>& correlations) {
  constexpr double least = 0.5;
  std::vector<Role> out(static_cast<std::size_t>(correlations.rows()));
  for (Index j = 0; j < correlations.cols(); ++j) {
    Index nearest = 0;
    if (correlations.col(j).maxCoeff(&nearest) >= least)
      out[static_cast<std::size_t>(nearest)].teachers.push_back(j);
  }
  for (Index i = 0; i < correlations.rows(); ++i) {
    Role& role = out[static_cast<std::size_t>(i)];
    std::ranges::stable_sort(role.teachers,
                             [&](Index j, Index l) { return correlations(i, j) > correlations(i, l); });
    if (!role.teachers.empty()) role.closest = correlations(i, role.teachers.front());
  }
  return out;
}

std::string Role::text() const {
  if (teachers.empty()) return "stands for none";
  return fmt::format("{} {}", teachers.size() == 1 ? "copies" : "averages", fmt::join(teachers, ", "));
}

}  // namespace starling::students
