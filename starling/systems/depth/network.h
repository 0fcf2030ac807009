#pragma once
#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "starling/base/matrix.h"
#include "starling/kernels/lane_attention.h"
#include "starling/kernels/lane_neurons.h"
#include "starling/kernels/lane_norm.h"

namespace starling::depth {

using base::Index;

/// Particles of two species: attention heads, stored as [layer][head][Q, K, V, O], Q, K, V of (head_width,
/// width) and O of (width, head_width), row by row; after all of them neurons of a hidden layer, if any, as
/// [layer][neuron][w, u], of `width` numbers each.
struct HeadShape {
  Index layers = 0, heads = 0, head_width = 0, width = 0;
  Index neurons = 0;  ///< of a layer

  Index matrix() const { return head_width * width; }
  Index head() const { return 4 * matrix(); }
  Index layer() const { return heads * head(); }
  Index heads_size() const { return layers * layer(); }
  Index neuron_layer() const { return 2 * neurons * width; }
  Index size() const { return heads_size() + layers * neuron_layer(); }
};

/// "none", "layer" or "rms"; Error{usage} for another name.
kernels::Norm norm_of(std::string_view name);

/// What is kept of the forward pass for the backward pass.
enum class Memory {
  stored,       ///< the tokens before every layer
  checkpoints,  ///< about √L of them, and one more forward pass
  inverse       ///< the last alone: each layer is inverted by a fixed point, in O(1) memory
};

/// "stored", "checkpoints" or "inverse"; Error{usage} for another name.
Memory memory_policy(std::string_view name);

/// x_{l+1} = x_l + L^{-α} / H Σ_h attn_{l,h}(x_l) + L^{-α} / M Σ_m u_{l,m} tanh(w_{l,m} . x_l), l = 0..L-1:
/// with α = 1 the Euler scheme of a flow of the tokens in depth (arXiv:2605.11059), with α = 1/2 its
/// diffusive scaling, with α = 0 the usual network.
struct NetworkSpec {
  HeadShape shape;
  bool causal = false;           ///< token i sees j <= i only
  double residual_exponent = 1;  ///< α
  Memory memory = Memory::stored;
  kernels::Norm norm =
      kernels::Norm::none;  ///< what heads and neurons read: x_l, or x_l normalised (pre-norm)
  /// Tokens are taken to the unit sphere, before the first layer and after each (arXiv:2312.10794, section
  /// 2); one more forward step a layer in the backward pass. Not with Memory::inverse: a projection has none.
  bool sphere = false;

  double scale() const;         ///< L^{-α} / H
  double neuron_scale() const;  ///< L^{-α} / M
  kernels::AttentionShape attention(Index tokens) const;
};

/// Throws Error{usage} that names the field, its value and what is expected.
void validate(const NetworkSpec& spec);

/// Bytes that the forward pass keeps for `lanes` sequences of that many tokens.
std::size_t activation_bytes(const NetworkSpec& spec, Index tokens, Index lanes, std::size_t number_bytes);

/// One network of heads over one sequence in every lane: the engine below `Network` (lanes are sequences,
/// weights are shared) and below the study of replicas (lanes are networks). An entry of a sequence is a
/// vector of `lanes()` numbers, as kernels/lane_attention.h has it. One a thread.
template <class T>
class LaneNetwork {
 public:
  LaneNetwork(const NetworkSpec& spec, Index tokens, kernels::LaneWeights kind);

  Index lanes() const { return lanes_; }
  Index entries() const { return shape_.entries(); }

  /// Where the caller puts x_0, (tokens, width) vectors; the forward pass leaves it in place.
  T* input() { return input_.data(); }
  /// x_L, in place until the next pass.
  const T* forward(const T* weights);

  /// Where the caller puts p_L = ∂loss/∂x_L after a forward pass, and finds p_0 after the backward pass.
  T* adjoint() { return adjoint_[0].data(); }
  /// p_l = p_{l+1} + L^{-α} / H Σ_h (∂attn_{l,h}/∂x)ᵀ p_{l+1}; unless null, gradient += L^α H ∂loss/∂θ, the
  /// mean field's (for neurons L^α M ∂loss/∂θ), summed over lanes where weights are shared. Error{numerical}
  /// if a layer has no inverse that the fixed point finds. visit(l, p_l) for l = L..0, unless empty.
  void backward(const T* weights, T* gradient, const std::function<void(Index, const T*)>& visit = {});

  /// Follows dx_0, found in `tangent`, to dx_L along the pass from input(); visit(l, x_l, dx_l) for l =
  /// 0..L, unless empty.
  void tangent(const T* weights, T* tangent,
               const std::function<void(Index, const T*, const T*)>& visit = {});

  /// x_l from x_{l+1} by y ← x_{l+1} - (what layer l adds to y) until no entry moves by more than rounding;
  /// the number of iterations.
  int invert(const T* weights, Index l, const T* after, T* before);

 private:
  Index vectors() const { return entries() * lanes_; }
  template <class P>
  P* layer(P* weights, Index l) const {
    return weights + l * layer_size_;
  }
  template <class P>
  P* neurons(P* weights, Index l) const {
    return weights + spec_.shape.layers * layer_size_ + l * neuron_size_;
  }
  T* kept(Index slot) const { return kept_.data() + slot * vectors(); }
  const T* read(const T* x);                 // what the heads read of x, in place until the next call
  void to_sphere(T* x) const;                // where the tokens live on it
  void pull_through_sphere(const T* apart);  // the adjoint, from the sphere to `apart`
  void add_layer(const T* weights, Index l, T sign, const T* x, T* out);
  void advance(const T* weights, Index l, const T* x, T* out);
  void pull_back(const T* weights, Index l, const T* x, T* gradient,
                 const std::function<void(Index, const T*)>& visit);

  NetworkSpec spec_;
  kernels::AttentionShape shape_;
  kernels::LaneWeights kind_;
  kernels::NeuronShape neurons_;
  Index lanes_, layer_size_, neuron_size_, segment_;  // layers between checkpoints
  T scale_, neuron_scale_;
  kernels::AttentionWorkspace<T> workspace_;
  kernels::Scratch<T> input_, output_, kept_, replay_, trial_, read_, pulled_, neuron_room_;
  kernels::Scratch<T> adjoint_[2];
};

/// A network over a batch of sequences, on all threads. Sequences are (tokens, width), row by row, one after
/// another. The bytes depend neither on the number of threads nor on where arrays lie.
template <class T>
class Network {
 public:
  Network(const NetworkSpec& spec, Index tokens, Index sequences);

  const NetworkSpec& spec() const { return spec_; }

  /// x_L of every sequence.
  void forward(std::span<const T> weights, std::span<const T> x, std::span<T> out);

  /// Mean over sequences of 1 / (2 tokens) Σ_i |x_L,i - y_i|².
  double loss(std::span<const T> weights, std::span<const T> x, std::span<const T> y);

  /// The loss; gradient = L^α H ∂loss/∂θ, the mean field's (times spec().scale() it is the raw one); p0 =
  /// ∂loss/∂x and output = x_L, unless empty.
  double gradient(std::span<const T> weights, std::span<const T> x, std::span<const T> y,
                  std::span<T> gradient, std::span<T> p0 = {}, std::span<T> output = {});

 private:
  template <class Visit>
  void visit_blocks(std::span<const T> weights, std::span<const T> x, Visit visit);
  double seed(LaneNetwork<T>& lanes, const T* end, Index block, std::span<const T> y, T* adjoint) const;

  NetworkSpec spec_;
  Index tokens_, sequences_, blocks_, chunk_;
  std::vector<LaneNetwork<T>> lanes_;      // of each chunk of blocks
  std::vector<std::vector<T>> gradients_;  // the same; the first is the caller's
};

extern template class LaneNetwork<float>;
extern template class LaneNetwork<double>;
extern template class Network<float>;
extern template class Network<double>;

/// Copies sequence `from` into lane `lane` of vectors, and back.
template <class T>
void put_lane(std::span<const T> from, Index lane, Index lanes, T* vectors) {
  for (std::size_t e = 0; e < from.size(); ++e) vectors[static_cast<Index>(e) * lanes + lane] = from[e];
}
template <class T>
void take_lane(const T* vectors, Index lane, Index lanes, std::span<T> to) {
  for (std::size_t e = 0; e < to.size(); ++e) to[e] = vectors[static_cast<Index>(e) * lanes + lane];
}

}  // namespace starling::depth
