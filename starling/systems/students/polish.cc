#include <algorithm>
#include <cmath>
#include <limits>

#include "starling/base/error.h"
#include "starling/optim/trust_region.h"
#include "starling/systems/students/compression.h"

namespace starling::students {
namespace {

using base::Index;
using base::Vector;

// Above it a dense Hessian takes too much memory and its factors too much time.
constexpr Index most_dense = 4096;
// Products that a step may take before the dense Hessian is the shorter way.
constexpr Index most_products = 100;
// An eigenvalue above minus this share of the largest counts as not negative.
constexpr double rounding_of_the_spectrum = 1e-9;

// The multiplications of the Hessian and of the factors, in those of a gradient.
std::int64_t passes_of_a_dense_step(const SampleLoss& loss, int factors) {
  const auto samples = static_cast<double>(loss.x().rows()), d = static_cast<double>(loss.x().cols()),
             n = static_cast<double>(loss.shape().neurons()), o = static_cast<double>(loss.shape().outputs()),
             p = static_cast<double>(loss.parameter_count());
  const double gradient = samples * n * (2 * d + 3 * o), hessian = 0.5 * samples * n * n * d * d;
  return static_cast<std::int64_t>(std::ceil((hessian + factors * p * p * p / 6) / gradient));
}

}  // namespace

Fit polish(const SampleLoss& loss, const Vector<double>& start, const PolishSpec& spec, const Watch& watch) {
  const double wanted = spec.tolerance * variance_of(loss.y());
  Fit fit{.parameters = start};
  const auto expand = [&](const Vector<double>& at) {
    if (watch) watch(fit.loss);
    ++fit.passes;
    return loss.at(at);
  };
  SampleLoss::Point here = expand(start);
  const auto arrive = [&] {
    fit.loss = here.value();
    fit.gradient = here.gradient().cwiseAbs().maxCoeff();
    fit.losses.push_back(fit.loss);
    fit.converged = fit.gradient <= wanted;
  };
  arrive();
  if (!std::isfinite(fit.loss) || !here.gradient().allFinite())
    throw base::Error(base::ErrorKind::numerical, "the loss is lost at the start; smaller inputs may help");
  const auto times = [&](const Vector<double>& direction) {
    if (watch) watch(fit.loss);
    ++fit.passes;
    return here.times(direction);
  };
  constexpr double rounding = 10 * std::numeric_limits<double>::epsilon();
  const bool dense = start.size() <= most_dense;
  bool products = true;
  optim::TrustRegion region{0.1 * (1 + start.norm())};
  const double first = here.gradient().norm();
  while (fit.steps < spec.steps && region.radius > rounding * (1 + fit.parameters.norm())) {
    if (fit.converged) {
      fit.is_minimum = dense && optim::is_positive_semidefinite(here.matrix(), rounding_of_the_spectrum);
      if (fit.is_minimum || !dense) break;
      products = false;  // a saddle: down along its negative direction
    }
    ++fit.steps;
    const double relative = std::min(0.5, std::sqrt(here.gradient().norm() / first));
    optim::ModelStep step;
    if (products) {
      step = optim::truncated_cg(here.gradient(), region.radius, relative,
                                 dense ? most_products : 2 * start.size(), times);
      products = !dense || step.complete;
    }
    if (!products) {
      step = optim::exact_step(here.matrix(), here.gradient(), region.radius);
      fit.passes += passes_of_a_dense_step(loss, step.factors);
    }
    SampleLoss::Point there = expand(fit.parameters + step.p);
    const double noise = rounding * fit.loss;  // keeps the last, rounded steps acceptable
    if (region.judge(step, fit.loss - there.value(), noise)) {
      fit.parameters += step.p;
      here = std::move(there);
    }
    arrive();
  }
  return fit;
}

}  // namespace starling::students
