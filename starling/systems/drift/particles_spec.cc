#include "starling/systems/drift/particles_spec.h"

#include <fmt/format.h>

#include <utility>

#include "starling/base/error.h"

namespace starling::drift {
namespace {

const std::vector<std::pair<std::string, Method>>& methods() {
  static const std::vector<std::pair<std::string, Method>> all = {{"displacement", Method::displacement},
                                                                  {"toy", Method::toy},
                                                                  {"paper", Method::paper},
                                                                  {"release", Method::release},
                                                                  {"conservative", Method::conservative},
                                                                  {"sharp", Method::sharp},
                                                                  {"mmd", Method::mmd},
                                                                  {"svgd", Method::svgd},
                                                                  {"sliced", Method::sliced},
                                                                  {"kl", Method::kl}};
  return all;
}

[[noreturn]] void refuse(const std::string& message) {
  throw base::Error(base::ErrorKind::usage, message);
}

void describe_method(study::Description& d, MethodSpec& m) {
  d.section("field", "The velocity of the particles.");
  d.choice("kind", m.kind, methods(),
           "a drifting field, or a baseline: MMD flow, SVGD, sliced Wasserstein flow, exact KL flow");
  describe_scales(d, m.drift);
  d.real("score_scale", m.score_scale, {.minimum = 0},
         "svgd towards data: bandwidth of the density that gives the score, in units of the data; 0: the "
         "kernel's");
  d.real("noise", m.noise, {.minimum = 0},
         "mmd: standard deviation of the noise injected where the field is read");
  d.integer("directions", m.directions, {.minimum = 1, .maximum = 100000}, "of sliced");
}

void describe_motion(study::Description& d, MotionSpec& m) {
  d.section("motion", "Fixed steps x += eta * v(x), or dx/dt = v(x) solved to tolerance.");
  d.choice("integrator", m.integrator, {{"steps", Integrator::steps}, {"adaptive", Integrator::adaptive}},
           "fixed steps, or a Runge-Kutta solver that chooses its own");
  d.integer("steps", m.steps, {.minimum = 1, .maximum = 1e9}, "fixed steps");
  d.real("eta", m.eta, {.minimum = 0, .open_minimum = true},
         "length of a fixed step; a Gaussian conservative field needs about h^2 or less");
  d.real("horizon", m.horizon, {.minimum = 0, .open_minimum = true}, "adaptive: last time");
  d.integer("outputs", m.outputs, {.minimum = 1, .maximum = 100000}, "adaptive: evenly spaced times");
  d.reals("times", m.times, {.minimum = 0, .open_minimum = true},
          "adaptive: these ascending times instead of horizon and outputs");
  d.real("rtol", m.rtol, {.minimum = 1e-14, .maximum = 0.1}, "adaptive: relative tolerance per step");
  d.real("atol", m.atol, {.minimum = 0}, "adaptive: absolute tolerance per step");
  d.integer("checkpoint_every", m.checkpoint_every, {.minimum = 1},
            "fixed steps between checkpoints; adaptive writes one at every output");
}

// SVGD and the KL flow are defined for one bandwidth; so is what a run measures of them.
void require_one_scale(const MethodSpec& m) {
  if (m.drift.temperatures.size() == 1) return;
  refuse(fmt::format("field.temperatures: {} scales with field.kind = \"{}\"; expected one",
                     m.drift.temperatures.size(), name_of(m.kind)));
}

void require_consistent_times(const MotionSpec& m) {
  for (std::size_t i = 1; i < m.times.size(); ++i) {
    if (m.times[i] > m.times[i - 1]) continue;
    refuse(fmt::format("motion.times: {} after {}; expected ascending times", m.times[i], m.times[i - 1]));
  }
}

}  // namespace

void describe(study::Description& d, ParticlesSpec& spec) {
  study::describe_common(d, spec.common);
  describe_data(d, spec.data, "Where the particles should go, when target.law is \"data\".");
  d.section("target", "The law that the particles should reach.");
  TargetSpec& t = spec.target;
  d.choice("law", t.law, {{"data", TargetLaw::data}, {"normal", TargetLaw::normal}},
           "the data, or N(0, variance I), whose score conservative, svgd and kl then use in closed form");
  d.real("variance", t.variance, {.minimum = 0, .open_minimum = true}, "of the normal");
  d.integer("dimension", t.dimension, {.minimum = 1, .maximum = 10000}, "of the normal");
  d.integer("points", t.points, {.minimum = 2, .maximum = 1e7},
            "points that pull: draws of a built-in set or of the normal; at most so many of a file");
  d.section("cloud", "The particles at the start: independent normal coordinates.");
  CloudSpec& c = spec.cloud;
  d.integer("count", c.count, {.minimum = 2, .maximum = 1e7}, "particles");
  d.real("start_mean", c.start_mean, {}, "of every coordinate, in units of the data after data.rescale");
  d.real("start_scale", c.start_scale, {.minimum = 0, .open_minimum = true}, "standard deviation, likewise");
  describe_method(d, spec.method);
  describe_motion(d, spec.motion);
  d.section("watch", "What is measured on the way.");
  WatchSpec& w = spec.watch;
  d.integer("records", w.records, {.minimum = 1, .maximum = 100000},
            "measurements over a run of fixed steps");
  d.integer("evaluation", w.evaluation, {.minimum = 10, .maximum = 100000},
            "held-out points of a built-in set or of the normal");
  d.integer(
      "sample", w.sample, {.minimum = 100, .maximum = 1e6},
      "particles that the distances look at, of a larger cloud; measures of all its pairs are left out");
  d.boolean("fisher", w.fisher,
            "Fisher information and KL of the smoothed laws, Gaussian kernels in one and two dimensions");
}

void require_consistent(const ParticlesSpec& spec) {
  const MethodSpec& m = spec.method;
  const std::string kind = name_of(m.kind);
  if (m.drift.temperatures.empty()) refuse("field.temperatures: empty; expected at least one scale");
  if (m.kind == Method::svgd || m.kind == Method::kl) require_one_scale(m);
  if (m.noise > 0 && m.kind != Method::mmd)
    refuse(fmt::format("field.noise: {} with field.kind = \"{}\"; only mmd injects noise", m.noise, kind));
  if (m.kind == Method::release && m.drift.bandwidth.rule != BandwidthRule::fixed)
    refuse("field.rule: release measures in units of the mean distance already; expected \"fixed\"");
  const bool exact = spec.target.law == TargetLaw::normal && m.kind == Method::conservative && is_gaussian(m);
  if (exact && !m.drift.self_interaction)
    refuse(
        "field.self_interaction: false with a normal target; the conservative Gaussian field then explodes");
  if (exact) require_one_scale(m);
  if (spec.motion.integrator == Integrator::steps) return;
  require_consistent_times(spec.motion);
  if (m.kind == Method::release)
    refuse(
        "motion.integrator: adaptive with field.kind = \"release\"; its fields are scaled to unit size and "
        "never "
        "come to rest; use \"steps\"");
  if (m.noise > 0)
    refuse(fmt::format("field.noise: {} with motion.integrator = \"adaptive\"; use \"steps\"", m.noise));
  if (m.drift.anneal_from > 0)
    refuse(fmt::format(
        "field.anneal_from: {} with motion.integrator = \"adaptive\"; scales are annealed over steps",
        m.drift.anneal_from));
}

std::string name_of(Method method) {
  for (const auto& [name, value] : methods()) {
    if (value == method) return name;
  }
  return {};
}

bool is_gaussian(const MethodSpec& spec) {
  switch (spec.kind) {
    case Method::mmd:
    case Method::svgd:
    case Method::kl:
      return true;
    case Method::displacement:
    case Method::conservative:
      return spec.drift.kernel == Kernel::gaussian;
    default:
      return false;
  }
}

bool has_kernel(Method method) {
  return method != Method::sliced;
}

std::int64_t move_count(const MotionSpec& spec) {
  if (spec.integrator == Integrator::steps) return spec.steps;
  return spec.times.empty() ? spec.outputs : static_cast<std::int64_t>(spec.times.size());
}

double time_after(const MotionSpec& spec, std::int64_t moves) {
  if (moves == 0) return 0;
  if (spec.integrator == Integrator::steps) return spec.eta * static_cast<double>(moves);
  if (!spec.times.empty()) return spec.times[static_cast<std::size_t>(moves - 1)];
  return spec.horizon * static_cast<double>(moves) / static_cast<double>(spec.outputs);
}

}  // namespace starling::drift
