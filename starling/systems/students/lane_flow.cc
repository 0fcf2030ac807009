// Highway compiles the body of this file once for every target and picks one at run time.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "starling/systems/students/lane_flow.cc"
#include <hwy/foreach_target.h>  // must come before highway.h

#include <hwy/highway.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "starling/base/parallel.h"
#include "starling/flows/lane_rosenbrock-inl.h"
#include "starling/systems/students/lane_flow.h"
#include "starling/systems/students/lane_landscape-inl.h"

HWY_BEFORE_NAMESPACE();
namespace starling::students::HWY_NAMESPACE {

using Index = std::ptrdiff_t;
using flows::HWY_NAMESPACE::LaneRosenbrock;

struct Job {
  const LaneProblem& problem;
  const FlowOptions& options;
  double* students;
  FlowResult* ends;
};

// Copies one student between its row and its lane; `moving` entries live in y, the rest in the fixed outgoing
// weights.
template <LaneActivation kind>
void put(const LaneProblem& problem, const double* student, LaneLandscape<kind>& landscape, double* y,
         Index lane) {
  const Index lanes = landscape.lanes(), n = problem.students, moving = problem.parameters();
  for (Index p = 0; p < moving; ++p) y[p * lanes + lane] = student[p];
  for (Index i = 0; i < n; ++i) {
    landscape.fixed_outgoing()[i * lanes + lane] = student[n * problem.dimension + i];
    landscape.alive()[i * lanes + lane] = 1;
  }
}

// The students of one chunk: as many at a time as there are lanes, the next in the place of one that has
// ended.
template <LaneActivation kind>
class Crew {
 public:
  Crew(const Job& job, Index begin, Index end)
      : job_(job),
        landscape_(job.problem),
        flow_(landscape_, job.options.rtol, job.options.atol),
        lanes_(flow_.lanes()),
        next_(begin),
        end_(end),
        student_(static_cast<std::size_t>(lanes_), -1) {}

  void run() {
    const Index first = next_;
    for (Index lane = 0; lane < lanes_; ++lane) {
      // A lane without a student of its own repeats the last one, unseen.
      put(job_.problem, row(std::min(first + lane, end_ - 1)), landscape_, flow_.y(), lane);
      flow_.restart(lane, job_.options.first_step);
      if (next_ < end_) student_[static_cast<std::size_t>(lane)] = next_++;
    }
    while (busy()) {
      flow_.evaluate();
      if (retire()) continue;
      flow_.advance();
      if (kind == LaneActivation::relu) bury();
    }
  }

 private:
  double* row(Index student) const {
    return job_.students + student * job_.problem.students * (job_.problem.dimension + 1);
  }
  bool busy() const {
    return std::any_of(student_.begin(), student_.end(), [](Index student) { return student >= 0; });
  }
  FlowResult& end(Index lane) { return job_.ends[student_[static_cast<std::size_t>(lane)]]; }

  // Takes out the students that have ended and puts others in their place; true if it put any.
  bool retire() {
    alignas(64) double most[32];
    flow_.largest_gradient(most);
    bool refilled = false;
    for (Index lane = 0; lane < lanes_; ++lane) {
      Index& student = student_[static_cast<std::size_t>(lane)];
      if (student < 0) continue;
      FlowResult& state = end(lane);
      if (!ended(lane, most[lane], state)) continue;
      state.time = flow_.time(lane);
      state.gradient_max = most[lane];
      keep(lane, row(student));
      student = next_ < end_ ? next_++ : -1;
      if (student < 0) continue;
      put(job_.problem, row(student), landscape_, flow_.y(), lane);
      flow_.restart(lane, job_.options.first_step);
      refilled = true;
    }
    return refilled;
  }

  bool ended(Index lane, double gradient, FlowResult& state) {
    if (!std::isfinite(gradient)) {
      state.end = FlowEnd::lost;
    } else if (gradient < job_.options.gradient_tolerance) {
      state.end = FlowEnd::settled;
    } else if (state.steps >= job_.options.most_steps) {
      state.end = FlowEnd::exhausted;
    } else if (largest_square(lane) > job_.options.largest_norm * job_.options.largest_norm) {
      state.end = FlowEnd::runaway;
    } else {
      ++state.steps;
      return false;
    }
    return true;
  }

  double square(Index lane, Index neuron) {
    double sum = 0;
    for (Index r = 0; r < job_.problem.dimension; ++r) {
      const double w = flow_.y()[(neuron * job_.problem.dimension + r) * lanes_ + lane];
      sum += w * w;
    }
    return sum;
  }
  double largest_square(Index lane) {
    double most = 0;
    for (Index i = 0; i < job_.problem.students; ++i) most = std::max(most, square(lane, i));
    return most;
  }
  double& outgoing(Index lane, Index i) {
    const Index at = i * lanes_ + lane;
    return job_.problem.free ? flow_.y()[job_.problem.students * job_.problem.dimension * lanes_ + at]
                             : landscape_.fixed_outgoing()[at];
  }

  // A neuron with a < 0 that reaches w = 0 would cross a kink; it is held at w = 0, its outgoing weight
  // aside.
  void bury() {
    const double least = job_.options.smallest_norm * job_.options.smallest_norm;
    for (Index lane = 0; lane < lanes_; ++lane) {
      const Index student = student_[static_cast<std::size_t>(lane)];
      if (student < 0) continue;
      for (Index i = 0; i < job_.problem.students; ++i) {
        double& alive = landscape_.alive()[i * lanes_ + lane];
        if (alive == 0 || outgoing(lane, i) >= 0 || square(lane, i) > least) continue;
        for (Index r = 0; r < job_.problem.dimension; ++r)
          flow_.y()[(i * job_.problem.dimension + r) * lanes_ + lane] = 0;
        row(student)[job_.problem.students * job_.problem.dimension + i] = outgoing(lane, i);
        outgoing(lane, i) = 0;
        alive = 0;
        ++end(lane).deaths;
      }
    }
  }

  void keep(Index lane, double* out) {
    const Index n = job_.problem.students, inner = n * job_.problem.dimension;
    for (Index p = 0; p < inner; ++p) out[p] = flow_.y()[p * lanes_ + lane];
    for (Index i = 0; i < n; ++i) {
      if (landscape_.alive()[i * lanes_ + lane] != 0) out[inner + i] = outgoing(lane, i);
    }
  }

  Job job_;
  LaneLandscape<kind> landscape_;
  LaneRosenbrock<LaneLandscape<kind>> flow_;
  Index lanes_, next_, end_;
  std::vector<Index> student_;  // of each lane; -1 for none
};

template <LaneActivation kind>
void settle_kind(const Job& job, Index begin, Index end) {
  Crew<kind>(job, begin, end).run();
}

// Calls visit(landscape, y, first, count) for students begin..end, a vector at a time.
template <LaneActivation kind, class Visit>
void visit_vectors(const LaneProblem& problem, const double* students, Index begin, Index end, Visit visit) {
  LaneLandscape<kind> landscape(problem);
  const Index lanes = landscape.lanes(), width = problem.students * (problem.dimension + 1);
  simd::LaneVector y(static_cast<std::size_t>(problem.parameters() * lanes));
  for (Index first = begin; first < end; first += lanes) {
    for (Index lane = 0; lane < lanes; ++lane)
      put(problem, students + std::min(first + lane, end - 1) * width, landscape, y.data(), lane);
    visit(landscape, y.data(), first, std::min(lanes, end - first));
  }
}

template <LaneActivation kind>
void gradient_kind(const LaneProblem& problem, const double* students, double* out, Index begin, Index end) {
  const Index moving = problem.parameters(), width = problem.students * (problem.dimension + 1);
  simd::LaneVector gradient;
  visit_vectors<kind>(problem, students, begin, end,
                      [&](auto& landscape, const double* y, Index first, Index count) {
                        gradient.resize(static_cast<std::size_t>(moving * landscape.lanes()));
                        landscape.gradient(y, gradient.data());
                        for (Index lane = 0; lane < count; ++lane) {
                          double* row = out + (first + lane) * width;
                          for (Index p = 0; p < moving; ++p)
                            row[p] = gradient[static_cast<std::size_t>(p * landscape.lanes() + lane)];
                          std::fill(row + moving, row + width, 0.0);
                        }
                      });
}

template <LaneActivation kind>
void hessian_kind(const LaneProblem& problem, const double* students, double* out, Index begin, Index end) {
  const Index size = problem.parameters();
  simd::LaneVector packed;
  visit_vectors<kind>(
      problem, students, begin, end, [&](auto& landscape, const double* y, Index first, Index count) {
        const Index lanes = landscape.lanes();
        packed.resize(static_cast<std::size_t>(simd::HWY_NAMESPACE::packed_row(size) * lanes));
        landscape.hessian(y, packed.data());
        for (Index lane = 0; lane < count; ++lane) {
          double* matrix = out + (first + lane) * size * size;
          for (Index r = 0; r < size; ++r) {
            for (Index c = 0; c <= r; ++c) {
              const Index at = simd::HWY_NAMESPACE::packed_row(r) + c;
              matrix[r * size + c] = matrix[c * size + r] =
                  packed[static_cast<std::size_t>(at * lanes + lane)];
            }
          }
        }
      });
}

void settle_chunk(const LaneProblem& problem, const FlowOptions& options, double* students, FlowResult* ends,
                  Index begin, Index end) {
  const Job job{problem, options, students, ends};
  switch (problem.activation) {
    case LaneActivation::erf:
      return settle_kind<LaneActivation::erf>(job, begin, end);
    case LaneActivation::phi:
      return settle_kind<LaneActivation::phi>(job, begin, end);
    case LaneActivation::relu:
      return settle_kind<LaneActivation::relu>(job, begin, end);
  }
}

void gradient_chunk(const LaneProblem& problem, const double* students, double* out, Index begin, Index end) {
  switch (problem.activation) {
    case LaneActivation::erf:
      return gradient_kind<LaneActivation::erf>(problem, students, out, begin, end);
    case LaneActivation::phi:
      return gradient_kind<LaneActivation::phi>(problem, students, out, begin, end);
    case LaneActivation::relu:
      return gradient_kind<LaneActivation::relu>(problem, students, out, begin, end);
  }
}

void hessian_chunk(const LaneProblem& problem, const double* students, double* out, Index begin, Index end) {
  switch (problem.activation) {
    case LaneActivation::erf:
      return hessian_kind<LaneActivation::erf>(problem, students, out, begin, end);
    case LaneActivation::phi:
      return hessian_kind<LaneActivation::phi>(problem, students, out, begin, end);
    case LaneActivation::relu:
      return hessian_kind<LaneActivation::relu>(problem, students, out, begin, end);
  }
}

}  // namespace starling::students::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace starling::students {

HWY_EXPORT(settle_chunk);
HWY_EXPORT(gradient_chunk);
HWY_EXPORT(hessian_chunk);

namespace {
// Students of a chunk share vectors: enough of them that the last ones to end leave few lanes idle.
constexpr std::ptrdiff_t flow_chunk = 250, evaluation_chunk = 256;
}  // namespace

void settle(const LaneProblem& problem, const FlowOptions& options, std::span<double> students,
            std::span<FlowResult> ends) {
  base::parallel_chunks(std::ssize(ends), flow_chunk, [&](std::ptrdiff_t begin, std::ptrdiff_t end) {
    HWY_DYNAMIC_DISPATCH(settle_chunk)(problem, options, students.data(), ends.data(), begin, end);
  });
}

void batch_gradient(const LaneProblem& problem, std::span<const double> students, std::span<double> out) {
  const std::ptrdiff_t count = std::ssize(students) / (problem.students * (problem.dimension + 1));
  base::parallel_chunks(count, evaluation_chunk, [&](std::ptrdiff_t begin, std::ptrdiff_t end) {
    HWY_DYNAMIC_DISPATCH(gradient_chunk)(problem, students.data(), out.data(), begin, end);
  });
}

void batch_hessian(const LaneProblem& problem, std::span<const double> students, std::span<double> out) {
  const std::ptrdiff_t count = std::ssize(students) / (problem.students * (problem.dimension + 1));
  base::parallel_chunks(count, evaluation_chunk, [&](std::ptrdiff_t begin, std::ptrdiff_t end) {
    HWY_DYNAMIC_DISPATCH(hessian_chunk)(problem, students.data(), out.data(), begin, end);
  });
}

}  // namespace starling::students
#endif
