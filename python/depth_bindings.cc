#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <string>
#include <vector>

#include "arrays.h"
#include "starling/base/error.h"
#include "starling/systems/depth/clustering.h"
#include "starling/systems/depth/diagnostics.h"
#include "starling/systems/depth/joint_study.h"
#include "starling/systems/depth/limit.h"
#include "starling/systems/depth/training.h"

namespace starling::python {
namespace {

using namespace nb::literals;
using base::Index;
using Numbers = std::vector<double>;

std::span<const double> span(const Column& numbers) {
  return {numbers.data(), numbers.shape(0)};
}
Numbers copy(const Column& numbers) {
  return {numbers.data(), numbers.data() + numbers.shape(0)};
}
Array flat(const Numbers& values) {
  return numpy(values.data(), {values.size()});
}

// Shapes travel as (layers, heads, head_width, width), heads as [layer][head][Q, K, V, O] in one dimension.
depth::NetworkSpec spec_of(const std::vector<Index>& shape, bool causal, double residual_exponent,
                           const std::string& norm, const std::string& memory = "stored",
                           bool sphere = false) {
  return {.shape = {shape.at(0), shape.at(1), shape.at(2), shape.at(3)},
          .causal = causal,
          .residual_exponent = residual_exponent,
          .memory = depth::memory_policy(memory),
          .norm = depth::norm_of(norm),
          .sphere = sphere};
}
depth::HeadLaw law_of(const Column& atoms, const std::vector<Index>& shape) {
  return {shape.at(2), shape.at(3), copy(atoms)};
}

Array forward(const Column& heads, const std::vector<Index>& shape, bool causal, double residual_exponent,
              const std::string& norm, bool sphere, Index tokens, Index sequences, const Column& x) {
  return flat(unlocked([&] {
    depth::Network<double> network(spec_of(shape, causal, residual_exponent, norm, "stored", sphere), tokens,
                                   sequences);
    Numbers out(x.shape(0));
    network.forward(span(heads), span(x), out);
    return out;
  }));
}

double loss(const Column& heads, const std::vector<Index>& shape, bool causal, double residual_exponent,
            const std::string& norm, bool sphere, Index tokens, Index sequences, const Column& x,
            const Column& y) {
  return unlocked([&] {
    depth::Network<double> network(spec_of(shape, causal, residual_exponent, norm, "stored", sphere), tokens,
                                   sequences);
    return network.loss(span(heads), span(x), span(y));
  });
}

// (loss, p0, raw gradient in the layout of the heads).
nb::tuple gradient(const Column& heads, const std::vector<Index>& shape, bool causal,
                   double residual_exponent, const std::string& norm, bool sphere, const std::string& memory,
                   Index tokens, Index sequences, const Column& x, const Column& y) {
  Numbers p0(x.shape(0)), slope(heads.shape(0));
  const double value = unlocked([&] {
    const depth::NetworkSpec spec = spec_of(shape, causal, residual_exponent, norm, memory, sphere);
    depth::Network<double> network(spec, tokens, sequences);
    const double out = network.gradient(span(heads), span(x), span(y), slope, p0);
    for (double& entry : slope) entry *= spec.scale();
    return out;
  });
  return nb::make_tuple(value, flat(p0), flat(slope));
}

optim::ParticleAdamWSpec adam_of(const nb::dict& options) {
  const auto number = [&](const char* name) { return nb::cast<double>(options[name]); };
  optim::ParticleAdamWSpec out{
      .beta1 = number("beta1"),
      .beta2 = number("beta2"),
      .epsilon = number("epsilon"),
      .decay = number("weight_decay"),
      .second = optim::second_moment(nb::cast<std::string>(options["second_moment"])),
      .bias_correction = nb::cast<bool>(options["bias_correction"])};
  optim::validate(out);
  return out;
}

depth::Optimiser optimiser_of(const nb::dict& options) {
  const auto units = nb::cast<std::string>(options["epsilon_units"]);
  const std::vector<std::string> known = {"mean_field", "raw"};
  if (units != known[0] && units != known[1]) {
    throw base::Error(base::ErrorKind::usage,
                      "unknown epsilon_units '" + units + "'" + base::suggestion(units, known));
  }
  optim::TrainerSpec other{.rule = optim::rule_named(nb::cast<std::string>(options["optimizer"])),
                           .momentum = nb::cast<double>(options["momentum"]),
                           .nesterov = nb::cast<bool>(options["nesterov"]),
                           .epsilon = nb::cast<double>(options["map_epsilon"])};
  return {.rate = nb::cast<double>(options["lr"]),
          .adam = adam_of(options),
          .units = units == "raw" ? depth::EpsilonUnits::raw : depth::EpsilonUnits::mean_field,
          .other = other};
}

// The gradient is the caller's, with the interpreter's lock held; theta is one particle of one block.
Array adamw(const Column& start, const nb::callable& slope, Index steps, const nb::dict& options) {
  const optim::ParticleAdamWSpec spec = adam_of(options);
  const double rate = nb::cast<double>(options["lr"]);
  Numbers theta = copy(start), rows;
  const optim::ParticleLayout layout{
      .particles = 1, .blocks = 1, .block_size = static_cast<Index>(theta.size())};
  optim::ParticleAdamWState<double> state(layout, spec.second);
  for (Index k = 0; k < steps; ++k) {
    const auto g = nb::cast<Column>(slope(flat(theta)));
    if (g.shape(0) != theta.size()) {
      throw base::Error(base::ErrorKind::usage, "gradient: " + std::to_string(g.shape(0)) + " numbers for " +
                                                    std::to_string(theta.size()) + " parameters");
    }
    optim::particle_adamw_step(spec, rate, layout, theta.data(), g.data(), state);
    rows.insert(rows.end(), theta.begin(), theta.end());
  }
  return numpy(rows.data(), {static_cast<std::size_t>(steps), theta.size()});
}

// (x1, p0, loss, error, panels); p0 is empty without y. head_at gives the heads of a layer in one dimension.
nb::tuple limit(const nb::callable& head_at, Index head_width, Index width, Index tokens, bool causal,
                const std::string& norm, const Column& x, const Column& y) {
  const depth::HeadsAt heads = [&](double s) { return copy(nb::cast<Column>(head_at(s))); };
  const depth::Limit out = depth::solve_limit({.head_width = head_width,
                                               .width = width,
                                               .tokens = tokens,
                                               .causal = causal,
                                               .norm = depth::norm_of(norm)},
                                              heads, span(x), span(y));
  return nb::make_tuple(flat(out.x1), flat(out.p0), out.loss, out.error, out.panels);
}

// (losses, x1, P, heads) after the last step.
nb::tuple train(const Column& atoms, const std::vector<Index>& shape, bool stratified, bool causal,
                double residual_exponent, const std::string& norm, bool sphere, const std::string& memory,
                Index tokens, const Column& x, const Column& y, Index steps, const nb::dict& options,
                std::uint64_t seed) {
  const depth::Optimiser optimiser = optimiser_of(options);
  const depth::Trained run = unlocked([&] {
    const depth::HeadLaw law = law_of(atoms, shape);
    const depth::TrainingSpec spec{.network = spec_of(shape, causal, residual_exponent, norm, memory, sphere),
                                   .optimiser = optimiser,
                                   .tokens = tokens,
                                   .steps = steps,
                                   .watch = {steps}};
    depth::validate(spec.network);
    base::Stream stream(seed, 0, "heads");
    const depth::HeadShape& sizes = spec.network.shape;
    return depth::train(spec,
                        stratified ? depth::stratified_heads(law, sizes.layers)
                                   : depth::drawn_heads(law, sizes.layers, sizes.heads, stream),
                        span(x), span(y));
  });
  const depth::Snapshot& end = run.snapshots.back();
  return nb::make_tuple(flat(run.losses), flat(end.output), flat(end.adjoint), flat(run.weights));
}

nb::tuple rate_constants(const Column& atoms, const std::vector<Index>& shape, bool causal, Index tokens,
                         const Column& x) {
  const depth::RateConstants out =
      unlocked([&] { return depth::rate_constants(law_of(atoms, shape), tokens, span(x), causal); });
  return nb::make_tuple(out.a, out.b);
}

// (euler, fluctuation), means over the sequences.
nb::tuple diagnose(const Column& heads, const std::vector<Index>& shape, bool causal, const std::string& norm,
                   Index tokens, const Column& x) {
  const depth::NetworkDiagnostics out = unlocked(
      [&] { return depth::diagnose(spec_of(shape, causal, 1, norm), span(heads), tokens, span(x)); });
  return nb::make_tuple(out.euler, out.fluctuation);
}

// The mean over the sequences.
double seeds_fluctuation(const std::vector<Column>& heads, const std::vector<Index>& shape, bool causal,
                         const std::string& norm, Index tokens, const Column& x) {
  std::vector<std::vector<double>> networks;
  for (const Column& one : heads) networks.push_back(copy(one));
  return unlocked([&] {
    return depth::seeds_fluctuation(spec_of(shape, causal, 1, norm), networks, tokens, span(x)).mean.mean;
  });
}

// (value, standard error, lower, upper).
Numbers numbers_of(const depth::Estimate& e) {
  return {e.value, e.standard_error, e.lower, e.upper};
}

nb::dict joint_table(const Column& atoms, const std::vector<Index>& shape, bool causal, Index tokens,
                     const Column& x, const Column& y, const std::vector<Index>& layers,
                     const std::vector<Index>& heads, const std::vector<Index>& watch, Index replicas,
                     const nb::dict& options, std::uint64_t seed) {
  const depth::JointStudySpec spec{.layers = layers,
                                   .heads = heads,
                                   .watch = watch,
                                   .replicas = replicas,
                                   .optimiser = optimiser_of(options),
                                   .causal = causal,
                                   .seed = seed};
  const depth::JointStudy study =
      unlocked([&] { return depth::study_jointly(spec, law_of(atoms, shape), tokens, span(x), span(y)); });
  // Tables are (watch, layers, heads, 4), fits (watch, 4).
  const auto table = [&](std::vector<depth::ErrorSample> depth::JointCell::*what) {
    Numbers all;
    for (std::size_t s = 0; s < watch.size(); ++s) {
      for (const depth::JointCell& cell : study.cells) {
        const Numbers one = numbers_of((cell.*what)[s].mean);
        all.insert(all.end(), one.begin(), one.end());
      }
    }
    return numpy(all.data(), {watch.size(), layers.size(), heads.size(), 4});
  };
  const auto fits = [&](const std::vector<depth::RateFit>& laws) {
    const auto column = [&](depth::Estimate depth::RateFit::*which) {
      Numbers all;
      for (const depth::RateFit& law : laws) {
        const Numbers one = numbers_of(law.*which);
        all.insert(all.end(), one.begin(), one.end());
      }
      return numpy(all.data(), {laws.size(), 4});
    };
    nb::dict out;
    out["layers"] = column(&depth::RateFit::layers);
    out["heads"] = column(&depth::RateFit::heads);
    out["a"] = column(&depth::RateFit::a);
    out["b"] = column(&depth::RateFit::b);
    return out;
  };
  Numbers losses;
  for (const depth::Snapshot& at : study.limit) losses.push_back(at.loss);
  nb::dict out;
  out["hidden"] = table(&depth::JointCell::hidden);
  out["adjoint"] = table(&depth::JointCell::adjoint);
  out["hidden_law"] = fits(study.hidden);
  out["adjoint_law"] = fits(study.adjoint);
  out["limit_loss"] = flat(losses);
  return out;
}

Array cluster(const Column& x, Index width, double beta, const Column& times) {
  return flat(unlocked([&] { return depth::cluster(span(x), width, beta, span(times)); }));
}

}  // namespace

void bind_depth(nb::module_& module) {
  module.def("depth_forward", forward, "heads"_a, "shape"_a, "causal"_a, "residual_exponent"_a, "norm"_a,
             "sphere"_a, "tokens"_a, "sequences"_a, "x"_a);
  module.def("depth_loss", loss, "heads"_a, "shape"_a, "causal"_a, "residual_exponent"_a, "norm"_a,
             "sphere"_a, "tokens"_a, "sequences"_a, "x"_a, "y"_a);
  module.def("depth_gradient", gradient, "heads"_a, "shape"_a, "causal"_a, "residual_exponent"_a, "norm"_a,
             "sphere"_a, "memory"_a, "tokens"_a, "sequences"_a, "x"_a, "y"_a);
  module.def("depth_diagnose", diagnose, "heads"_a, "shape"_a, "causal"_a, "norm"_a, "tokens"_a, "x"_a);
  module.def("depth_seeds_fluctuation", seeds_fluctuation, "heads"_a, "shape"_a, "causal"_a, "norm"_a,
             "tokens"_a, "x"_a);
  module.def("depth_adamw", adamw, "theta"_a, "gradient"_a, "steps"_a, "options"_a);
  module.def("depth_limit", limit, "head_at"_a, "head_width"_a, "width"_a, "tokens"_a, "causal"_a, "norm"_a,
             "x"_a, "y"_a);
  module.def("depth_train", train, "atoms"_a, "shape"_a, "stratified"_a, "causal"_a, "residual_exponent"_a,
             "norm"_a, "sphere"_a, "memory"_a, "tokens"_a, "x"_a, "y"_a, "steps"_a, "options"_a, "seed"_a);
  module.def("depth_rate_constants", rate_constants, "atoms"_a, "shape"_a, "causal"_a, "tokens"_a, "x"_a);
  module.def("depth_joint_table", joint_table, "atoms"_a, "shape"_a, "causal"_a, "tokens"_a, "x"_a, "y"_a,
             "layers"_a, "heads"_a, "watch"_a, "replicas"_a, "options"_a, "seed"_a);
  module.def("depth_cluster", cluster, "x"_a, "width"_a, "beta"_a, "times"_a);
}

}  // namespace starling::python
