#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "starling/base/matrix.h"
#include "starling/base/random.h"

namespace starling::nets {

/// x is the pre-activation, Φ the normal distribution function.
enum class Activation {
  silu,  ///< x / (1 + e^-x)
  gelu,  ///< x Φ(x), exact
  tanh,
  relu,
  erf,       ///< erf(x / √2)
  sigmoid,   ///< 1 / (1 + e^-x)
  softplus,  ///< log(1 + e^x)
  linear     ///< x
};

/// The shape of a multilayer perceptron: inputs -> width -> ... -> width -> outputs.
struct MlpSpec {
  base::Index inputs = 32, outputs = 2, width = 256;
  base::Index layers = 3;  ///< hidden layers, at least 1
  Activation activation = Activation::silu;
  bool residual = false;    ///< hidden layers after the first add their input
  base::Index classes = 0;  ///< > 0: a learned vector of each class joins the first pre-activation
  bool guidance = false;    ///< one more input, the last: a scalar of each row (a guidance strength)
};

/// One named tensor inside the flat parameter vector; a weight is (outputs, inputs), row-major.
struct Block {
  std::string name;
  base::Index offset;
  std::vector<std::int64_t> shape;
};

/// A multilayer perceptron without state: parameters, gradients and workspace belong to the caller.
///
/// Rows are processed in chunks of 256, and the chunks' weight gradients are added in chunk order: the bytes
/// do not depend on the number of threads. A step allocates nothing once the workspace has its size, but for
/// what a matrix product packs when the width is above 256, and what the scheduler needs for more than one
/// thread.
template <class T>
class Mlp {
 public:
  explicit Mlp(const MlpSpec& spec);

  /// Everything that forward leaves for backward, and the chunks' own gradients.
  class Workspace {
    friend class Mlp;
    std::vector<base::Points<T>> before_, after_;  // pre-activations and outputs of the hidden layers
    std::vector<base::Points<T>> delta_;           // one a chunk: the gradient at a hidden layer, twice
    std::vector<std::vector<T>> partial_;          // one a chunk: the gradient of all parameters
    base::Points<T> input_;
    std::vector<std::int32_t> labels_;
  };

  const MlpSpec& spec() const { return spec_; }
  base::Index parameter_count() const { return count_; }
  const std::vector<Block>& blocks() const { return blocks_; }

  /// Weights and biases uniform in ±1/sqrt(fan-in), class vectors standard normal / sqrt(width).
  void initialise(base::Stream& stream, std::span<T> parameters) const;

  /// out (B, outputs) from x (B, inputs); `labels` (B) in [0, classes), ignored without classes; `guidance`
  /// (B), empty when the spec has none. Throws Error{usage} that names what does not fit, and Error{input}
  /// for a label out of range.
  void forward(std::span<const T> parameters, const base::PointsRef<T>& x,
               std::span<const std::int32_t> labels, std::span<const T> guidance, Workspace& workspace,
               base::Points<T>& out) const;

  /// The same without guidance.
  void forward(std::span<const T> parameters, const base::PointsRef<T>& x,
               std::span<const std::int32_t> labels, Workspace& workspace, base::Points<T>& out) const {
    forward(parameters, x, labels, {}, workspace, out);
  }

  /// The gradient (parameter_count) of Σ d_out · out at what forward saw last, `d_out` (B, outputs);
  /// overwrites it. `d_x`, when not null, becomes the gradient at x (B, inputs). Throws Error{usage} when a
  /// size does not fit.
  void backward(std::span<const T> parameters, Workspace& workspace, const base::Points<T>& d_out,
                std::span<T> gradient, base::Points<T>* d_x = nullptr) const;

 private:
  struct Layer {
    base::Index inputs, outputs, weight, bias;  // offsets of weight and bias
  };
  void check_inputs(std::size_t parameters, const base::PointsRef<T>& x, std::span<const std::int32_t> labels,
                    std::span<const T> guidance) const;
  void forward_chunk(const T* p, base::Index begin, base::Index end, Workspace& w,
                     base::Points<T>& out) const;
  void input_gradient(const T* p, base::Index begin, base::Index rows, const T* upper,
                      base::Points<T>& d_x) const;
  void backward_chunk(const T* p, base::Index begin, base::Index end, Workspace& w,
                      const base::Points<T>& d_out, base::Points<T>* d_x) const;

  MlpSpec spec_;
  std::vector<Layer> layers_;
  std::vector<Block> blocks_;
  base::Index embedding_ = 0, count_ = 0;
};

}  // namespace starling::nets
