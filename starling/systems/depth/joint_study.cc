#include "starling/systems/depth/joint_study.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>

#include "starling/base/error.h"
#include "starling/base/parallel.h"
#include "starling/math/statistics.h"
#include "starling/simd/lane_vector.h"
#include "starling/systems/depth/limit.h"

namespace starling::depth {
namespace {

using base::Error;
using base::ErrorKind;

void validate(const JointStudySpec& spec, const HeadLaw& law) {
  const auto require = [](bool holds, const char* what) {
    if (!holds) throw Error(ErrorKind::usage, fmt::format("joint study: {}", what));
  };
  const auto positive = [](Index value) { return value >= 1; };
  require(!spec.layers.empty() && std::all_of(spec.layers.begin(), spec.layers.end(), positive),
          "layers: expected a list of numbers from 1");
  require(!spec.heads.empty() && std::all_of(spec.heads.begin(), spec.heads.end(), positive),
          "heads: expected a list of numbers from 1");
  require(!spec.watch.empty() && spec.watch.front() >= 0 &&
              std::adjacent_find(spec.watch.begin(), spec.watch.end(), std::greater_equal<>()) ==
                  spec.watch.end(),
          "watch: expected ascending numbers of steps from 0");
  require(spec.neurons_per_head >= 0 && (spec.neurons_per_head == 0) == law.neurons.empty(),
          "neurons_per_head: expected 1 or more where the law has neurons, else 0");
  require(spec.replicas >= 2, "replicas: expected at least 2");
  require(spec.resamples >= 2, "resamples: expected at least 2");
  require(spec.reference_layers >= 1, "reference_layers: expected at least 1");
  require(spec.confidence > 0 && spec.confidence < 1, "confidence: expected a share between 0 and 1");
}

TrainingSpec training_of(const JointStudySpec& spec, const HeadShape& shape, Index tokens) {
  return {.network = {.shape = shape, .causal = spec.causal, .norm = spec.norm},
          .optimiser = spec.optimiser,
          .tokens = tokens,
          .steps = spec.watch.back(),
          .watch = spec.watch};
}

// The largest |a_i - b_i|² of all tokens.
double largest_square(std::span<const double> a, std::span<const double> b, Index tokens) {
  const std::size_t width = a.size() / static_cast<std::size_t>(tokens);
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); i += width)
    largest = std::max(largest, mean_square_distance(a.subspan(i, width), b.subspan(i, width), 1));
  return largest;
}

ErrorSample compare(const std::vector<Trained>& runs, std::size_t at, const Snapshot& limit, Index tokens,
                    std::vector<double> Snapshot::*what, double confidence) {
  ErrorSample out;
  const std::vector<double>& exact = limit.*what;
  for (const Trained& run : runs) {
    const std::vector<double>& end = run.snapshots[at].*what;
    out.squares.push_back(mean_square_distance(end, exact, tokens));
    out.mean_largest += largest_square(end, exact, tokens) / static_cast<double>(runs.size());
  }
  const math::MeanInterval interval = math::mean_interval(out.squares, confidence);
  const double quantile = math::student_t_quantile(.5 + confidence / 2, static_cast<double>(runs.size()) - 1);
  out.mean = {interval.mean, (interval.upper - interval.mean) / quantile, interval.lower, interval.upper};
  return out;
}

// What is fitted, in this order: exponents in L and H, a, b.
using Fitted = std::array<double, 4>;

// Two columns of the table at least: exponents of one row or column do not exist, and are not asked for.
Fitted fit(const std::vector<JointCell>& cells, const std::vector<double>& means,
           const std::vector<double>& errors) {
  std::vector<double> logs, powers, values, flat(means.size(), 1.0), weights;
  for (std::size_t c = 0; c < cells.size(); ++c) {
    const double l = static_cast<double>(cells[c].layers), h = static_cast<double>(cells[c].heads);
    logs.insert(logs.end(), {1, std::log(l), std::log(h)});
    values.push_back(std::log(means[c]));
    powers.insert(powers.end(), {1 / (l * l), 1 / (l * h)});
    weights.push_back(1 / (errors[c] * errors[c]));
  }
  const auto exponents = math::weighted_least_squares(logs, values, flat, 3);
  const auto constants = math::weighted_least_squares(powers, means, weights, 2);
  return {exponents[1], exponents[2], constants[0], constants[1]};
}

RateFit fit_rates(const JointStudySpec& spec, const std::vector<JointCell>& cells, std::size_t at,
                  std::vector<ErrorSample> JointCell::*what, const char* purpose) {
  std::vector<double> means, errors;
  for (const JointCell& cell : cells) {
    means.push_back((cell.*what)[at].mean.value);
    errors.push_back((cell.*what)[at].mean.standard_error);
  }
  const Fitted best = fit(cells, means, errors);
  std::array<std::vector<double>, 4> resampled;
  for (Index b = 0; b < spec.resamples; ++b) {
    base::Stream stream(spec.seed, static_cast<std::uint32_t>(at), purpose, static_cast<std::uint64_t>(b));
    std::vector<double> drawn;
    for (const JointCell& cell : cells) {
      const std::vector<double>& squares = (cell.*what)[at].squares;
      double sum = 0;
      for (std::size_t r = 0; r < squares.size(); ++r) sum += squares[stream.below(squares.size())];
      drawn.push_back(sum / static_cast<double>(squares.size()));
    }
    const Fitted again = fit(cells, drawn, errors);
    for (std::size_t q = 0; q < 4; ++q) resampled[q].push_back(again[q]);
  }
  const auto estimate = [&](std::size_t q) {
    const std::vector<double>& values = resampled[q];
    double mean = 0, squares = 0;
    for (const double v : values) mean += v / static_cast<double>(values.size());
    for (const double v : values) squares += (v - mean) * (v - mean);
    return Estimate{best[q], std::sqrt(squares / static_cast<double>(values.size() - 1)),
                    math::quantile(values, .5 - spec.confidence / 2),
                    math::quantile(values, .5 + spec.confidence / 2)};
  };
  return {estimate(0), estimate(1), estimate(2), estimate(3)};
}

}  // namespace

std::vector<Snapshot> stratified_network(const JointStudySpec& spec, const HeadLaw& law, Index layers,
                                         Index tokens, std::span<const double> x, std::span<const double> y) {
  validate(spec, law);
  return train(training_of(spec, law.shape(layers, law.atoms(), law.neuron_atoms()), tokens),
               stratified_heads(law, layers), x, y)
      .snapshots;
}

JointCell measure_cell(const JointStudySpec& spec, const HeadLaw& law, Index layers, Index heads,
                       std::uint32_t task, Index tokens, const std::vector<Snapshot>& reference,
                       std::span<const double> x, std::span<const double> y) {
  const TrainingSpec training =
      training_of(spec, law.shape(layers, heads, heads * spec.neurons_per_head), tokens);
  const auto start = [&](Index replica) {
    base::Stream stream(spec.seed, task, "heads", static_cast<std::uint64_t>(replica));
    return drawn_heads(law, layers, heads, stream, heads * spec.neurons_per_head);
  };
  const std::vector<Trained> runs = train_replicas(training, spec.replicas, start, x, y);
  JointCell out{layers, heads, {}, {}, {}};
  for (std::size_t s = 0; s < spec.watch.size(); ++s) {
    out.hidden.push_back(compare(runs, s, reference[s], tokens, &Snapshot::output, spec.confidence));
    out.adjoint.push_back(compare(runs, s, reference[s], tokens, &Snapshot::adjoint, spec.confidence));
    double loss = 0;
    for (const Trained& run : runs) loss += run.snapshots[s].loss / static_cast<double>(runs.size());
    out.loss.push_back(loss);
  }
  return out;
}

Estimate largest_error(const HeadLaw& law, Index layers, Index heads, Index networks, Index tokens,
                       std::span<const double> inputs, std::uint64_t seed, double confidence) {
  const NetworkSpec spec{.shape = law.shape(layers, heads)};
  validate(spec);
  require_heads_alone(law);
  const Index size = tokens * law.width, count = static_cast<Index>(inputs.size()) / std::max<Index>(size, 1);
  if (networks < 2 || size < 1 || count < 1 || static_cast<Index>(inputs.size()) != count * size) {
    throw Error(ErrorKind::usage,
                fmt::format("largest error: {} networks, {} numbers of inputs; expected at least 2, and "
                            "sequences of {} tokens with {} numbers",
                            networks, inputs.size(), tokens, law.width));
  }
  const auto input = [&](Index i) {
    return inputs.subspan(static_cast<std::size_t>(i * size), static_cast<std::size_t>(size));
  };
  std::vector<std::vector<double>> limits(static_cast<std::size_t>(count));
  base::parallel_chunks(count, 1, [&](Index i, Index) {
    limits[static_cast<std::size_t>(i)] =
        solve_limit(
            {.head_width = law.head_width, .width = law.width, .tokens = tokens, .tolerance = 1e-10},
            [&](double) { return law.heads; }, input(i))
            .x1;
  });
  std::vector<double> squares(static_cast<std::size_t>(networks), 0.0);
  const Index lanes = kernels::attention_lanes<double>();
  base::parallel_chunks(networks, lanes, [&](Index begin, Index end) {
    LaneNetwork<double> network(spec, tokens, kernels::LaneWeights::own);
    simd::LaneVector weights(static_cast<std::size_t>(spec.shape.size() * lanes));
    for (Index lane = 0; lane < lanes; ++lane) {
      base::Stream stream(seed, 0, "heads", static_cast<std::uint64_t>(std::min(begin + lane, end - 1)));
      put_lane<double>(drawn_heads(law, layers, heads, stream), lane, lanes, weights.data());
    }
    std::vector<double> x(static_cast<std::size_t>(size));
    for (Index i = 0; i < count; ++i) {
      for (Index lane = 0; lane < lanes; ++lane) put_lane(input(i), lane, lanes, network.input());
      const double* out = network.forward(weights.data());
      for (Index r = begin; r < end; ++r) {
        take_lane<double>(out, r - begin, lanes, x);
        double& most = squares[static_cast<std::size_t>(r)];
        most = std::max(most, largest_square(x, limits[static_cast<std::size_t>(i)], tokens));
      }
    }
  });
  // The root of a mean has the relative error of half the mean's.
  const math::MeanInterval mean = math::mean_interval(squares, confidence);
  const double root = std::sqrt(mean.mean);
  const double quantile = math::student_t_quantile(.5 + confidence / 2, static_cast<double>(networks) - 1);
  return {root, (mean.upper - mean.mean) / quantile / (2 * root), std::sqrt(std::max(0.0, mean.lower)),
          std::sqrt(mean.upper)};
}

std::vector<Snapshot> trained_limit(const JointStudySpec& spec, const HeadLaw& law, Index tokens,
                                    std::span<const double> x, std::span<const double> y) {
  validate(spec, law);
  std::array<Trained, 3> runs;
  base::parallel_chunks(3, 1, [&](Index begin, Index) {
    const Index i = 2 - begin, layers = spec.reference_layers << i;  // the deepest first
    runs[static_cast<std::size_t>(i)] =
        train(training_of(spec, law.shape(layers, law.atoms(), law.neuron_atoms()), tokens),
              stratified_heads(law, layers), x, y);
  });
  std::vector<Snapshot> out;
  for (std::size_t s = 0; s < spec.watch.size(); ++s) {
    const auto limit_of = [&](auto part) {
      return richardson(spec.reference_layers, part(runs[0].snapshots[s]), part(runs[1].snapshots[s]),
                        part(runs[2].snapshots[s]))
          .limit;
    };
    out.push_back({spec.watch[s], limit_of([](const Snapshot& at) { return std::vector{at.loss}; })[0],
                   limit_of([](const Snapshot& at) { return at.output; }),
                   limit_of([](const Snapshot& at) { return at.adjoint; })});
  }
  return out;
}

JointStudy study_jointly(const JointStudySpec& spec, const HeadLaw& law, Index tokens,
                         std::span<const double> x, std::span<const double> y) {
  JointStudy out;
  out.limit = trained_limit(spec, law, tokens, x, y);
  std::uint32_t task = 0;
  for (const Index layers : spec.layers) {
    for (const Index heads : spec.heads)
      out.cells.push_back(measure_cell(spec, law, layers, heads, task++, tokens, out.limit, x, y));
  }
  if (spec.layers.size() < 2 || spec.heads.size() < 2) return out;
  for (std::size_t s = 0; s < spec.watch.size(); ++s) {
    out.hidden.push_back(fit_rates(spec, out.cells, s, &JointCell::hidden, "bootstrap hidden"));
    out.adjoint.push_back(fit_rates(spec, out.cells, s, &JointCell::adjoint, "bootstrap adjoint"));
  }
  return out;
}

}  // namespace starling::depth
