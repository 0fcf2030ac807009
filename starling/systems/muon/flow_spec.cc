#include "starling/systems/muon/flow_spec.h"

#include <fmt/format.h>

#include <cmath>

#include "starling/base/error.h"
#include "starling/base/random.h"
#include "starling/systems/muon/moe_objective.h"

namespace starling::muon {
namespace {

using base::Index;
using base::Points;

Points<double> normal_matrix(const FlowSpec& spec, const char* purpose, Index rows, Index columns,
                             double scale, std::int64_t index = 0) {
  Points<double> out(rows, columns);
  base::Stream stream(static_cast<std::uint64_t>(spec.common.seed), 0, purpose,
                      static_cast<std::uint64_t>(index));
  stream.fill_normal(std::span<double>(out.data(), static_cast<std::size_t>(out.size())));
  return scale * out;
}

}  // namespace

void describe(study::Description& d, FlowSpec& spec) {
  study::describe_common(d, spec.common);
  d.section("problem", "What the particles fit: J of their mean field, drawn from the seed.");
  d.choice("kind", spec.problem,
           {{"two_layer", Problem::two_layer},
            {"experts", Problem::experts},
            {"least_squares", Problem::least_squares}},
           "matrices under tanh, a gated mixture of transformer blocks, or linear features");
  d.integer("particles", spec.particles, {.minimum = 1, .maximum = 1e6}, "matrices, or experts");
  d.integer("samples", spec.samples, {.minimum = 1, .maximum = 1e5},
            "points of two_layer, tokens of experts");
  d.integer("rows", spec.rows, {.minimum = 1, .maximum = 512}, "of a matrix; the hidden width of an expert");
  d.integer("columns", spec.columns, {.minimum = 1, .maximum = 512}, "of a matrix; the width of an expert");
  d.section("flow", "W' = -grad Psi(P), P' = -gamma P + g(W): Muon's limit, e in the units of this P.");
  d.real("epsilon", spec.epsilon, {.minimum = 0, .maximum = 1e6, .open_minimum = true},
         "e of the regularised map s / sqrt(s^2 + e^2)");
  d.real("gamma", spec.gamma, {.minimum = 0, .maximum = 1e6, .open_minimum = true},
         "damping; beta = 1 - gamma dt");
  d.real("horizon", spec.horizon, {.minimum = 0, .maximum = 1e6, .open_minimum = true}, "time of the end");
  d.real("dt", spec.dt, {.minimum = 0, .maximum = 1e3, .open_minimum = true},
         "step of Muon as it is, drawn beside the flow; its learning rate");
  d.section("claims", "How much is measured to judge the theory.");
  d.integer("replicates", spec.replicates, {.minimum = 1, .maximum = 10000},
            "random matrices or states behind an identity");
  d.integers("chaos_particles", spec.chaos_particles, {.minimum = 2, .maximum = 65536},
             "numbers of particles N of the propagation of chaos, at least three");
  d.integer("chaos_replicates", spec.chaos_replicates, {.minimum = 2, .maximum = 10000},
            "independent starts of each N");
  d.integer("chaos_reference", spec.chaos_reference, {.minimum = 100, .maximum = 1e7},
            "particles that stand for the mean field");
}

void require_consistent(const FlowSpec& spec) {
  const auto fail = [](const std::string& message) { throw base::Error(base::ErrorKind::usage, message); };
  if (spec.gamma * spec.dt >= 1)
    fail(fmt::format("flow.dt: gamma dt = {:g}; expected beta = 1 - gamma dt above 0", spec.gamma * spec.dt));
  if (spec.chaos_particles.size() < 3)
    fail(fmt::format("claims.chaos_particles has {} numbers; expected at least 3 to fit a slope",
                     spec.chaos_particles.size()));
  for (std::size_t i = 1; i < spec.chaos_particles.size(); ++i) {
    if (spec.chaos_particles[i] <= spec.chaos_particles[i - 1])
      fail("claims.chaos_particles: expected numbers that ascend");
  }
}

std::unique_ptr<Objective> objective_of(const FlowSpec& spec) {
  const Index d = spec.columns, m = spec.rows, n = spec.samples;
  switch (spec.problem) {
    case Problem::two_layer: {
      const Points<double> x = normal_matrix(spec, "features", n, d, 1);
      const base::Vector<double> readout = normal_matrix(spec, "readout", m, 1, 1);
      // The teacher: four particles of its own, so that the optimum is near 0.
      const Points<double> teacher = normal_matrix(spec, "teacher", 4 * m, d, 1.5);
      base::Vector<double> y = base::Vector<double>::Zero(n);
      for (Index i = 0; i < 4; ++i)
        y += (x * teacher.middleRows(i * m, m).transpose()).array().tanh().matrix() * readout / 4;
      return two_layer_objective(x, y, readout);
    }
    case Problem::experts:
      return moe_objective(normal_matrix(spec, "tokens", n, d, 1), normal_matrix(spec, "answers", n, d, 1),
                           {.width = d, .head = std::max<Index>(1, d / 2), .hidden = m});
    case Problem::least_squares:
      break;
  }
  const auto falling = [](Index length) {
    base::Vector<double> out(length);
    for (Index i = 0; i < length; ++i)
      out[i] = std::pow(10, -static_cast<double>(i) / static_cast<double>(std::max<Index>(1, length - 1)));
    return out;
  };
  return least_squares_objective(falling(m), normal_matrix(spec, "target", m, d, 1), falling(d));
}

State start_of(const FlowSpec& spec, const Objective& objective, Index particles, const char* purpose,
               std::int64_t index) {
  const Index size = objective.particle_size();
  const double scale = 1 / std::sqrt(static_cast<double>(spec.columns));
  return {normal_matrix(spec, purpose, particles, size, scale, index), Cloud::Zero(particles, size)};
}

}  // namespace starling::muon
