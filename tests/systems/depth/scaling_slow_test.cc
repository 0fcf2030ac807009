// Statistical figures, against those of an independent program: within three standard errors of both, unless
// said otherwise.
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <cstdio>

#include "starling/systems/depth/diagnostics.h"
#include "starling/systems/depth/joint_study.h"
#include "starling/systems/depth/limit.h"
#include "starling/systems/depth/transfer.h"

namespace starling::depth {
namespace {

using optim::SecondMomentScope;
using Numbers = std::vector<double>;

struct StudyNetwork {
  HeadLaw law = formula_law(32, 2, 4, 1, .5);
  Numbers x = formula_tokens(8, 4, 2), y = formula_targets(x, 4);
};

constexpr double known_error = .12;  // of the figures: their relative standard errors are 6 to 17%

void expect_alike(const Estimate& mean, double known, double error = known_error) {
  EXPECT_NEAR(mean.value, known, 3 * std::hypot(mean.standard_error, error * known));
}

TEST(DepthScaling, HasTheKnownJointTable) {
  const StudyNetwork net;
  const JointStudy study = study_jointly({}, net.law, 8, net.x, net.y);
  const auto cell = [&](Index layers, Index heads) -> const JointCell& {
    for (const JointCell& c : study.cells) {
      if (c.layers == layers && c.heads == heads) return c;
    }
    ADD_FAILURE();
    return study.cells[0];
  };
  struct Known {
    Index layers, heads;
    double k0, k10, k50;
  };
  for (const Known& known : {Known{4, 1, 7.2e-2, 2.1e-2, 9.0e-2}, Known{4, 16, 4.4e-3, 1.6e-3, 9.2e-3},
                             Known{16, 1, 1.9e-2, 6.3e-3, 2.1e-2}, Known{16, 4, 4.5e-3, 1.7e-3, 5.6e-3},
                             Known{16, 16, 1.5e-3, 4.3e-4, 1.4e-3}, Known{64, 1, 4.2e-3, 1.5e-3, 4.4e-3},
                             Known{64, 4, 1.3e-3, 3.7e-4, 1.1e-3}, Known{64, 16, 3.0e-4, 1.0e-4, 3.0e-4}}) {
    SCOPED_TRACE(::testing::Message() << known.layers << " layers, " << known.heads << " heads");
    const JointCell& c = cell(known.layers, known.heads);
    expect_alike(c.hidden[0].mean, known.k0);
    expect_alike(c.hidden[2].mean, known.k10);
    expect_alike(c.hidden[3].mean, known.k50);
  }
  expect_alike(cell(4, 1).adjoint[2].mean, 7.7e-2);
  expect_alike(cell(16, 4).adjoint[2].mean, 3.7e-3);
  expect_alike(cell(64, 16).adjoint[2].mean, 1.7e-4);
  const auto near = [](const Estimate& fitted, double known, double error) {
    EXPECT_NEAR(fitted.value, known, 3 * std::hypot(fitted.standard_error, error));
  };
  const Numbers layers = {-.96, -.97, -.98, -1.15}, heads = {-.98, -.97, -.95, -.95},
                b = {.293, .236, .0955, .295}, b_error = {.008, .007, .002, .007};
  for (std::size_t s = 0; s < 4; ++s) {
    SCOPED_TRACE(s);
    near(study.hidden[s].layers, layers[s], .026);
    near(study.hidden[s].heads, heads[s], .026);
    near(study.hidden[s].b, b[s], b_error[s]);
    // The theorem's exponent is a bound, and not the law of this network.
    EXPECT_LT(study.hidden[s].layers.value + 10 * study.hidden[s].layers.standard_error, -2.0 / 3);
  }
  near(study.hidden[2].a, .003, .002);
  near(study.hidden[3].a, .065, .007);
  near(study.adjoint[2].layers, -1.10, .04);
  near(study.adjoint[2].heads, -1.08, .04);
}

TEST(DepthScaling, IsTheSameUnderACausalMask) {
  const StudyNetwork net;
  const JointStudy study = study_jointly({.watch = {0, 10}, .causal = true}, net.law, 8, net.x, net.y);
  EXPECT_NEAR(study.limit[0].loss, .46370704, 5e-9);
  EXPECT_NEAR(study.limit[1].loss, .31068903, 5e-9);
  const auto near = [](const Estimate& fitted, double known) {
    EXPECT_NEAR(fitted.value, known, 3 * std::hypot(fitted.standard_error, .03));
  };
  near(study.hidden[0].layers, -1.00);
  near(study.hidden[0].heads, -1.05);
  near(study.hidden[1].layers, -.94);
  near(study.hidden[1].heads, -1.00);
  near(study.adjoint[1].layers, -1.04);
  near(study.adjoint[1].heads, -1.07);
  for (const JointCell& c : study.cells) {
    if (c.layers == 4 && c.heads == 1) expect_alike(c.hidden[1].mean, 4.2e-2);
    if (c.layers == 16 && c.heads == 4) expect_alike(c.hidden[1].mean, 3.8e-3);
    if (c.layers == 64 && c.heads == 16) expect_alike(c.hidden[1].mean, 2.0e-4);
  }
}

TEST(DepthScaling, HasThePredictedConstantBeforeTraining) {
  const StudyNetwork net;
  const JointStudySpec spec{.watch = {0}, .replicas = 4096, .seed = 11};
  struct Known {
    Index layers, heads;
    double scaled, error;
  };
  for (const Known& known :
       {Known{64, 4, .3128, .0028}, Known{64, 16, .3166, .0039}, Known{16, 16, .2987, .0038}}) {
    // Against the stratified network of the same depth, L H err² tends to the constant of that depth.
    const JointCell cell =
        measure_cell(spec, net.law, known.layers, known.heads, 0, 8,
                     stratified_network(spec, net.law, known.layers, 8, net.x, net.y), net.x, net.y);
    const double size = static_cast<double>(known.layers * known.heads);
    const Estimate& mean = cell.hidden[0].mean;
    std::printf("L %td H %td: L H err^2 = %.4f +- %.4f, predicted %.4f\n", known.layers, known.heads,
                size * mean.value, size * mean.standard_error,
                fluctuation_constant(net.law, known.layers, 8, net.x));
    EXPECT_NEAR(size * mean.value, known.scaled, 3 * std::hypot(size * mean.standard_error, known.error));
    EXPECT_NEAR(size * mean.value, fluctuation_constant(net.law, known.layers, 8, net.x),
                3 * size * mean.standard_error);
  }
}

TEST(DepthScaling, HoldsUniformlyOverInputs) {
  const StudyNetwork net;
  Numbers inputs;
  for (std::uint64_t s = 0; s < 64; ++s) {
    const Numbers one = formula_tokens(8, 4, 100 + s);
    inputs.insert(inputs.end(), one.begin(), one.end());
  }
  const auto measure = [&](Index layers, Index heads) {
    return largest_error(net.law, layers, heads, 256, 8, inputs, 1);
  };
  const auto near = [](const Estimate& value, double known) {
    std::printf("sup %.4f +- %.4f, known %.4f\n", value.value, value.standard_error, known);
    EXPECT_NEAR(value.value, known, 3 * std::hypot(value.standard_error, .015 * known));
  };
  near(measure(4, 1), .732);
  near(measure(16, 1), .354);
  near(measure(64, 1), .173);
  near(measure(256, 1), .0871);
  near(measure(1024, 1), .0428);
  near(measure(4, 4), .344);
  near(measure(16, 4), .170);
  near(measure(64, 4), .0868);
  near(measure(256, 4), .0428);
}

TEST(DepthScaling, DoesNotGrowWithTheNumberOfTokens) {
  const HeadLaw law = formula_law(32, 2, 4, 1, .5);
  const JointStudySpec spec{.watch = {0, 10}, .replicas = 128};
  const Numbers known = {1.65e-3, 1.51e-3, 1.01e-3, .82e-3, 1.00e-3, 1.15e-3, 1.24e-3},
                largest = {2.3e-3, 2.5e-3, 2.5e-3, 2.5e-3, 3.4e-3, 4.7e-3, 5.3e-3};
  double least = 1, most = 0;
  for (std::size_t i = 0; i < known.size(); ++i) {
    const Index tokens = Index{4} << i;
    const Numbers x = formula_tokens(tokens, 4, 2), y = formula_targets(x, 4);
    const JointCell cell =
        measure_cell(spec, law, 16, 4, 0, tokens, stratified_network(spec, law, 16, tokens, x, y), x, y);
    const Estimate& mean = cell.hidden[1].mean;
    std::printf("n %td: %.3e +- %.1e (known %.3e), max %.2e (known %.2e), k = 0 %.2e\n", tokens, mean.value,
                mean.standard_error, known[i], cell.hidden[1].mean_largest, largest[i],
                cell.hidden[0].mean.value);
    expect_alike(mean, known[i]);
    EXPECT_NEAR(cell.hidden[1].mean_largest, largest[i], .4 * largest[i]);
    least = std::min(least, mean.value);
    most = std::max(most, mean.value);
  }
  EXPECT_LT(most / least, 2.5);
}

TEST(DepthScaling, FreezesWithDepthWhereEpsilonIsRaw) {
  // One draw of the heads: other draws give 15 to 20%, so that the trend is checked.
  const StudyNetwork net;
  const auto decrease = [&](Index layers, EpsilonUnits units) {
    base::Stream stream(3, 0, "heads", static_cast<std::uint64_t>(layers));
    const Trained run = train({.network = {.shape = net.law.shape(layers, 4)},
                               .optimiser = {.adam = {.epsilon = 1e-3, .decay = 0}, .units = units},
                               .tokens = 8,
                               .steps = 10},
                              drawn_heads(net.law, layers, 4, stream), net.x, net.y);
    return run.losses.front() - run.losses.back();
  };
  const Numbers mean_field = {.1452, .1762, .1746, .1698}, raw = {.1121, .1122, .0676, .0265};
  for (std::size_t i = 0; i < 4; ++i) {
    const Index layers = Index{4} << (2 * i);
    const double mean = decrease(layers, EpsilonUnits::mean_field),
                 shrunk = decrease(layers, EpsilonUnits::raw);
    std::printf("L %td: mean field %.4f (known %.4f), raw %.4f (known %.4f)\n", layers, mean, mean_field[i],
                shrunk, raw[i]);
    EXPECT_NEAR(mean, mean_field[i], .35 * mean_field[i]);
    EXPECT_NEAR(shrunk, raw[i], .45 * raw[i]);
  }
}

struct WidthRun {
  double move = 0;
  Estimate error;
};
WidthRun width_run(Index width, SecondMomentScope second, double rate, bool drawn) {
  const Index head_width = width / 4;
  const HeadLaw law = formula_law(16, head_width, width, 1, .5);
  const Numbers x = formula_tokens(8, width, 2, true);
  Numbers y(x.size());
  for (Index i = 0; i < 8; ++i) {
    for (Index a = 0; a < width; ++a)
      y[static_cast<std::size_t>(i * width + a)] =
          x[static_cast<std::size_t>(i * width + (a + width - 1) % width)];
  }
  JointStudySpec spec{.watch = {0, 1, 5}, .replicas = 48};
  spec.optimiser = {.rate = rate, .adam = {.epsilon = 1e-6, .decay = 0, .second = second}};
  const std::vector<Snapshot> whole = stratified_network(spec, law, 8, 8, x, y);
  WidthRun out{std::sqrt(mean_square_distance(whole[1].output, whole[0].output, 8)), {}};
  if (drawn) out.error = measure_cell(spec, law, 8, 4, 0, 8, whole, x, y).hidden[2].mean;
  return out;
}

TEST(DepthScaling, MovesFeaturesAlikeAtEveryWidthByBlockSumsAlone) {
  const Numbers element = {.0184, .0327, .0553, .1398, .1857}, mean = {.0258, .0450, .0776, .1871, .2409},
                sum = {.0258, .0233, .0215, .0289, .0229}, scaled = {.0184, .0167, .0149, .0203, .0160};
  const Numbers element_error = {3.3e-3, 2.4e-3, 2.5e-3, 6.6e-3, 3.6e-3},
                sum_error = {3.2e-3, 2.3e-3, 1.7e-3, 2.7e-3, 1.8e-3};
  for (std::size_t i = 0; i < 5; ++i) {
    const Index width = Index{8} << i;
    const double d = static_cast<double>(width);
    const bool drawn = width <= 32;  // wider ones take minutes
    const WidthRun elements = width_run(width, SecondMomentScope::element, .01, drawn),
                   sums = width_run(width, SecondMomentScope::block_sum, .04, drawn);
    EXPECT_NEAR(elements.move, element[i], 1e-4) << width;
    EXPECT_NEAR(sums.move, sum[i], 1e-4) << width;
    EXPECT_NEAR(width_run(width, SecondMomentScope::block_mean, .01, false).move, mean[i], 1e-4) << width;
    EXPECT_NEAR(width_run(width, SecondMomentScope::element, .01 * 4 / std::sqrt(d * d / 4), false).move,
                scaled[i], 1e-4);
    if (!drawn) continue;
    expect_alike(elements.error, element_error[i]);
    expect_alike(sums.error, sum_error[i]);
  }
}

// E mean_i |x_i - X_i|² over replicas against the input itself, for heads with centred outputs.
Estimate displacement(Index layers, Index heads, double exponent) {
  const Numbers x = formula_tokens(8, 4, 2), y = formula_targets(x, 4);
  const TrainingSpec training{.network = {.shape = {layers, heads, 2, 4}, .residual_exponent = exponent},
                              .tokens = 8,
                              .steps = 0,
                              .watch = {0}};
  // Fresh heads: every entry uniform on ±√(6/(4 + 2)) = ±1.
  const auto start = [&](Index replica) {
    base::Stream stream(5, static_cast<std::uint32_t>(layers), "fresh heads",
                        static_cast<std::uint64_t>(replica));
    Numbers out(static_cast<std::size_t>(training.network.shape.size()));
    for (double& w : out) w = 2 * stream.uniform() - 1;
    return out;
  };
  Numbers squares;
  for (const Trained& run : train_replicas(training, 1024, start, x, y))
    squares.push_back(mean_square_distance(run.snapshots[0].output, x, 8));
  double mean = 0, spread = 0;
  for (const double s : squares) mean += s / static_cast<double>(squares.size());
  for (const double s : squares) spread += (s - mean) * (s - mean);
  const double n = static_cast<double>(squares.size());
  return {mean, std::sqrt(spread / n / n), 0, 0};
}

TEST(DepthScaling, IsDiffusiveForStepsOfTheRootOfDepth) {
  const auto show = [](const char* name, const Estimate& e) {
    std::printf("%s: %.4f +- %.4f\n", name, e.value, e.standard_error);
    return e;
  };
  expect_alike(show("L 8, H 1", displacement(8, 1, .5)), .167, .06);
  expect_alike(show("L 32, H 1", displacement(32, 1, .5)), .147, .07);
  expect_alike(show("L 8, H 4", displacement(8, 4, .5)), .033, .06);
  expect_alike(show("L 32, H 4", displacement(32, 4, .5)), .035, .06);
  // With steps of the depth itself it decays as 1/(L H).
  const Estimate shallow = show("L 8, alpha 1", displacement(8, 1, 1)),
                 deep = show("L 128, alpha 1", displacement(128, 1, 1));
  EXPECT_NEAR(shallow.value / deep.value, 16,
              3 * 16 * std::hypot(shallow.standard_error / shallow.value, deep.standard_error / deep.value));
}

TEST(DepthScaling, IsSeenByTheDiagnosticsOfOneNetwork) {
  const StudyNetwork net;
  const JointStudySpec spec;
  const std::vector<Snapshot> limit = trained_limit(spec, net.law, 8, net.x, net.y);
  constexpr Index networks = 192;
  // Mean of a diagnostic over networks, over a true square: in the range known from 48 networks a cell.
  const auto lies_between = [](const Numbers& seen, double truth, double low, double high) {
    double mean = 0, spread = 0;
    for (const double s : seen) mean += s / truth / networks;
    for (const double s : seen) spread += (s / truth - mean) * (s / truth - mean) / networks;
    const double error = 3 * std::sqrt(spread * (1.0 / networks + 1.0 / 48));
    std::printf("  %.2f +- %.2f (%.1f to %.1f)\n", mean, std::sqrt(spread / networks), low, high);
    EXPECT_GT(mean, low - error);
    EXPECT_LT(mean, high + error);
  };
  for (const auto& [layers, heads] : {std::pair<Index, Index>{8, 4}, {16, 4}, {64, 4}, {16, 16}}) {
    const auto start = [&, l = layers, h = heads](Index replica) {
      base::Stream stream(9, static_cast<std::uint32_t>(l * h), "heads", static_cast<std::uint64_t>(replica));
      return drawn_heads(net.law, l, h, stream);
    };
    const std::vector<Snapshot> whole = stratified_network(spec, net.law, layers, 8, net.x, net.y);
    for (const Index steps : {0, 10, 50}) {
      const std::size_t s = steps == 0 ? 0 : steps == 10 ? 2 : 3;
      const TrainingSpec training{
          .network = {.shape = net.law.shape(layers, heads)}, .tokens = 8, .steps = steps, .watch = {steps}};
      Numbers euler, fluctuation;
      double error = 0;
      for (const Trained& run : train_replicas(training, networks, start, net.x, net.y, true)) {
        const NetworkDiagnostics seen = diagnose(training.network, run.weights, 8, net.x);
        euler.push_back(seen.euler);
        fluctuation.push_back(seen.fluctuation);
        error += mean_square_distance(run.snapshots[0].output, whole[s].output, 8) / networks;
      }
      const double true_euler = mean_square_distance(whole[s].output, limit[s].output, 8);
      std::printf("(%td, %td) k = %td\n", layers, heads, steps);
      SCOPED_TRACE(::testing::Message() << layers << " layers, " << heads << " heads, step " << steps);
      lies_between(euler, true_euler, s == 0 ? 1.1 : s == 2 ? 1.5 : 2.7, s == 0 ? 1.7 : s == 2 ? 3.9 : 4.6);
      lies_between(fluctuation, error, s == 0 ? .8 : s == 2 ? 1.2 : 6.4, s == 0 ? 1.1 : s == 2 ? 1.8 : 8.5);
    }
  }
}

TEST(DepthScaling, TransfersItsLearningRateAtTheDepthsOwnScaleAlone) {
  const HeadLaw law = formula_law(64, 2, 4, 1, 0);
  const Numbers x = formula_tokens(8, 4, 2), y = formula_targets(x, 4);
  const auto measure = [&](double exponent) {
    TransferSpec spec{.replicas = 64, .residual_exponent = exponent};
    spec.optimiser.adam.epsilon = 1e-8;
    const auto curves = rate_transfer(spec, law, 8, x, y);
    for (const TransferCurve& curve : curves) {
      std::printf("alpha %.1f, L %td: best rate %.4f, losses", exponent, curve.layers, curve.best_rate);
      for (const double loss : curve.losses) std::printf(" %.3g", loss);
      std::puts("");
    }
    return curves;
  };
  const auto flow = measure(1), diffusive = measure(.5), usual = measure(0);
  const Numbers known = {.00406, .00277, .00147, .00157}, moved = {.16, .16, .08, .08};
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_NEAR(flow[i].losses[6], known[i], .4 * known[i]);  // known for one draw; others give 30%
    if (i == 0) continue;
    EXPECT_EQ(flow[i].best_rate, .16) << i;
    EXPECT_EQ(diffusive[i].best_rate, moved[i]) << i;
  }
  // Two layers of four heads are few: some draws prefer .16 there, some .32, and the curves are flat between.
  EXPECT_GE(flow[0].best_rate, .16);
  EXPECT_GE(diffusive[0].best_rate, .16);
  EXPECT_GT(diffusive[2].losses[7], .5);
  EXPECT_GT(diffusive[3].losses[7], .5);
  EXPECT_EQ(usual[0].best_rate, .16);
  EXPECT_EQ(usual[1].best_rate, .08);
}

}  // namespace
}  // namespace starling::depth
