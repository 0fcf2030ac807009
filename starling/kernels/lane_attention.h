#pragma once
#include <cstddef>

#include "starling/kernels/scratch.h"

namespace starling::kernels {

/// A layer of attention heads over one sequence in every lane. Head h holds Q, K, V of (head_width, width)
/// and O of (width, head_width), row by row and one after another: 4 head_width width entries. A sequence is
/// (tokens, width), row by row. An entry of a sequence is a vector of `attention_lanes<T>()` numbers, begins
/// on a cache line and lies next to its neighbour.
struct AttentionShape {
  std::ptrdiff_t tokens = 0, width = 0, head_width = 0, heads = 0;
  bool causal = false;  ///< token i sees j <= i only

  std::ptrdiff_t matrix() const { return head_width * width; }
  std::ptrdiff_t head() const { return 4 * matrix(); }
  std::ptrdiff_t entries() const { return tokens * width; }
};

/// Whether the weights are one number an entry, shared by all lanes (a lane is a sequence), or a vector (a
/// lane is a network of its own).
enum class LaneWeights { shared, own };

/// Numbers in a vector of the target that run-time dispatch picks.
template <class T>
std::ptrdiff_t attention_lanes();

/// Room that the calls below work in, for one shape; one a thread.
template <class T>
class AttentionWorkspace {
 public:
  AttentionWorkspace() = default;
  explicit AttentionWorkspace(const AttentionShape& shape);
  T* data() const { return room_.data(); }

 private:
  Scratch<T> room_;
};

/// out_i += scale Σ_h attn_h(x)_i, with attn(x)_i = O V Σ_j w_ij x_j, w_ij = softmax_j(<Q x_i, K x_j> /
/// √head_width). `out` must not overlap `x`.
template <class T>
void add_attention(const AttentionShape& shape, LaneWeights kind, T scale, const T* weights, const T* x,
                   T* out, const AttentionWorkspace<T>& workspace);

/// out_i += scale Σ_h (∂attn_h(x)_i / ∂x) dx: the derivative along dx.
template <class T>
void add_attention_tangent(const AttentionShape& shape, LaneWeights kind, T scale, const T* weights,
                           const T* x, const T* dx, T* out, const AttentionWorkspace<T>& workspace);

/// For the adjoint p of the layer's outputs: out += scale Σ_h (∂attn_h / ∂x)ᵀ p, and, unless `gradient` is
/// null, gradient += ∇_θ Σ_i <p_i, attn_h(x)_i> without the scale, in the layout of the weights: summed over
/// lanes where they are shared. Queries, keys, values and probabilities are computed anew from x. `out` must
/// not overlap `p` and `x`.
template <class T>
void add_attention_adjoint(const AttentionShape& shape, LaneWeights kind, T scale, const T* weights,
                           const T* x, const T* p, T* out, T* gradient,
                           const AttentionWorkspace<T>& workspace);

}  // namespace starling::kernels
