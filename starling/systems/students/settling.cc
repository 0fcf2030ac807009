#include "starling/systems/students/settling.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "starling/base/error.h"
#include "starling/base/parallel.h"
#include "starling/systems/students/lane_flow.h"
#include "starling/systems/students/lone_flow.h"
#include "starling/systems/students/revival.h"

namespace starling::students {
namespace {

using base::Index;

// A Hessian for each lane stays in the second-level cache.
constexpr Index most_lane_parameters = 160;
// Small against a settled neuron, large against the flow's tolerance.
constexpr double revived_size = 1e-3;
constexpr int most_revivals = 10;

std::vector<double> flat(const std::vector<Neurons>& students) {
  std::vector<double> out;
  for (const Neurons& student : students) {
    out.insert(out.end(), student.w.data(), student.w.data() + student.w.size());
    out.insert(out.end(), student.a.data(), student.a.data() + student.a.size());
  }
  return out;
}

Neurons neurons(const double* numbers, Index n, Index d) {
  return {Eigen::Map<const base::Points<double>>(numbers, n, d),
          Eigen::Map<const base::Vector<double>>(numbers + n * d, n)};
}

LaneActivation lane_activation(Activation activation) {
  switch (activation) {
    case Activation::erf:
      return LaneActivation::erf;
    case Activation::phi:
      return LaneActivation::phi;
    case Activation::relu:
      return LaneActivation::relu;
    default:
      throw base::Error(base::ErrorKind::usage, "this activation has no vector code");
  }
}

std::vector<Settled> settle_in_lanes(const Landscape& landscape, const std::vector<Neurons>& starts,
                                     Outgoing outgoing, const FlowOptions& options) {
  const Index n = starts.front().a.size(), d = landscape.dimension();
  const LaneProblem problem = lane_problem(landscape, n, outgoing);
  std::vector<double> numbers = flat(starts);
  std::vector<FlowResult> ends(starts.size());
  settle(problem, options, numbers, ends);
  std::vector<Settled> out;
  for (std::size_t s = 0; s < starts.size(); ++s)
    out.push_back({neurons(numbers.data() + static_cast<Index>(s) * n * (d + 1), n, d), ends[s]});
  return out;
}

std::vector<Settled> settle_once(const Landscape& landscape, const std::vector<Neurons>& starts,
                                 Outgoing outgoing, const FlowOptions& options) {
  if (fits_lanes(landscape, starts.front().a.size()))
    return settle_in_lanes(landscape, starts, outgoing, options);
  std::vector<Settled> out(starts.size());
  base::parallel_chunks(std::ssize(starts), 1, [&](std::ptrdiff_t begin, std::ptrdiff_t end) {
    for (std::ptrdiff_t s = begin; s < end; ++s) {
      const auto i = static_cast<std::size_t>(s);
      out[i] = settle_alone(landscape, starts[i], outgoing, options);
    }
  });
  return out;
}

// Flows on from the revived ones among `all`; false when there was none.
bool go_on_from_revived(const Landscape& landscape, std::vector<Settled>& all, Outgoing outgoing,
                        const SettlingOptions& options, int round) {
  std::vector<std::size_t> where;
  std::vector<Neurons> starts;
  for (std::size_t s = 0; s < all.size(); ++s) {
    if (all[s].end.deaths == 0 || all[s].end.end != FlowEnd::settled) continue;
    Neurons student = all[s].student;
    const base::Stream luck(options.seed, static_cast<std::uint32_t>(round), "revival", options.first + s);
    if (revive(landscape, student, revived_size, luck) == 0) continue;
    where.push_back(s);
    starts.push_back(std::move(student));
  }
  if (starts.empty()) return false;
  std::vector<Settled> again = settle_once(landscape, starts, outgoing, options.flow);
  for (std::size_t i = 0; i < where.size(); ++i) {
    again[i].end.time += all[where[i]].end.time;
    again[i].end.steps += all[where[i]].end.steps;
    all[where[i]] = std::move(again[i]);
  }
  return true;
}

}  // namespace

bool fits_lanes(const Landscape& landscape, Index n) {
  const Activation kind = landscape.activation();
  const bool coded = kind == Activation::erf || kind == Activation::phi || kind == Activation::relu;
  const Neurons& teacher = landscape.teacher();
  return coded && !teacher.biased() && !teacher.output &&
         n * (landscape.dimension() + 1) <= most_lane_parameters;
}

LaneProblem lane_problem(const Landscape& landscape, Index n, Outgoing outgoing) {
  LaneProblem problem{.students = n,
                      .dimension = landscape.dimension(),
                      .free = outgoing == Outgoing::free,
                      .activation = lane_activation(landscape.activation()),
                      .teachers = {}};
  const Neurons& teacher = landscape.teacher();
  for (Index j = 0; j < teacher.a.size(); ++j) {
    LaneTeacher one{{}, teacher.w.row(j).squaredNorm(), teacher.a[j]};
    for (Index r = 0; r < landscape.dimension(); ++r) {
      if (teacher.w(j, r) != 0) one.entries.push_back({r, teacher.w(j, r)});
    }
    problem.teachers.push_back(std::move(one));
  }
  return problem;
}

std::vector<Settled> settle(const Landscape& landscape, const std::vector<Neurons>& starts, Outgoing outgoing,
                            const SettlingOptions& options) {
  if (starts.empty()) return {};
  for (const Neurons& student : starts) {
    landscape.check(student);
    if (student.a.size() == starts.front().a.size()) continue;
    throw base::Error(base::ErrorKind::input,
                      fmt::format("a start of {} neurons beside one of {}; expected one shape",
                                  student.a.size(), starts.front().a.size()));
  }
  std::vector<Settled> out = settle_once(landscape, starts, outgoing, options.flow);
  if (options.dead == DeadNeurons::leave) return out;
  for (int round = 0; round < most_revivals; ++round) {
    if (!go_on_from_revived(landscape, out, outgoing, options, round)) break;
  }
  return out;
}

}  // namespace starling::students
