#include <fmt/format.h>

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>

#include "starling/base/error.h"
#include "starling/base/random.h"
#include "starling/systems/depth/gpt_job.h"
#include "starling/systems/depth/sequence_task.h"

namespace starling::depth {
namespace {

using base::Error;
using base::ErrorKind;
using base::Index;
using base::Points;

constexpr std::int64_t most_judged_prompts = 200;  // prompts behind a point of a curve
constexpr std::int64_t prompts_at_once = 64;       // prompts of a forward pass

// Prompts of (x, 0), (0, y), (x, 0), ..., (x, 0): as many x as examples, width + 1 numbers a place.
struct Batch {
  std::vector<float> numbers;
  Eigen::MatrixXd x, y, truth;  // (prompts * examples, width), (prompts, examples) with noise, without
};

nets::GptSpec network_of(const SequenceSpec& spec) {
  nets::GptSpec out = spec.network.spec();
  out.context = 2 * spec.prompts.examples - 1;
  out.vocabulary = 0;
  out.inputs = spec.prompts.width + 1;
  out.outputs = 1;
  return out;
}

nlohmann::json curve(const std::string& label, const std::vector<math::MeanInterval>& errors) {
  nlohmann::json out = {{"label", label}, {"mode", "lines+markers"}};
  for (std::size_t n = 0; n < errors.size(); ++n) {
    out["x"].push_back(n);
    out["y"].push_back(errors[n].mean);
    out["lower"].push_back(errors[n].lower);
    out["upper"].push_back(errors[n].upper);
  }
  return out;
}

class InContext : public SequenceTask {
 public:
  explicit InContext(const SequenceSpec& spec)
      : spec_(spec), p_(spec.prompts), trainer_(network_of(spec), spec, spec.common.seed) {}

  const GptTrainer& trainer() const override { return trainer_; }
  std::int64_t length() const override { return 2 * p_.examples - 1; }
  std::string unit() const override { return "squared error"; }
  std::string plan() const override {
    return fmt::format(
        "linear regressions of width {} from up to {} examples, noise {}, judged on {} prompts", p_.width,
        p_.examples - 1, p_.noise, p_.test);
  }

  GptStep step(GptState& state) override {
    const Batch batch = draw("batch", state.step, spec_.batch);
    const std::span<float> out = forward(state, batch.numbers, spec_.batch, workspace_);
    double loss = 0;
    const double share = 1 / static_cast<double>(batch.y.size());
    std::vector<float> slope(out.size());
    for (Index b = 0; b < batch.y.rows(); ++b) {
      for (Index i = 0; i < p_.examples; ++i) {
        const auto at = static_cast<std::size_t>(b * length() + 2 * i);
        const double miss = static_cast<double>(out[at]) - batch.y(b, i);
        loss += share * miss * miss;
        slope[at] = static_cast<float>(2 * share * miss);
      }
    }
    std::copy(slope.begin(), slope.end(), out.begin());
    gradient_.resize(state.parameters.size());
    trainer_.network().backward(state.parameters, nets::GptInput<float>{.numbers = batch.numbers}, workspace_,
                                gradient_);
    return trainer_.apply(state, loss, gradient_);
  }

  std::vector<std::pair<std::string, double>> measure(const GptState& state) override {
    const std::int64_t n = std::min(p_.test, most_judged_prompts);
    const Batch test = draw("test prompts", 0, n);
    const Eigen::MatrixXd miss = outputs(state, test.numbers, n) - test.truth;
    return {{"validation_loss", miss.array().square().mean()}};
  }

  void record(study::Store& store, const GptState& state) override {
    const Batch test = draw("test prompts", 0, p_.test);
    const Eigen::MatrixXd network = outputs(state, test.numbers, p_.test);
    const Eigen::MatrixXd least = solutions(test, 0);
    const Eigen::MatrixXd of_network = (network - test.truth).array().square(),
                          of_least = (least - test.truth).array().square(),
                          apart = (network - least).array().square();
    const auto metric = [&](const char* name, const Eigen::MatrixXd& errors) {
      record_interval(store, name, unit(), over_prompts(errors.rowwise().mean()));
    };
    metric("squared_error", of_network);
    metric("least_squares_error", of_least);
    metric("excess_over_least_squares", of_network - of_least);
    metric("distance_to_least_squares", apart);
    record_interval(store, "squared_error_of_longest", unit(), over_prompts(of_network.rightCols(1)));
    nlohmann::json groups = {curve("network", by_context(store, "squared_error", of_network)),
                             curve("least squares", by_context(store, "least_squares_error", of_least))};
    if (p_.noise > 0) {
      const Eigen::MatrixXd best =
          (solutions(test, p_.noise * p_.noise * static_cast<double>(p_.width)) - test.truth)
              .array()
              .square();
      metric("posterior_mean_error", best);
      groups.push_back(curve("posterior mean", by_context(store, "posterior_mean_error", best)));
    }
    groups.push_back(
        curve("network to least squares", by_context(store, "distance_to_least_squares", apart)));
    record_curves(store, {"loss", "validation_loss"},
                  "Of each batch, with its noise, and of prompts held apart, without.", unit(), true);
    store.record(study::Figure{
        "3-context",
        "Error by the number of examples",
        "Means over prompts with their 95% intervals; 1 is the error of predicting 0. "
        "Least squares of fewest examples has the smallest norm.",
        {{"kind", "xy"}, {"groups", groups}, {"x_label", "examples before"}, {"y_label", "squared error"}}});
  }

  void add_scales(data::TensorFile&) const override {}

  Points<float> predict(const GptState& state, const std::string& path) override {
    const data::Dataset all = data::load_dataset({.path = path});
    const Index pair = p_.width + 1, expected = p_.examples * pair;
    if (all.points.cols() != expected)
      throw Error(ErrorKind::usage,
                  fmt::format("{}: {} columns; expected {}: {} examples of x and y, the last y of no account",
                              path, all.points.cols(), expected, p_.examples));
    std::vector<float> numbers;
    for (Index row = 0; row < all.points.rows(); ++row) {
      for (Index i = 0; i < p_.examples; ++i) {
        const float* example = all.points.data() + row * expected + i * pair;
        add_example(numbers, example, example[p_.width], i + 1 < p_.examples);
      }
    }
    return outputs(state, numbers, all.points.rows()).cast<float>();
  }

 private:
  template <class T>
  void add_example(std::vector<float>& numbers, const T* x, T y, bool with_y) const {
    for (Index k = 0; k < p_.width; ++k) numbers.push_back(static_cast<float>(x[k]));
    numbers.push_back(0);
    if (!with_y) return;
    numbers.insert(numbers.end(), static_cast<std::size_t>(p_.width), 0.0F);
    numbers.push_back(static_cast<float>(y));
  }

  // Prompt i of a use is a function of (seed, use, index, i) alone, in order.
  Batch draw(base::Purpose purpose, std::int64_t index, std::int64_t prompts) const {
    base::Stream stream(static_cast<std::uint64_t>(spec_.common.seed), 0, purpose,
                        static_cast<std::uint64_t>(index));
    Batch out;
    out.x.resize(prompts * p_.examples, p_.width);
    out.y.resize(prompts, p_.examples);
    out.truth.resize(prompts, p_.examples);
    std::vector<double> w(static_cast<std::size_t>(p_.width)), x(w.size());
    const double deviation = 1 / std::sqrt(static_cast<double>(p_.width));
    for (Index b = 0; b < prompts; ++b) {
      for (double& value : w) value = deviation * stream.normal();
      for (Index i = 0; i < p_.examples; ++i) {
        double y = 0;
        for (std::size_t k = 0; k < x.size(); ++k) {
          x[k] = stream.normal();
          y += w[k] * x[k];
          out.x(b * p_.examples + i, static_cast<Index>(k)) = x[k];
        }
        out.truth(b, i) = y;
        out.y(b, i) = y + p_.noise * stream.normal();
        add_example(out.numbers, x.data(), out.y(b, i), i + 1 < p_.examples);
      }
    }
    return out;
  }

  std::span<float> forward(const GptState& state, std::span<const float> numbers, Index prompts,
                           nets::Gpt<float>::Workspace& workspace) const {
    return trainer_.network().forward(state.parameters, {.numbers = numbers}, prompts, workspace);
  }

  // What the network says at every x: (prompts, examples).
  Eigen::MatrixXd outputs(const GptState& state, std::span<const float> numbers, Index prompts) {
    const std::size_t size = numbers.size() / static_cast<std::size_t>(prompts);
    Eigen::MatrixXd out(prompts, p_.examples);
    for (Index begin = 0; begin < prompts; begin += prompts_at_once) {
      const Index count = std::min(prompts_at_once, prompts - begin);
      const auto all = forward(
          state,
          numbers.subspan(static_cast<std::size_t>(begin) * size, static_cast<std::size_t>(count) * size),
          count, asked_);
      for (Index b = 0; b < count; ++b)
        for (Index i = 0; i < p_.examples; ++i)
          out(begin + b, i) = static_cast<double>(all[static_cast<std::size_t>(b * length() + 2 * i)]);
    }
    return out;
  }

  // What (X'X + ridge)^-1 X'y of the examples before predicts at every x; the smallest solution for no ridge.
  Eigen::MatrixXd solutions(const Batch& batch, double ridge) const {
    Eigen::MatrixXd out = Eigen::MatrixXd::Zero(batch.y.rows(), p_.examples);
    for (Index b = 0; b < batch.y.rows(); ++b) {
      for (Index n = 1; n < p_.examples; ++n) {
        const Eigen::MatrixXd x = batch.x.middleRows(b * p_.examples, n);
        const Eigen::VectorXd y = batch.y.row(b).head(n).transpose();
        Eigen::VectorXd w;
        if (ridge > 0) {
          const Eigen::MatrixXd gram =
              x.transpose() * x + ridge * Eigen::MatrixXd::Identity(p_.width, p_.width);
          w = gram.ldlt().solve(x.transpose() * y);
        } else {
          w = x.completeOrthogonalDecomposition().solve(y);
        }
        out(b, n) = batch.x.row(b * p_.examples + n).dot(w);
      }
    }
    return out;
  }

  static math::MeanInterval over_prompts(const Eigen::VectorXd& each) {
    return math::mean_interval({each.data(), static_cast<std::size_t>(each.size())});
  }
  // One mean for each number of examples, also as a series.
  static std::vector<math::MeanInterval> by_context(study::Store& store, const std::string& name,
                                                    const Eigen::MatrixXd& errors) {
    std::vector<math::MeanInterval> out;
    std::vector<study::SeriesPoint> points;
    for (Index n = 0; n < errors.cols(); ++n) {
      out.push_back(over_prompts(errors.col(n)));
      points.push_back({n, out.back().mean});
    }
    store.record("by examples", name, "squared error", points);
    return out;
  }

  SequenceSpec spec_;
  Prompts p_;
  GptTrainer trainer_;
  nets::Gpt<float>::Workspace workspace_, asked_;
  std::vector<float> gradient_;
};

}  // namespace

std::unique_ptr<SequenceTask> make_in_context(const SequenceSpec& spec) {
  return std::make_unique<InContext>(spec);
}

}  // namespace starling::depth
