#pragma once
#include <cstddef>

#include "starling/kernels/lane_attention.h"

namespace starling::kernels {

/// A hidden layer of tanh neurons over one sequence in every lane, as lane_attention.h has them. Neuron m
/// holds w and u, `width` numbers each, one after the other.
struct NeuronShape {
  std::ptrdiff_t tokens = 0, width = 0, neurons = 0;

  std::ptrdiff_t weights() const { return 2 * neurons * width; }
  /// Numbers of the work array that the calls below take, which begins on a cache line.
  template <class T>
  std::size_t room() const {
    return static_cast<std::size_t>((3 * tokens * neurons + weights()) * attention_lanes<T>());
  }
};

/// out_i += scale Σ_m u_m tanh(w_m . x_i).
template <class T>
void add_neurons(const NeuronShape& shape, LaneWeights kind, T scale, const T* weights, const T* x, T* out,
                 T* room);

/// out_i += scale Σ_m u_m tanh'(w_m . x_i) w_m . dx_i.
template <class T>
void add_neurons_tangent(const NeuronShape& shape, LaneWeights kind, T scale, const T* weights, const T* x,
                         const T* dx, T* out, T* room);

/// out += scale times the adjoint of p, and, unless null, gradient += ∇_θ Σ_i <p_i, Σ_m u_m tanh(w_m . x_i)>,
/// both as add_attention_adjoint() has them.
template <class T>
void add_neurons_adjoint(const NeuronShape& shape, LaneWeights kind, T scale, const T* weights, const T* x,
                         const T* p, T* out, T* gradient, T* room);

}  // namespace starling::kernels
