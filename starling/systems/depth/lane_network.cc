#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "starling/base/error.h"
#include "starling/systems/depth/network.h"

namespace starling::depth {
namespace {

using base::Error;
using base::ErrorKind;
using kernels::LaneWeights;

Index segment_length(const NetworkSpec& spec) {
  return static_cast<Index>(std::ceil(std::sqrt(static_cast<double>(spec.shape.layers))));
}

// How many states the forward pass keeps, and how many a segment's replay needs.
Index slots(const NetworkSpec& spec) {
  const Index layers = spec.shape.layers;
  if (spec.memory == Memory::stored) return layers;
  if (spec.memory == Memory::inverse) return 1;
  return (layers + segment_length(spec) - 1) / segment_length(spec);
}
Index replay_slots(const NetworkSpec& spec) {
  return spec.memory == Memory::checkpoints ? segment_length(spec) : 0;
}

template <class T>
T largest_difference(const T* a, const T* b, Index count) {
  T most = 0;
  for (Index i = 0; i < count; ++i) {
    const T apart = std::abs(a[i] - b[i]);
    if (!(apart <= most)) most = apart;  // keeps a NaN
  }
  return most;
}

template <class T>
kernels::Scratch<T> zeros(Index count) {
  kernels::Scratch<T> out(static_cast<std::size_t>(count));
  std::fill_n(out.data(), count, T(0));
  return out;
}

}  // namespace

std::size_t activation_bytes(const NetworkSpec& spec, Index tokens, Index lanes, std::size_t number_bytes) {
  return static_cast<std::size_t>((slots(spec) + replay_slots(spec)) * tokens * spec.shape.width * lanes) *
         number_bytes;
}

template <class T>
LaneNetwork<T>::LaneNetwork(const NetworkSpec& spec, Index tokens, LaneWeights kind)
    : spec_(spec),
      shape_(spec.attention(tokens)),
      kind_(kind),
      neurons_{.tokens = tokens, .width = spec.shape.width, .neurons = spec.shape.neurons},
      lanes_(kernels::attention_lanes<T>()),
      layer_size_(spec.shape.layer() * (kind == LaneWeights::own ? lanes_ : 1)),
      neuron_size_(spec.shape.neuron_layer() * (kind == LaneWeights::own ? lanes_ : 1)),
      segment_(segment_length(spec)),
      scale_(static_cast<T>(spec.scale())),
      neuron_scale_(static_cast<T>(spec.neuron_scale())),
      workspace_(shape_),
      input_(zeros<T>(vectors())),
      output_(zeros<T>(vectors())),
      kept_(zeros<T>(slots(spec) * vectors())),
      replay_(zeros<T>(replay_slots(spec) * vectors())),
      trial_(zeros<T>(vectors())),
      read_(zeros<T>(spec.norm == kernels::Norm::none ? 0 : vectors())),
      pulled_(zeros<T>(spec.norm == kernels::Norm::none ? 0 : vectors())),
      neuron_room_(zeros<T>(spec.shape.neurons == 0 ? 0 : static_cast<Index>(neurons_.room<T>()))),
      adjoint_{zeros<T>(vectors()), zeros<T>(vectors())} {}

template <class T>
const T* LaneNetwork<T>::read(const T* x) {
  if (spec_.norm == kernels::Norm::none) return x;
  kernels::normalise_tokens(spec_.norm, shape_.tokens, shape_.width, x, read_.data());
  return read_.data();
}

template <class T>
void LaneNetwork<T>::to_sphere(T* x) const {
  if (spec_.sphere) kernels::normalise_tokens(kernels::Norm::unit, shape_.tokens, shape_.width, x, x);
}

template <class T>
void LaneNetwork<T>::pull_through_sphere(const T* apart) {
  T* before = adjoint_[1].data();
  std::fill_n(before, vectors(), T(0));
  kernels::add_norm_derivative(kernels::Norm::unit, shape_.tokens, shape_.width, apart, adjoint_[0].data(),
                               before);
  std::swap(adjoint_[0], adjoint_[1]);
}

// out += sign times what layer l adds to x.
template <class T>
void LaneNetwork<T>::add_layer(const T* weights, Index l, T sign, const T* x, T* out) {
  const T* seen = read(x);
  kernels::add_attention(shape_, kind_, sign * scale_, layer(weights, l), seen, out, workspace_);
  if (neurons_.neurons > 0) {
    kernels::add_neurons(neurons_, kind_, sign * neuron_scale_, neurons(weights, l), seen, out,
                         neuron_room_.data());
  }
}

template <class T>
void LaneNetwork<T>::advance(const T* weights, Index l, const T* x, T* out) {
  std::copy_n(x, vectors(), out);
  add_layer(weights, l, T(1), x, out);
  to_sphere(out);
}

template <class T>
const T* LaneNetwork<T>::forward(const T* weights) {
  const Index layers = spec_.shape.layers;
  std::copy_n(input_.data(), vectors(), kept(0));
  to_sphere(kept(0));
  if (spec_.memory == Memory::stored) {
    for (Index l = 0; l < layers; ++l)
      advance(weights, l, kept(l), l + 1 < layers ? kept(l + 1) : output_.data());
    return output_.data();
  }
  std::copy_n(kept(0), vectors(), output_.data());
  for (Index l = 0; l < layers; ++l) {
    if (spec_.memory == Memory::checkpoints && l % segment_ == 0)
      std::copy_n(output_.data(), vectors(), kept(l / segment_));
    std::swap(output_, trial_);
    advance(weights, l, trial_.data(), output_.data());
  }
  return output_.data();
}

template <class T>
void LaneNetwork<T>::pull_back(const T* weights, Index l, const T* x, T* gradient,
                               const std::function<void(Index, const T*)>& visit) {
  if (spec_.sphere) {
    std::copy_n(x, vectors(), trial_.data());
    add_layer(weights, l, T(1), x, trial_.data());
    pull_through_sphere(trial_.data());
  }
  const bool plain = spec_.norm == kernels::Norm::none;
  T* before = adjoint_[1].data();
  T* pulled = plain ? before : pulled_.data();
  std::copy_n(adjoint_[0].data(), vectors(), before);
  if (!plain) std::fill_n(pulled, vectors(), T(0));
  const T* seen = read(x);
  kernels::add_attention_adjoint(shape_, kind_, scale_, layer(weights, l), seen, adjoint_[0].data(), pulled,
                                 gradient == nullptr ? nullptr : layer(gradient, l), workspace_);
  if (neurons_.neurons > 0) {
    kernels::add_neurons_adjoint(neurons_, kind_, neuron_scale_, neurons(weights, l), seen,
                                 adjoint_[0].data(), pulled,
                                 gradient == nullptr ? nullptr : neurons(gradient, l), neuron_room_.data());
  }
  if (!plain) kernels::add_norm_derivative(spec_.norm, shape_.tokens, shape_.width, x, pulled, before);
  std::swap(adjoint_[0], adjoint_[1]);
  if (l == 0 && spec_.sphere) pull_through_sphere(input_.data());
  if (visit) visit(l, adjoint_[0].data());
}

template <class T>
void LaneNetwork<T>::backward(const T* weights, T* gradient,
                              const std::function<void(Index, const T*)>& visit) {
  const Index layers = spec_.shape.layers;
  if (visit) visit(layers, adjoint_[0].data());
  switch (spec_.memory) {
    case Memory::stored:
      for (Index l = layers - 1; l >= 0; --l) pull_back(weights, l, kept(l), gradient, visit);
      return;
    case Memory::checkpoints:
      for (Index s = slots(spec_) - 1; s >= 0; --s) {
        const Index first = s * segment_, last = std::min(layers, first + segment_) - 1;
        const auto state = [&](Index l) { return replay_.data() + (l - first) * vectors(); };
        std::copy_n(kept(s), vectors(), state(first));
        for (Index l = first; l < last; ++l) advance(weights, l, state(l), state(l + 1));
        for (Index l = last; l >= first; --l) pull_back(weights, l, state(l), gradient, visit);
      }
      return;
    case Memory::inverse:
      for (Index l = layers - 1; l >= 0; --l) {
        invert(weights, l, output_.data(), kept(0));
        pull_back(weights, l, kept(0), gradient, visit);
        std::copy_n(kept(0), vectors(), output_.data());
      }
  }
}

template <class T>
int LaneNetwork<T>::invert(const T* weights, Index l, const T* after, T* before) {
  constexpr bool wide = sizeof(T) == 8;
  const T enough = wide ? T(1e-15) : T(1e-7), tolerable = wide ? T(1e-12) : T(1e-4);
  constexpr int most = 200;
  std::copy_n(after, vectors(), before);
  T moved = 0, best = std::numeric_limits<T>::infinity();
  int since_best = 0;
  for (int i = 1; i <= most; ++i) {
    std::copy_n(after, vectors(), trial_.data());
    add_layer(weights, l, T(-1), before, trial_.data());
    moved = largest_difference(trial_.data(), before, vectors());
    std::copy_n(trial_.data(), vectors(), before);
    if (moved < enough) return i;
    since_best = moved < best ? 0 : since_best + 1;
    best = std::min(best, moved);
    // Large tokens never stand still to 1e-15: rounding moves them for ever.
    if (since_best >= 3 && moved < tolerable) return i;
    if (!std::isfinite(moved)) break;
  }
  throw Error(
      ErrorKind::numerical,
      fmt::format("inverse of a layer: the fixed point still moves by {:.3g} after {} iterations; the "
                  "layer is no small step: take more layers, or memory = \"checkpoints\"",
                  static_cast<double>(moved), most));
}

template <class T>
void LaneNetwork<T>::tangent(const T* weights, T* tangent,
                             const std::function<void(Index, const T*, const T*)>& visit) {
  std::copy_n(input_.data(), vectors(), output_.data());
  to_sphere(output_.data());
  kernels::Scratch<T> next = zeros<T>(vectors());
  // next += N'(apart) tangent, then to `tangent`
  const auto project = [&](const T* apart) {
    std::fill_n(next.data(), vectors(), T(0));
    kernels::add_norm_derivative(kernels::Norm::unit, shape_.tokens, shape_.width, apart, tangent,
                                 next.data());
    std::copy_n(next.data(), vectors(), tangent);
  };
  if (visit) visit(0, input_.data(), tangent);
  if (spec_.sphere) project(input_.data());
  for (Index l = 0; l < spec_.shape.layers; ++l) {
    if (visit && l > 0) visit(l, output_.data(), tangent);
    std::copy_n(tangent, vectors(), next.data());
    const T* direction = tangent;
    if (spec_.norm != kernels::Norm::none) {
      std::fill_n(pulled_.data(), vectors(), T(0));
      kernels::add_norm_derivative(spec_.norm, shape_.tokens, shape_.width, output_.data(), tangent,
                                   pulled_.data());
      direction = pulled_.data();
    }
    const T* seen = read(output_.data());
    kernels::add_attention_tangent(shape_, kind_, scale_, layer(weights, l), seen, direction, next.data(),
                                   workspace_);
    if (neurons_.neurons > 0) {
      kernels::add_neurons_tangent(neurons_, kind_, neuron_scale_, neurons(weights, l), seen, direction,
                                   next.data(), neuron_room_.data());
    }
    std::copy_n(next.data(), vectors(), tangent);
    std::swap(output_, trial_);
    std::copy_n(trial_.data(), vectors(), output_.data());
    add_layer(weights, l, T(1), trial_.data(), output_.data());
    if (spec_.sphere) project(output_.data());
    to_sphere(output_.data());
  }
  if (visit) visit(spec_.shape.layers, output_.data(), tangent);
}

template class LaneNetwork<float>;
template class LaneNetwork<double>;

}  // namespace starling::depth
