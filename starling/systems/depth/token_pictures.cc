#include "starling/systems/depth/token_pictures.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "starling/base/matrix.h"

namespace starling::depth {
namespace {

using Numbers = std::vector<double>;
using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Rows = Eigen::Map<const Matrix>;

Numbers normalised(kernels::Norm norm, Index tokens, Index width, const Numbers& x) {
  const Index lanes = kernels::attention_lanes<double>();
  kernels::Scratch<double> from(x.size() * static_cast<std::size_t>(lanes)),
      to(x.size() * static_cast<std::size_t>(lanes));
  std::fill_n(from.data(), x.size() * static_cast<std::size_t>(lanes), 0.0);
  put_lane<double>(x, 0, lanes, from.data());
  kernels::normalise_tokens(norm, tokens, width, from.data(), to.data());
  Numbers out(x.size());
  take_lane<double>(to.data(), 0, lanes, out);
  return out;
}

// Mean over the heads of a layer of softmax(β <Q x_i, K x_j>).
Matrix attention_of(const NetworkSpec& network, const double* heads, Index tokens, const Numbers& x) {
  const HeadShape& shape = network.shape;
  const Numbers read = normalised(network.norm, tokens, shape.width, x);
  const Rows points(read.data(), tokens, shape.width);
  Matrix mean = Matrix::Zero(tokens, tokens);
  for (Index h = 0; h < shape.heads; ++h) {
    const double* head = heads + h * shape.head();
    const Rows q(head, shape.head_width, shape.width),
        k(head + shape.matrix(), shape.head_width, shape.width);
    Matrix scores = (points * q.transpose()) * (points * k.transpose()).transpose() /
                    std::sqrt(static_cast<double>(shape.head_width));
    for (Index i = 0; i < tokens; ++i) {
      const Index seen = network.causal ? i + 1 : tokens;
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

nlohmann::json cloud(const std::string& label, std::span<const double> x, Index width) {
  nlohmann::json out = {{"label", label}};
  for (std::size_t i = 0; i < x.size(); i += static_cast<std::size_t>(width)) {
    out["x"].push_back(x[i]);
    out["y"].push_back(width > 1 ? x[i + 1] : 0.0);
  }
  return out;
}

}  // namespace

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

void record_tokens(study::Store& store, const std::string& id, const std::string& title,
                   const std::vector<Numbers>& path, Index width, std::span<const double> targets) {
  nlohmann::json frames = nlohmann::json::array();
  for (std::size_t l = 0; l < path.size(); ++l)
    frames.push_back(cloud(fmt::format("layer {}", l), path[l], width));
  nlohmann::json drawing = {{"kind", "animation"}, {"frames", frames}};
  if (!targets.empty()) drawing["background"] = cloud("targets", targets, width);
  store.record(study::Figure{id, title,
                             targets.empty()
                                 ? "Their first two coordinates. Drag the slider."
                                 : "Their first two coordinates; their targets in grey. Drag the slider.",
                             drawing});
}

void record_attention(study::Store& store, const std::string& id, const std::string& title,
                      const NetworkSpec& network, const Numbers& weights, Index layer, const Numbers& x,
                      Index tokens) {
  const Matrix attention = attention_of(network, weights.data() + layer * network.shape.layer(), tokens, x);
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

}  // namespace starling::depth
