#include "starling/systems/students/lone_flow.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "starling/flows/stiff_gradient_flow.h"
#include "starling/systems/students/curvature.h"

namespace starling::students {
namespace {

using base::Index;

// One student as a flat vector, w row by row, then a where it moves, and what must not be forgotten on the
// way.
class Lone {
 public:
  Lone(const Landscape& landscape, Neurons start, Outgoing outgoing, const FlowOptions& options)
      : landscape_(landscape),
        student_(std::move(start)),
        buried_(base::Vector<double>::Constant(student_.a.size(), alive)),
        free_(outgoing == Outgoing::free),
        options_(options) {}

  std::vector<double> flat() const {
    std::vector<double> y(student_.w.data(), student_.w.data() + student_.w.size());
    if (free_) y.insert(y.end(), student_.a.data(), student_.a.data() + student_.a.size());
    return y;
  }

  flows::Potential potential() {
    return {
        [this](std::span<const double> y, std::span<double> out) { write(landscape_.gradient(at(y)), out); },
        [this](std::span<const double> y) { curvature_ = std::make_unique<Curvature>(landscape_, at(y)); },
        [this](std::span<const double> v, std::span<double> out) {
          Neurons direction = at(v);
          if (!free_) direction.a.setZero();
          write(curvature_->times(direction), out);
        }};
  }

  // Buries neurons that have died, stops where one runs away.
  flows::Watch watch(std::span<double> y) {
    const Neurons before = std::exchange(student_, at(y));
    const base::Vector<double> norms = student_.w.rowwise().norm();
    if (norms.maxCoeff() > options_.largest_norm) return flows::Watch::stop;
    if (landscape_.activation() != Activation::relu) return flows::Watch::go_on;
    bool died = false;
    for (Index i = 0; i < norms.size(); ++i) {
      if (buried_[i] != alive || student_.a[i] >= 0) continue;
      // A step that turns the neuron around has jumped over w = 0.
      const bool jumped = student_.w.row(i).dot(before.w.row(i)) <= 0;
      if (!jumped && norms[i] > options_.smallest_norm) continue;
      // With w = 0 and a = 0 nothing moves it any more; its outgoing weight is kept aside.
      buried_[i] = std::exchange(student_.a[i], 0.0);
      student_.w.row(i).setZero();
      died = true;
    }
    if (!died) return flows::Watch::go_on;
    std::ranges::copy(flat(), y.begin());
    return flows::Watch::restart;
  }

  const Neurons& student() const { return student_; }  // where watch() left it

  Settled result(std::span<const double> y, const flows::StiffState& state) {
    Settled out{at(y), {}};
    for (Index i = 0; i < buried_.size(); ++i) {
      if (buried_[i] == alive) continue;
      out.student.a[i] = buried_[i];
      ++out.end.deaths;
    }
    out.end.end = label(state.end);
    out.end.time = state.time;
    out.end.gradient_max = state.gradient_max;
    out.end.steps = state.steps;
    return out;
  }

 private:
  static constexpr double alive = std::numeric_limits<double>::infinity();

  static FlowEnd label(flows::StiffEnd end) {
    switch (end) {
      case flows::StiffEnd::settled:
        return FlowEnd::settled;
      case flows::StiffEnd::stopped:
        return FlowEnd::runaway;
      case flows::StiffEnd::exhausted:
        return FlowEnd::exhausted;
      case flows::StiffEnd::lost:
        return FlowEnd::lost;
    }
    return FlowEnd::lost;
  }

  Neurons at(std::span<const double> y) const {
    Neurons out = student_;
    std::copy(y.begin(), y.begin() + out.w.size(), out.w.data());
    if (free_) std::copy(y.begin() + out.w.size(), y.end(), out.a.data());
    return out;
  }

  void write(const Neurons& from, std::span<double> out) const {
    std::copy(from.w.data(), from.w.data() + from.w.size(), out.begin());
    if (free_) std::copy(from.a.data(), from.a.data() + from.a.size(), out.begin() + from.w.size());
  }

  const Landscape& landscape_;
  Neurons student_;              // where the flow was last seen
  base::Vector<double> buried_;  // outgoing weights of dead neurons
  bool free_;
  FlowOptions options_;
  std::unique_ptr<Curvature> curvature_;
};

}  // namespace

Settled settle_alone(const Landscape& landscape, const Neurons& start, Outgoing outgoing,
                     const FlowOptions& options,
                     const std::function<void(double time, const Neurons& now)>& observe) {
  landscape.check(start);
  Lone lone(landscape, start, outgoing, options);
  std::vector<double> y = lone.flat();
  const flows::StiffOptions stiff{.rtol = options.rtol,
                                  .atol = options.atol,
                                  .gradient_tolerance = options.gradient_tolerance,
                                  .most_steps = options.most_steps};
  const auto watch = [&](double time, std::span<double> now) {
    const flows::Watch answer = lone.watch(now);
    if (observe) observe(time, lone.student());
    return answer;
  };
  const flows::StiffState state = flows::settle(lone.potential(), y, stiff, watch);
  return lone.result(y, state);
}

}  // namespace starling::students
