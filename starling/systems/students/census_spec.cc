#include "starling/systems/students/census_spec.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "starling/base/error.h"
#include "starling/systems/students/partitions.h"

namespace starling::students {

void describe(study::Description& d, CensusSpec& spec) {
  study::describe_common(d, spec.common);
  d.section("problem", "Students f(x) = Σ a_i σ(w_i.x) that must fit orthonormal teachers, x ~ N(0, I).");
  std::vector<std::pair<std::string, Activation>> activations;
  for (const std::string& name : activation_names()) activations.emplace_back(name, parse_activation(name));
  d.choice("activation", spec.activation, activations,
           "σ; erf is erf(h/√2), phi the normal distribution function");
  d.integer("teachers", spec.teachers, {.minimum = 1, .maximum = 1000},
            "neurons k of the teacher, outgoing weights 1");
  d.integer("dimension", spec.dimension, {.minimum = 0, .maximum = 2000},
            "d >= k; 0: one more than the teachers");
  d.integers("students", spec.students, {.minimum = 1, .maximum = 1000},
             "numbers n <= k of student neurons, a census each");
  d.choice("outgoing", spec.outgoing, {{"free", Outgoing::free}, {"fixed", Outgoing::fixed}},
           "free: trained, from Glorot normal starts; fixed: all 1, from w ~ N(0, 1/k)");
  d.section("runs", "Gradient flows from random starts.");
  d.integer("seeds", spec.seeds, {.minimum = 1, .maximum = 1e7}, "starts for each number of students");
  d.choice("dead", spec.dead, {{"revive", DeadNeurons::revive}, {"leave", DeadNeurons::leave}},
           "relu neurons that reach w = 0: give them small random weights, or leave them");
  d.section("extras", "For students of at most 160 weights.");
  d.integer("searches", spec.searches, {.minimum = 0, .maximum = 10000},
            "Newton runs for saddles from perturbations of each copy average; 0: no graph of saddles");
  d.integer("traces", spec.traces, {.minimum = 0, .maximum = 50}, "flows whose way is drawn");
}

void require_consistent(const CensusSpec& spec) {
  const auto fail = [](const std::string& message) { throw base::Error(base::ErrorKind::usage, message); };
  if (spec.students.empty()) fail("problem.students is empty; expected at least one number");
  std::vector<std::int64_t> sizes = spec.students;
  std::ranges::sort(sizes);
  if (std::ranges::adjacent_find(sizes) != sizes.end()) fail("problem.students: a number comes twice");
  if (sizes.back() > spec.teachers) {
    fail(fmt::format("problem.students: {} students for {} teachers; expected at most as many students",
                     sizes.back(), spec.teachers));
  }
  if (spec.dimension != 0 && spec.dimension < spec.teachers) {
    fail(fmt::format("problem.dimension: {} for {} orthonormal teachers; expected at least {}, or 0",
                     spec.dimension, spec.teachers, spec.teachers));
  }
}

base::Index dimension_of(const CensusSpec& spec) {
  return spec.dimension == 0 ? spec.teachers + 1 : spec.dimension;
}

Landscape landscape_of(const CensusSpec& spec) {
  return {spec.activation, orthonormal_teacher(spec.teachers, dimension_of(spec))};
}

}  // namespace starling::students
