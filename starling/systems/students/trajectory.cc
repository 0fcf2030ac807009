#include "starling/systems/students/trajectory.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "starling/base/error.h"
#include "starling/flows/ode.h"
#include "starling/systems/students/reduction.h"

namespace starling::students {
namespace {

using base::Index;

constexpr double never = std::numeric_limits<double>::infinity();
constexpr double dead_norm = 1e-6;

void require_live(const Landscape& landscape, const Neurons& start) {
  landscape.check(start);
  for (Index i = 0; i < start.a.size() && landscape.activation() == Activation::relu; ++i) {
    if (!start.w.row(i).isZero(0)) continue;
    throw base::Error(
        base::ErrorKind::input,
        fmt::format("w: row {} is zero: a dead relu neuron has no gradient; give it small weights, or "
                    "leave it out",
                    i));
  }
}

// The flow on flat vectors, w row by row, then a.
class Flow {
 public:
  Flow(const Landscape& landscape, const Neurons& start, Outgoing outgoing)
      : landscape_(landscape),
        n_(start.a.size()),
        free_(outgoing == Outgoing::free),
        buried_(static_cast<std::size_t>(n_), 0.0),
        died_(static_cast<std::size_t>(n_), never) {}

  std::vector<double> flat(const Neurons& neurons) const {
    std::vector<double> y(neurons.w.data(), neurons.w.data() + neurons.w.size());
    y.insert(y.end(), neurons.a.data(), neurons.a.data() + n_);
    return y;
  }

  Neurons at(std::span<const double> y) const {
    const Index d = landscape_.dimension();
    return {Eigen::Map<const base::Points<double>>(y.data(), n_, d),
            Eigen::Map<const base::Vector<double>>(y.data() + n_ * d, n_)};
  }

  void rate(std::span<const double> y, std::span<double> out) const {
    Neurons slope = landscape_.gradient(at(y));
    if (!free_) slope.a.setZero();
    const std::vector<double> numbers = flat(slope);
    std::ranges::transform(numbers, out.begin(), [](double value) { return -value; });
  }

  // Negative once a neuron with a < 0 is as good as dead.
  double nearest_death(std::span<const double> y) const {
    const Neurons now = at(y);
    double least = 1;
    for (Index i = 0; i < n_; ++i) {
      if (now.a[i] < 0) least = std::min(least, now.w.row(i).squaredNorm() - dead_norm * dead_norm);
    }
    return least;
  }

  void bury(double t, std::span<double> y) {
    Neurons now = at(y);
    for (Index i = 0; i < n_; ++i) {
      if (now.a[i] >= 0 || now.w.row(i).norm() > 2 * dead_norm) continue;
      died_[static_cast<std::size_t>(i)] = t;
      buried_[static_cast<std::size_t>(i)] = now.a[i];
      now.w.row(i).setZero();
      now.a[i] = 0;  // with w = 0 nothing moves it any more
    }
    std::ranges::copy(flat(now), y.begin());
  }

  // With the outgoing weights that dead neurons had.
  Neurons whole(std::span<const double> y, double t) const {
    Neurons out = at(y);
    for (Index i = 0; i < n_; ++i) {
      const auto j = static_cast<std::size_t>(i);
      if (t >= died_[j]) out.a[i] = buried_[j];
    }
    return out;
  }

  const std::vector<double>& died() const { return died_; }

 private:
  const Landscape& landscape_;
  Index n_;
  bool free_;
  std::vector<double> buried_, died_;
};

}  // namespace

Trajectory follow(const Landscape& landscape, const Neurons& start, std::span<const double> times,
                  Outgoing outgoing, double rtol, double atol) {
  require_live(landscape, start);
  Flow flow(landscape, start, outgoing);
  flows::OdeEvent death;
  if (landscape.activation() == Activation::relu) {
    death = {[&](std::span<const double> y) { return flow.nearest_death(y); },
             [&](double t, std::span<double> y) { flow.bury(t, y); }};
  }
  const std::vector<std::vector<double>> states =
      flows::integrate([&](double, std::span<const double> y, std::span<double> out) { flow.rate(y, out); },
                       flow.flat(start), times, {.rtol = rtol, .atol = atol}, death);
  Trajectory out;
  out.died = flow.died();
  const bool conserves = is_homogeneous_of_degree_one(landscape.activation()) && outgoing == Outgoing::free;
  out.conserved.resize(conserves ? std::ssize(times) : 0, start.a.size());
  for (std::size_t t = 0; t < times.size(); ++t) {
    out.students.push_back(flow.whole(states[t], times[t]));
    const Neurons& now = out.students.back();
    out.losses.push_back(landscape.mean_squared_error(now));
    if (conserves) {
      out.conserved.row(static_cast<Index>(t)) =
          (now.w.rowwise().squaredNorm() - now.a.cwiseAbs2()).transpose();
    }
  }
  return out;
}

}  // namespace starling::students
