#include "starling/systems/depth/limit_pictures.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "starling/systems/depth/limit.h"

namespace starling::depth {
namespace {

using Numbers = std::vector<double>;
using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Rows = Eigen::Map<const Matrix>;

constexpr Index layers = 16;

// x_0, ..., x_L.
std::vector<Numbers> tokens_over_depth(const NetworkSpec& network, const Numbers& weights, Index tokens,
                                       const Numbers& x) {
  LaneNetwork<double> lanes(network, tokens, kernels::LaneWeights::shared);
  const Index wide = lanes.lanes(), size = lanes.entries();
  put_lane<double>(x, 0, wide, lanes.input());
  lanes.forward(weights.data());
  kernels::Scratch<double> tangent(static_cast<std::size_t>(size * wide));
  std::fill_n(tangent.data(), size * wide, 0.0);
  std::vector<Numbers> out;
  lanes.tangent(weights.data(), tangent.data(), [&](Index, const double* at, const double*) {
    out.emplace_back(x.size());
    take_lane<double>(at, 0, wide, out.back());
  });
  return out;
}

// Mean over the heads of a layer of softmax(β <Q x_i, K x_j>).
Matrix attention_of(const HeadShape& shape, const double* heads, Index tokens, const Numbers& x,
                    bool causal) {
  const Rows points(x.data(), tokens, shape.width);
  Matrix mean = Matrix::Zero(tokens, tokens);
  for (Index h = 0; h < shape.heads; ++h) {
    const double* head = heads + h * shape.head();
    const Rows q(head, shape.head_width, shape.width),
        k(head + shape.matrix(), shape.head_width, shape.width);
    Matrix scores = (points * q.transpose()) * (points * k.transpose()).transpose() /
                    std::sqrt(static_cast<double>(shape.head_width));
    for (Index i = 0; i < tokens; ++i) {
      const Index seen = causal ? i + 1 : tokens;
      auto row = scores.row(i);
      const double most = row.head(seen).maxCoeff();
      row.head(seen) = (row.head(seen).array() - most).exp();
      row.tail(tokens - seen).setZero();
      row /= row.sum();
    }
    mean += scores / static_cast<double>(shape.heads);
  }
  return mean;
}

nlohmann::json cloud(const std::string& label, const Numbers& x, Index width) {
  nlohmann::json out = {{"label", label}};
  for (std::size_t i = 0; i < x.size(); i += static_cast<std::size_t>(width)) {
    out["x"].push_back(x[i]);
    out["y"].push_back(width > 1 ? x[i + 1] : 0.0);
  }
  return out;
}

void record_attention(study::Store& store, const std::string& id, const std::string& title,
                      const Matrix& attention) {
  std::vector<std::string> names;
  nlohmann::json rows = nlohmann::json::array();
  for (Index i = 0; i < attention.rows(); ++i) {
    names.push_back(fmt::format("{}", i + 1));
    rows.push_back(std::vector<double>(attention.row(i).begin(), attention.row(i).end()));
  }
  store.record(study::Figure{id,
                             title,
                             "Means over all heads; every row sums to 1.",
                             {{"kind", "heatmap"},
                              {"x", names},
                              {"y", names},
                              {"z", rows},
                              {"x_label", "attended"},
                              {"y_label", "attending"}}});
}

}  // namespace

void record_pictures(const LimitStudySpec& spec, study::Store& store) {
  const HeadLaw law = spec.law();
  const Index tokens = spec.problem.tokens;
  const Numbers x = formula_tokens(tokens, law.width, static_cast<std::uint64_t>(spec.problem.token_seed)),
                y = formula_targets(x, law.width), start = stratified_heads(law, layers);
  const NetworkSpec network{.shape = law.shape(layers, law.atoms()), .causal = spec.causal};
  const Trained run =
      train({.network = network, .optimiser = spec.optimiser, .tokens = tokens, .steps = spec.steps.back()},
            start, x, y);
  const std::vector<Numbers> path = tokens_over_depth(network, run.weights, tokens, x);
  nlohmann::json frames = nlohmann::json::array();
  for (std::size_t l = 0; l < path.size(); ++l)
    frames.push_back(cloud(fmt::format("layer {}", l), path[l], law.width));
  store.record(study::Figure{
      "8-tokens",
      fmt::format("Tokens over depth after {} steps", spec.steps.back()),
      "Their first two coordinates; their targets in grey. Drag the slider.",
      {{"kind", "animation"}, {"frames", frames}, {"background", cloud("targets", y, law.width)}}});
  const auto middle = static_cast<std::size_t>(layers / 2);
  const auto offset = static_cast<std::ptrdiff_t>(middle) * network.shape.layer();
  const std::vector<Numbers> before = tokens_over_depth(network, start, tokens, x);
  record_attention(store, "9-attention-0", "Attention in the middle, before training",
                   attention_of(network.shape, start.data() + offset, tokens, before[middle], spec.causal));
  record_attention(
      store, "9-attention-1", fmt::format("Attention in the middle, after {} steps", spec.steps.back()),
      attention_of(network.shape, run.weights.data() + offset, tokens, path[middle], spec.causal));
}

}  // namespace starling::depth
