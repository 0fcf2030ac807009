#include "starling/nets/mlp.h"

#include <fmt/format.h>

#include <functional>

#include "starling/base/error.h"
#include "starling/comm/shared_loop.h"
#include "starling/math/matrix_product.h"
#include "starling/nets/activation.h"

namespace starling::nets {
namespace {

using base::Index;
using base::Points;
using math::Into;

constexpr Index chunk_rows = 256;

template <class T>
auto row_vector(const T* data, Index n) {
  return Eigen::Map<const Eigen::Matrix<T, 1, Eigen::Dynamic>>(data, n);
}
template <class T>
auto row_vector(T* data, Index n) {
  return Eigen::Map<Eigen::Matrix<T, 1, Eigen::Dynamic>>(data, n);
}

// The exponentials of SiLU overflow in single precision below -88: held at -80, where the value is 1e-33.
template <class T>
void hold_in_range(Activation kind, Eigen::Ref<Points<T>> before) {
  if (kind == Activation::silu) before = (before.array() < T(-80)).select(T(-80), before);  // keeps NaN
}

void check(std::string_view what, std::size_t given, std::size_t expected) {
  if (given == expected) return;
  throw base::Error(base::ErrorKind::usage,
                    fmt::format("network: {} {}, expected {}", given, what, expected));
}

}  // namespace

template <class T>
Mlp<T>::Mlp(const MlpSpec& spec) : spec_(spec) {
  if (spec.inputs < 1 || spec.outputs < 1 || spec.width < 1 || spec.layers < 1 || spec.classes < 0) {
    throw base::Error(base::ErrorKind::usage,
                      fmt::format("network: inputs {}, outputs {}, width {}, layers {}; expected at "
                                  "least 1 of each",
                                  spec.inputs, spec.outputs, spec.width, spec.layers));
  }
  const auto add = [&](std::string name, std::vector<std::int64_t> shape) {
    Index size = 1;
    for (const auto extent : shape) size *= extent;
    blocks_.push_back({std::move(name), count_, std::move(shape)});
    count_ += size;
    return blocks_.back().offset;
  };
  for (Index l = 0; l <= spec.layers; ++l) {
    const Index in = l == 0 ? spec.inputs + (spec.guidance ? 1 : 0) : spec.width,
                out = l == spec.layers ? spec.outputs : spec.width;
    const Index weight = add(fmt::format("layers.{}.weight", l), {out, in});
    layers_.push_back({in, out, weight, add(fmt::format("layers.{}.bias", l), {out})});
  }
  if (spec.classes > 0) embedding_ = add("classes.weight", {spec.classes, spec.width});
}

template <class T>
void Mlp<T>::initialise(base::Stream& stream, std::span<T> parameters) const {
  check("parameters", parameters.size(), static_cast<std::size_t>(count_));
  for (const Layer& layer : layers_) {
    const double bound = 1 / std::sqrt(static_cast<double>(layer.inputs));
    const auto draw = [&] { return static_cast<T>(bound * (2 * stream.uniform() - 1)); };
    for (Index i = 0; i < layer.inputs * layer.outputs; ++i)
      parameters[static_cast<std::size_t>(layer.weight + i)] = draw();
    for (Index i = 0; i < layer.outputs; ++i) parameters[static_cast<std::size_t>(layer.bias + i)] = draw();
  }
  const double scale = 1 / std::sqrt(static_cast<double>(spec_.width));
  for (Index i = 0; i < spec_.classes * spec_.width; ++i) {
    parameters[static_cast<std::size_t>(embedding_ + i)] = static_cast<T>(scale * stream.normal());
  }
}

template <class T>
void Mlp<T>::forward_chunk(const T* p, Index begin, Index end, Workspace& w, Points<T>& out) const {
  const Index rows = end - begin;
  const T* input = w.input_.data() + begin * w.input_.cols();
  for (std::size_t l = 0; l < layers_.size(); ++l) {
    const Layer& layer = layers_[l];
    const bool last = l + 1 == layers_.size();
    T* target = (last ? out : w.before_[l]).data() + begin * layer.outputs;
    math::product_nt(rows, layer.inputs, layer.outputs, input, p + layer.weight, target);
    Eigen::Map<Points<T>> before(target, rows, layer.outputs);
    before.rowwise() += row_vector(p + layer.bias, layer.outputs);
    if (last) return;
    if (l == 0 && spec_.classes > 0) {
      for (Index i = 0; i < rows; ++i) {
        const Index label = w.labels_[static_cast<std::size_t>(begin + i)];
        before.row(i) += row_vector(p + embedding_ + label * spec_.width, spec_.width);
      }
    }
    hold_in_range<T>(spec_.activation, before);
    auto after = w.after_[l].middleRows(begin, rows);
    activate(spec_.activation, before, after);
    if (spec_.residual && l > 0) after += w.after_[l - 1].middleRows(begin, rows);
    input = after.data();
  }
}

template <class T>
void Mlp<T>::check_inputs(std::size_t parameters, const base::PointsRef<T>& x,
                          std::span<const std::int32_t> labels, std::span<const T> guidance) const {
  const auto rows = static_cast<std::size_t>(x.rows());
  check("parameters", parameters, static_cast<std::size_t>(count_));
  check("columns of x", static_cast<std::size_t>(x.cols()), static_cast<std::size_t>(spec_.inputs));
  check("guidance values", guidance.size(), spec_.guidance ? rows : 0);
  if (spec_.classes == 0) return;
  check("labels", labels.size(), rows);
  for (std::size_t i = 0; i < rows; ++i) {
    if (labels[i] < 0 || labels[i] >= spec_.classes) {
      throw base::Error(base::ErrorKind::input, fmt::format("network: label {} of row {}; expected 0 to {}",
                                                            labels[i], i, spec_.classes - 1));
    }
  }
}

template <class T>
void Mlp<T>::forward(std::span<const T> parameters, const base::PointsRef<T>& x,
                     std::span<const std::int32_t> labels, std::span<const T> guidance, Workspace& workspace,
                     Points<T>& out) const {
  check_inputs(parameters.size(), x, labels, guidance);
  const Index batch = x.rows();
  workspace.input_.resize(batch, layers_.front().inputs);
  workspace.input_.leftCols(spec_.inputs) = x;
  if (spec_.guidance)
    workspace.input_.col(spec_.inputs) = Eigen::Map<const base::Vector<T>>(guidance.data(), batch);
  workspace.labels_.assign(labels.begin(), labels.end());
  const auto hidden = static_cast<std::size_t>(spec_.layers);
  workspace.before_.resize(hidden);
  workspace.after_.resize(hidden);
  for (std::size_t l = 0; l < hidden; ++l) {
    workspace.before_[l].resize(batch, spec_.width);
    workspace.after_[l].resize(batch, spec_.width);
  }
  out.resize(batch, spec_.outputs);
  const auto run_chunk = [&](Index begin, Index end) {
    forward_chunk(parameters.data(), begin, end, workspace, out);
  };
  const comm::SharedLoop loop(batch, chunk_rows);
  loop.run(std::cref(run_chunk));               // a reference fits a std::function without the heap
  loop.gather_rows(out.data(), spec_.outputs);  // what the layers keep is needed where it is
}

// The guidance column is no input of the caller's: its gradient is left out.
template <class T>
void Mlp<T>::input_gradient(const T* p, Index begin, Index rows, const T* upper, Points<T>& d_x) const {
  const Layer& first = layers_.front();
  Points<T> all(rows, first.inputs);
  math::product(rows, first.outputs, first.inputs, upper, p + first.weight, all.data());
  d_x.middleRows(begin, rows) = all.leftCols(spec_.inputs);
}

template <class T>
void Mlp<T>::backward_chunk(const T* p, Index begin, Index end, Workspace& w, const Points<T>& d_out,
                            Points<T>* d_x) const {
  const Index rows = end - begin;
  const auto chunk = static_cast<std::size_t>(begin / chunk_rows);
  T* gradient = w.partial_[chunk].data();
  Eigen::Map<Points<T>> delta(w.delta_[chunk].data(), rows, spec_.width);
  Eigen::Map<Points<T>> skipped(w.delta_[chunk].data() + chunk_rows * spec_.width, rows, spec_.width);
  const T* upper = d_out.data() + begin * spec_.outputs;
  for (std::size_t l = layers_.size(); l-- > 0;) {
    const Layer& layer = layers_[l];
    const T* input =
        l == 0 ? w.input_.data() + begin * w.input_.cols() : w.after_[l - 1].data() + begin * spec_.width;
    math::product_tn(layer.outputs, rows, layer.inputs, upper, input, gradient + layer.weight);
    // Row by row: Eigen's own column sums take an order that depends on how the target is aligned in memory.
    auto bias = row_vector(gradient + layer.bias, layer.outputs);
    bias.setZero();
    for (Index i = 0; i < rows; ++i) bias += row_vector(upper + i * layer.outputs, layer.outputs);
    if (l == 0) {
      if (d_x != nullptr) input_gradient(p, begin, rows, upper, *d_x);
      break;
    }
    // delta: gradient at the output of hidden layer l - 1; a residual branch adds what skipped layer l.
    const bool skips = spec_.residual && l + 1 < layers_.size();
    if (l + 1 == layers_.size()) {
      math::product(rows, layer.outputs, layer.inputs, upper, p + layer.weight, skipped.data());
    } else {
      math::product(rows, layer.outputs, layer.inputs, upper, p + layer.weight, skipped.data(),
                    skips ? Into::add : Into::overwrite);
    }
    delta = skipped;
    multiply_by_slope(spec_.activation, w.before_[l - 1].middleRows(begin, rows), delta);
    upper = delta.data();
  }
  if (spec_.classes == 0) return;
  Eigen::Map<Points<T>> classes(gradient + embedding_, spec_.classes, spec_.width);
  classes.setZero();
  for (Index i = 0; i < rows; ++i)
    classes.row(w.labels_[static_cast<std::size_t>(begin + i)]) += delta.row(i);
}

template <class T>
void Mlp<T>::backward(std::span<const T> parameters, Workspace& workspace, const Points<T>& d_out,
                      std::span<T> gradient, Points<T>* d_x) const {
  const Index batch = d_out.rows();
  if (d_x != nullptr) d_x->resize(batch, spec_.inputs);
  check("parameters", parameters.size(), static_cast<std::size_t>(count_));
  check("gradient values", gradient.size(), static_cast<std::size_t>(count_));
  check("rows of d_out", static_cast<std::size_t>(batch), static_cast<std::size_t>(workspace.input_.rows()));
  check("columns of d_out", static_cast<std::size_t>(d_out.cols()), static_cast<std::size_t>(spec_.outputs));
  const auto chunks = static_cast<std::size_t>((batch + chunk_rows - 1) / chunk_rows);
  workspace.delta_.resize(chunks);
  workspace.partial_.resize(chunks);
  for (std::size_t c = 0; c < chunks; ++c) {
    workspace.delta_[c].resize(2 * chunk_rows, spec_.width);
    workspace.partial_[c].resize(static_cast<std::size_t>(count_));
  }
  const auto run_chunk = [&](Index begin, Index end) {
    backward_chunk(parameters.data(), begin, end, workspace, d_out, d_x);
  };
  const comm::SharedLoop loop(batch, chunk_rows);
  loop.run(std::cref(run_chunk));
  if (d_x != nullptr) loop.gather_rows(d_x->data(), spec_.inputs);
  for (std::size_t c = 0; c < chunks; ++c) loop.gather_chunk(c, std::span<T>(workspace.partial_[c]));
  row_vector(gradient.data(), count_).setZero();
  for (std::size_t c = 0; c < chunks; ++c)
    row_vector(gradient.data(), count_) += row_vector(workspace.partial_[c].data(), count_);
}

template class Mlp<float>;
template class Mlp<double>;

}  // namespace starling::nets
