#include "starling/systems/pinn/bound_spec.h"

#include <fmt/format.h>

#include <set>

#include "starling/base/error.h"

namespace starling::pinn {

void describe(study::Description& d, BoundStudySpec& spec) {
  study::describe_common(d, spec.common);
  constexpr study::Range positive{.minimum = 0, .open_minimum = true};
  d.section("class", "Networks of two hidden layers on -1 <= x <= 1, drawn at random.");
  d.integer("width", spec.drawn.width, {.minimum = 2, .maximum = 256}, "neurons of a hidden layer");
  d.integer("members", spec.drawn.members, {.minimum = 2, .maximum = 4096}, "networks of a class");
  d.real("gain", spec.drawn.gain, positive, "of the first layer's weights and the biases");
  d.real("amplitude", spec.drawn.amplitude, positive, "the largest |u| of every member");
  d.section("study", "Measured complexities against the reconstructed bound.");
  d.integers("points", spec.points, {.minimum = 2, .maximum = 100000}, "numbers of points");
  d.integer("replicates", spec.replicates, {.minimum = 2, .maximum = 1e6}, "draws of points and signs");
  d.integer("degree", spec.degree, {.minimum = 3, .maximum = 12}, "the highest power of u");
  d.integer("tests", spec.tests, {.minimum = 1, .maximum = 100}, "test functions of the variational form");
  d.integer("rank", spec.rank, {.minimum = 1, .maximum = 255}, "of hidden weights of low rank");
  d.integer("classes", spec.classes, {.minimum = 2, .maximum = 10000}, "pairs of classes behind a ratio");
  d.section("train", "Networks trained on -u_xx = pi^2 sin(pi x) by self-scaled Broyden steps.");
  d.integers("points", spec.trained_points, {.minimum = 2, .maximum = 10000}, "numbers of random points");
  d.integer("runs", spec.runs, {.minimum = 2, .maximum = 1000}, "networks for every number of points");
  d.integer("steps", spec.steps, {.minimum = 1, .maximum = 100000}, "of a training at most");
  d.integer("fresh_points", spec.holdout, {.minimum = 2, .maximum = 1e6},
            "fresh points that judge a network");
}

void require_consistent(const BoundStudySpec& spec) {
  const auto refuse = [](const std::string& text) { return base::Error(base::ErrorKind::usage, text); };
  const auto several = [&](const char* key, const std::vector<std::int64_t>& values) {
    if (std::set(values.begin(), values.end()).size() < 3)
      throw refuse(fmt::format("{} has fewer than three values; expected several to fit a slope", key));
  };
  several("study.points", spec.points);
  several("train.points", spec.trained_points);
  if (spec.rank >= spec.drawn.width)
    throw refuse(
        fmt::format("study.rank: {}; expected less than class.width, {}", spec.rank, spec.drawn.width));
}

}  // namespace starling::pinn
