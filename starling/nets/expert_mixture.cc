#include "starling/nets/expert_mixture.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

#include "starling/base/error.h"
#include "starling/base/parallel.h"
#include "starling/math/matrix_product.h"
#include "starling/nets/activation.h"
#include "starling/nets/loss.h"

namespace starling::nets {
namespace {

using base::Index;
using base::Points;
using math::Into;
template <class T>
using Rows = Eigen::Map<Points<T>>;

constexpr Index mixture_chunk_rows = 256;

void require(std::string_view what, Index given, Index expected) {
  if (given == expected) return;
  throw base::Error(base::ErrorKind::usage,
                    fmt::format("expert mixture: {} {}, expected {}", given, what, expected));
}

// Rows added up in order: sums whose order depends on memory would not be reproducible.
template <class T>
void add_rows(const T* from, Index rows, Index columns, T* to) {
  std::fill_n(to, columns, T(0));
  for (Index i = 0; i < rows; ++i) {
    for (Index k = 0; k < columns; ++k) to[k] += from[i * columns + k];
  }
}

template <class T>
void add_bias(const T* bias, Index rows, Index columns, T* to) {
  for (Index i = 0; i < rows; ++i) {
    for (Index k = 0; k < columns; ++k) to[i * columns + k] += bias[k];
  }
}

}  // namespace

template <class T>
ExpertMixture<T>::ExpertMixture(const ExpertMixtureSpec& s) : spec_(s) {
  if (std::min({s.inputs, s.outputs, s.width, s.hidden, s.experts, s.blocks}) < 1) {
    throw base::Error(base::ErrorKind::usage,
                      fmt::format("expert mixture: inputs {}, outputs {}, width {}, hidden {}, experts {}, "
                                  "blocks {}; expected at least 1 of each",
                                  s.inputs, s.outputs, s.width, s.hidden, s.experts, s.blocks));
  }
  const auto add = [&](std::string name, std::vector<std::int64_t> shape) {
    Index size = 1;
    for (const auto extent : shape) size *= extent;
    blocks_.push_back({std::move(name), count_, std::move(shape)});
    count_ += size;
    return blocks_.back().offset;
  };
  in_weight_ = add("input.weight", {s.width, s.inputs});
  in_bias_ = add("input.bias", {s.width});
  for (Index l = 0; l < s.blocks; ++l) {
    const std::string block = fmt::format("blocks.{}.", l);
    const Index gate = add(block + "gate.weight", {s.experts, s.width}),
                up = add(block + "up.weight", {s.experts, s.hidden, s.width}),
                bias = add(block + "up.bias", {s.experts, s.hidden}),
                down = add(block + "down.weight", {s.experts, s.width, s.hidden});
    layers_.push_back({gate, up, bias, down});
  }
  out_weight_ = add("output.weight", {s.outputs, s.width});
  out_bias_ = add("output.bias", {s.outputs});
}

template <class T>
void ExpertMixture<T>::initialise(base::Stream& stream, std::span<T> parameters) const {
  require("parameters", static_cast<Index>(parameters.size()), count_);
  for (const Block& block : blocks_) {
    Index size = 1;
    for (const auto extent : block.shape) size *= extent;
    const auto values =
        parameters.subspan(static_cast<std::size_t>(block.offset), static_cast<std::size_t>(size));
    if (block.name.ends_with("gate.weight") || block.name.ends_with("bias")) {
      std::ranges::fill(values, T(0));
      continue;
    }
    const double bound = 1 / std::sqrt(static_cast<double>(block.shape.back()));
    for (T& value : values) value = static_cast<T>(bound * (2 * stream.uniform() - 1));
  }
}

// Block `at` for some rows: state_[at + 1] from state_[at].
template <class T>
void ExpertMixture<T>::mix(const T* p, const Layer& layer, std::size_t at, Index begin, Index rows,
                           Workspace& w) const {
  const Index width = spec_.width, hidden = spec_.hidden, experts = spec_.experts, all = experts * hidden;
  const T* h = w.state_[at].data() + begin * width;
  T* gate = w.gate_[at].data() + begin * experts;
  T* before = w.before_[at].data() + begin * all;
  T* weighed = w.weighed_[at].data() + begin * all;
  T* next = w.state_[at + 1].data() + begin * width;
  math::product_nt(rows, width, experts, h, p + layer.gate, gate);
  for (Index i = 0; i < rows; ++i) softmax(gate + i * experts, experts);
  // Expert by expert, each (rows, hidden) of its own: what the products want.
  for (Index e = 0; e < experts; ++e) {
    T* mine = before + e * rows * hidden;
    T* out = weighed + e * rows * hidden;
    math::product_nt(rows, width, hidden, h, p + layer.up + e * hidden * width, mine);
    add_bias(p + layer.bias + e * hidden, rows, hidden, mine);
    if (spec_.activation == Activation::silu) {
      for (Index i = 0; i < rows * hidden; ++i) mine[i] = mine[i] < T(-80) ? T(-80) : mine[i];  // keeps NaN
    }
    activate(spec_.activation, Rows<T>(mine, rows, hidden), Rows<T>(out, rows, hidden));
    for (Index i = 0; i < rows; ++i) {
      for (Index k = 0; k < hidden; ++k) out[i * hidden + k] *= gate[i * experts + e];
    }
  }
  std::copy_n(h, rows * width, next);
  for (Index e = 0; e < experts; ++e)
    math::product_nt(rows, hidden, width, weighed + e * rows * hidden, p + layer.down + e * width * hidden,
                     next, Into::add);
}

template <class T>
void ExpertMixture<T>::forward_chunk(const T* p, Index begin, Index end, Workspace& w, Points<T>& out) const {
  const Index rows = end - begin, width = spec_.width;
  T* first = w.state_[0].data() + begin * width;
  math::product_nt(rows, spec_.inputs, width, w.input_.data() + begin * spec_.inputs, p + in_weight_, first);
  add_bias(p + in_bias_, rows, width, first);
  for (std::size_t l = 0; l < layers_.size(); ++l) mix(p, layers_[l], l, begin, rows, w);
  T* target = out.data() + begin * spec_.outputs;
  math::product_nt(rows, width, spec_.outputs, w.state_.back().data() + begin * width, p + out_weight_,
                   target);
  add_bias(p + out_bias_, rows, spec_.outputs, target);
}

template <class T>
void ExpertMixture<T>::forward(std::span<const T> parameters, const base::PointsRef<T>& x, Workspace& w,
                               Points<T>& out) const {
  require("parameters", static_cast<Index>(parameters.size()), count_);
  require("columns of x", x.cols(), spec_.inputs);
  const Index batch = x.rows();
  w.input_ = x;
  w.state_.resize(layers_.size() + 1);
  for (Points<T>& state : w.state_) state.resize(batch, spec_.width);
  for (auto* parts : {&w.gate_, &w.before_, &w.weighed_}) {
    parts->resize(layers_.size());
    for (Points<T>& part : *parts)
      part.resize(batch, parts == &w.gate_ ? spec_.experts : spec_.experts * spec_.hidden);
  }
  out.resize(batch, spec_.outputs);
  const auto run = [&](Index begin, Index end) { forward_chunk(parameters.data(), begin, end, w, out); };
  base::parallel_chunks(batch, mixture_chunk_rows, std::cref(run));
}

// From the gradient at state_[at + 1], in `upper` (rows, width), to that at state_[at], in place.
template <class T>
void ExpertMixture<T>::unmix(const T* p, const Layer& layer, std::size_t at, Index begin, Index rows,
                             Workspace& w, T* upper, T* scratch, T* gradient) const {
  const Index width = spec_.width, hidden = spec_.hidden, experts = spec_.experts, all = experts * hidden;
  const T* h = w.state_[at].data() + begin * width;
  const T* gate = w.gate_[at].data() + begin * experts;
  T* lower = scratch;                // (rows, width)
  T* slope = lower + rows * width;   // (rows, hidden)
  T* gated = slope + rows * hidden;  // (rows, experts): ∂ of the gates, then of their logits
  std::copy_n(upper, rows * width, lower);
  for (Index e = 0; e < experts; ++e) {
    const T* before = w.before_[at].data() + begin * all + e * rows * hidden;
    const T* weighed = w.weighed_[at].data() + begin * all + e * rows * hidden;
    math::product_tn(width, rows, hidden, upper, weighed, gradient + layer.down + e * width * hidden);
    math::product(rows, width, hidden, upper, p + layer.down + e * width * hidden, slope);
    for (Index i = 0; i < rows; ++i) {
      const T share = gate[i * experts + e];
      T sum = 0;
      for (Index k = 0; k < hidden; ++k) {
        sum += slope[i * hidden + k] * weighed[i * hidden + k];
        slope[i * hidden + k] *= share;
      }
      gated[i * experts + e] = sum;  // the gate times its gradient
    }
    multiply_by_slope(spec_.activation, Eigen::Map<const Points<T>>(before, rows, hidden),
                      Rows<T>(slope, rows, hidden));
    math::product_tn(hidden, rows, width, slope, h, gradient + layer.up + e * hidden * width);
    add_rows(slope, rows, hidden, gradient + layer.bias + e * hidden);
    math::product(rows, hidden, width, slope, p + layer.up + e * hidden * width, lower, Into::add);
  }
  for (Index i = 0; i < rows; ++i) {
    T* row = gated + i * experts;
    T sum = 0;
    for (Index e = 0; e < experts; ++e) sum += row[e];
    for (Index e = 0; e < experts; ++e) row[e] -= gate[i * experts + e] * sum;
  }
  math::product_tn(experts, rows, width, gated, h, gradient + layer.gate);
  math::product(rows, experts, width, gated, p + layer.gate, lower, Into::add);
  std::copy_n(lower, rows * width, upper);
}

template <class T>
void ExpertMixture<T>::backward_chunk(const T* p, Index begin, Index end, Workspace& w,
                                      const Points<T>& d_out) const {
  const Index rows = end - begin, width = spec_.width;
  const auto chunk = static_cast<std::size_t>(begin / mixture_chunk_rows);
  T* gradient = w.partial_[chunk].data();
  T* upper = w.delta_[chunk].data();
  T* scratch = upper + mixture_chunk_rows * width;
  const T* top = d_out.data() + begin * spec_.outputs;
  math::product_tn(spec_.outputs, rows, width, top, w.state_.back().data() + begin * width,
                   gradient + out_weight_);
  add_rows(top, rows, spec_.outputs, gradient + out_bias_);
  math::product(rows, spec_.outputs, width, top, p + out_weight_, upper);
  for (std::size_t l = layers_.size(); l-- > 0;)
    unmix(p, layers_[l], l, begin, rows, w, upper, scratch, gradient);
  math::product_tn(width, rows, spec_.inputs, upper, w.input_.data() + begin * spec_.inputs,
                   gradient + in_weight_);
  add_rows(upper, rows, width, gradient + in_bias_);
}

template <class T>
void ExpertMixture<T>::backward(std::span<const T> parameters, Workspace& w, const Points<T>& d_out,
                                std::span<T> gradient) const {
  const Index batch = d_out.rows();
  require("parameters", static_cast<Index>(parameters.size()), count_);
  require("gradient values", static_cast<Index>(gradient.size()), count_);
  require("rows of d_out", batch, w.input_.rows());
  require("columns of d_out", d_out.cols(), spec_.outputs);
  const auto chunks = static_cast<std::size_t>((batch + mixture_chunk_rows - 1) / mixture_chunk_rows);
  w.delta_.resize(chunks);
  w.partial_.resize(chunks);
  for (std::size_t c = 0; c < chunks; ++c) {
    w.delta_[c].resize(mixture_chunk_rows, 2 * spec_.width + spec_.hidden + spec_.experts);
    w.partial_[c].resize(static_cast<std::size_t>(count_));
  }
  const auto run = [&](Index begin, Index end) { backward_chunk(parameters.data(), begin, end, w, d_out); };
  base::parallel_chunks(batch, mixture_chunk_rows, std::cref(run));
  std::ranges::fill(gradient, T(0));
  for (std::size_t c = 0; c < chunks; ++c) {
    for (std::size_t i = 0; i < gradient.size(); ++i) gradient[i] += w.partial_[c][i];
  }
}

template class ExpertMixture<float>;
template class ExpertMixture<double>;

}  // namespace starling::nets
