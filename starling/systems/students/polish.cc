#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "starling/base/error.h"
#include "starling/systems/students/compression.h"

namespace starling::students {
namespace {

using base::Index;
using base::Vector;

struct Step {
  Vector<double> p;
  double predicted = 0;  // fall of the quadratic model
  bool at_boundary = false;
};

// From p along d to the sphere of that radius.
Vector<double> to_boundary(const Vector<double>& p, const Vector<double>& d, double radius) {
  const double a = d.squaredNorm(), b = p.dot(d), c = p.squaredNorm() - radius * radius;
  return p + d * ((-b + std::sqrt(std::max(0.0, b * b - a * c))) / a);
}

// Steihaug's truncated conjugate gradients (SIAM J. Numer. Anal. 20, 1983): the model's minimum within the
// radius, or its way out along negative curvature. `times` counts the products that it takes.
template <class Times>
Step steihaug(const Vector<double>& gradient, double radius, double relative, Times times) {
  const Index most = 2 * gradient.size();
  Vector<double> p = Vector<double>::Zero(gradient.size()), hp = p, r = gradient, d = -gradient;
  const double enough = relative * gradient.norm();
  const auto finish = [&](const Vector<double>& end, const Vector<double>& h_end, bool boundary) {
    return Step{end, -(gradient.dot(end) + 0.5 * end.dot(h_end)), boundary};
  };
  for (Index i = 0; i < most; ++i) {
    const Vector<double> hd = times(d);
    const double curvature = d.dot(hd), squares = r.squaredNorm(), alpha = squares / curvature;
    if (!(curvature > 0) || (p + alpha * d).norm() >= radius) {
      const Vector<double> end = to_boundary(p, d, radius);
      const double along = (end - p).dot(d) / d.squaredNorm();
      return finish(end, hp + along * hd, true);
    }
    p += alpha * d;
    hp += alpha * hd;
    r += alpha * hd;
    if (r.norm() <= enough) break;
    d = -r + (r.squaredNorm() / squares) * d;
  }
  return finish(p, hp, false);
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
  double radius = 0.1 * (1 + start.norm());
  const double first = here.gradient().norm();
  while (!fit.converged && fit.steps < spec.steps && radius > rounding * (1 + fit.parameters.norm())) {
    ++fit.steps;
    const double relative = std::min(0.5, std::sqrt(here.gradient().norm() / first));
    const Step step = steihaug(here.gradient(), radius, relative, times);
    SampleLoss::Point there = expand(fit.parameters + step.p);
    const double noise = rounding * fit.loss;  // keeps the last, rounded steps acceptable
    const double ratio = (fit.loss - there.value() + noise) / (step.predicted + noise);
    const bool good = std::isfinite(there.value()) && ratio > 1e-4;
    if (!good || ratio < 0.25) {
      radius = 0.25 * step.p.norm();
    } else if (ratio > 0.75 && step.at_boundary) {
      radius *= 2;
    }
    if (good) {
      fit.parameters += step.p;
      here = std::move(there);
    }
    arrive();
  }
  return fit;
}

}  // namespace starling::students
