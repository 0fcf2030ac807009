#pragma once
#include <span>
#include <string>
#include <vector>

#include "starling/nets/mlp.h"

namespace starling::nets {

/// The shape of a softly gated mixture of experts: h = W_in x + b, then in each block
/// h <- h + Σ_e softmax(G h)_e V_e act(U_e h + c_e), then W_out h + b (Jacobs et al., "Adaptive mixtures of
/// local experts", 1991, in residual blocks).
struct ExpertMixtureSpec {
  base::Index inputs = 2, outputs = 2;
  base::Index width = 64;   ///< of h
  base::Index hidden = 64;  ///< of one expert
  base::Index experts = 4, blocks = 2;
  Activation activation = Activation::silu;
};

/// Such a network without state, as Mlp. U_e and V_e of a block are one tensor each, (experts, hidden, width)
/// and (experts, width, hidden).
template <class T>
class ExpertMixture {
 public:
  /// Error{usage} for an extent below 1.
  explicit ExpertMixture(const ExpertMixtureSpec& spec);

  class Workspace {
    friend class ExpertMixture;
    base::Points<T> input_;
    std::vector<base::Points<T>> state_;                    // h before each block, and after the last
    std::vector<base::Points<T>> gate_, before_, weighed_;  // softmax; U h + c; the gated activations
    std::vector<base::Points<T>> delta_;                    // one a chunk
    std::vector<std::vector<T>> partial_;                   // one a chunk: the gradient of all parameters
  };

  const ExpertMixtureSpec& spec() const { return spec_; }
  base::Index parameter_count() const { return count_; }
  const std::vector<Block>& blocks() const { return blocks_; }

  /// Uniform in ±1/√fan-in; the gates start at 0: every expert has the same say.
  void initialise(base::Stream& stream, std::span<T> parameters) const;

  /// out (B, outputs) from x (B, inputs). Error{usage} for a size that does not fit.
  void forward(std::span<const T> parameters, const base::PointsRef<T>& x, Workspace& workspace,
               base::Points<T>& out) const;

  /// The gradient of Σ d_out · out at what forward saw last; overwrites it. The same bytes for any number of
  /// threads.
  void backward(std::span<const T> parameters, Workspace& workspace, const base::Points<T>& d_out,
                std::span<T> gradient) const;

 private:
  struct Layer {
    base::Index gate, up, bias, down;  // offsets
  };
  void forward_chunk(const T* p, base::Index begin, base::Index end, Workspace& w,
                     base::Points<T>& out) const;
  void backward_chunk(const T* p, base::Index begin, base::Index end, Workspace& w,
                      const base::Points<T>& d_out) const;
  void mix(const T* p, const Layer& layer, std::size_t at, base::Index begin, base::Index rows,
           Workspace& w) const;
  void unmix(const T* p, const Layer& layer, std::size_t at, base::Index begin, base::Index rows,
             Workspace& w, T* upper, T* scratch, T* gradient) const;

  ExpertMixtureSpec spec_;
  std::vector<Layer> layers_;
  std::vector<Block> blocks_;
  base::Index in_weight_ = 0, in_bias_ = 0, out_weight_ = 0, out_bias_ = 0, count_ = 0;
};

extern template class ExpertMixture<float>;
extern template class ExpertMixture<double>;

}  // namespace starling::nets
