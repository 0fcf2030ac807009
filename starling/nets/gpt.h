#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "starling/base/matrix.h"
#include "starling/base/random.h"
#include "starling/nets/mlp.h"
#include "starling/simd/lane_vector.h"

namespace starling::nets {

/// The shape of a decoder-only transformer: learned positions, and blocks of causal softmax attention and a
/// GELU network four times as wide, each behind a layer norm (Radford et al., 2019).
struct GptSpec {
  base::Index vocabulary = 256;
  base::Index context = 64;  ///< tokens that a prediction may look back on, itself included
  base::Index layers = 4, heads = 4, width = 128;  ///< heads divide width
  bool bias = false;                               ///< of the norms and the linear maps
  bool tied = false;  ///< one block is all the layers: its gradients are the layers' sums
  /// Numbers a place in place of tokens, which a linear map brings to `width`; then `outputs` must be given.
  base::Index inputs = 0;
  /// Numbers that a matrix of its own gives at every place; 0: logits of the next token, by the embedding.
  base::Index outputs = 0;
};

/// What a network reads: tokens (sequences, length), or numbers (sequences, length, inputs).
template <class T>
struct GptInput {
  std::span<const std::int32_t> tokens{};
  std::span<const T> numbers{};
};

/// A GPT without state: parameters, gradients and workspace belong to the caller. The head that gives logits
/// is the embedding of the tokens, unless the spec asks for numbers. Tensors have the names and shapes of
/// nanoGPT's; a weight is (outputs, inputs), row-major.
///
/// Sequences are processed in chunks of about 256 tokens, each with what it writes; weight gradients are one
/// product over all tokens each. The bytes do not depend on the number of threads, and a step allocates
/// nothing once the workspace has its size, but for what the scheduler needs for more than one thread.
template <class T>
class Gpt {
 public:
  /// Error{usage} that names the extent which is not positive, or heads that do not divide the width.
  explicit Gpt(const GptSpec& spec);

  /// Everything that forward leaves for backward, which writes over it.
  class Workspace {
    friend class Gpt;
    struct Level {
      simd::AlignedVector<T> scales1, scales2;       // (n, 2) of the norms
      simd::AlignedVector<T> middle, out;            // the residual stream, after attention and at the end
      simd::AlignedVector<T> unit1, unit2;           // what the norms gave
      simd::AlignedVector<T> qkv, attention, mixed;  // (n, 3 width), (heads of all sequences, t, t)
      simd::AlignedVector<T> hidden, activated;      // (n, 4 width): slopes, values
      simd::AlignedVector<T> d_middle, d_out;
    };
    struct Chunk {
      simd::AlignedVector<T> wide, narrow;  // (tokens of the chunk, 4 width or width)
      simd::AlignedVector<T> norms;         // gradients of the norms' gains and biases
    };

   public:
    /// Who attended to whom in the last forward pass, (heads, length, length), of one layer and sequence.
    std::span<const T> attention(base::Index layer, base::Index sequence) const {
      const auto& all = levels_[static_cast<std::size_t>(layer)].attention;
      const std::size_t size = all.size() / static_cast<std::size_t>(sequences_);
      return std::span<const T>(all).subspan(static_cast<std::size_t>(sequence) * size, size);
    }

   private:
    std::vector<Level> levels_;
    std::vector<Chunk> chunks_;
    simd::AlignedVector<T> embedded_, d_embedded_, unit_, scales_, logits_;
    base::Index sequences_ = 0, length_ = 0;
  };

  /// The keys and values of a sequence's tokens so far: what the next token needs of them.
  class Cache {
    friend class Gpt;
    std::vector<simd::AlignedVector<T>> keys_, values_;  // of each layer, (context, width)
    simd::AlignedVector<T> x_, unit_, wide_, hidden_, mixed_, scores_;
    base::Index length_ = 0;

   public:
    base::Index length() const { return length_; }
    void clear() { length_ = 0; }
  };

  const GptSpec& spec() const { return spec_; }
  base::Index parameter_count() const { return count_; }
  /// All matrices first, `matrix_count()` parameters, then the vectors: gains and biases.
  const std::vector<Block>& blocks() const { return blocks_; }
  base::Index matrix_count() const { return matrices_; }
  /// Numbers that a workspace holds, which is most of the memory that training takes.
  double workspace_numbers(base::Index sequences, base::Index length) const;

  /// Weights normal with deviation 0.02, those that write to the residual stream 0.02/√(2 layers); gains 1,
  /// biases 0.
  void initialise(base::Stream& stream, std::span<T> parameters) const;

  /// The loss in nats of each of the targets (sequences, length) after its tokens, in `each`; leaves the
  /// gradient of their mean at the logits. length <= context. Error{usage} that names what does not fit,
  /// Error{input} for a token outside the vocabulary.
  void loss(std::span<const T> parameters, std::span<const std::int32_t> tokens,
            std::span<const std::int32_t> targets, base::Index sequences, Workspace& workspace,
            std::span<double> each) const;

  /// The gradient (parameter_count) of the mean loss that loss() computed last, from the same parameters and
  /// tokens; overwrites it. Once: it spends the workspace.
  void backward(std::span<const T> parameters, std::span<const std::int32_t> tokens, Workspace& workspace,
                std::span<T> gradient) const;

  /// The outputs at every place (sequences, length, outputs or vocabulary), which lie in the workspace: a
  /// caller that wants the gradient of a loss of theirs writes its slope over them and calls backward().
  /// Errors as loss().
  std::span<T> forward(std::span<const T> parameters, const GptInput<T>& input, base::Index sequences,
                       Workspace& workspace) const;
  /// backward() after forward().
  void backward(std::span<const T> parameters, const GptInput<T>& input, Workspace& workspace,
                std::span<T> gradient) const;

  /// Takes one more token into the cache and gives the logits (vocabulary) of what follows: those of next()
  /// up to rounding, at the cost of one token. Error{usage} beyond `context` tokens, and as next().
  void extend(std::span<const T> parameters, std::int32_t token, Cache& cache, std::span<T> logits) const;

  /// The logits (vocabulary) of what follows `tokens`, at least one and at most `context`. Errors as loss().
  void next(std::span<const T> parameters, std::span<const std::int32_t> tokens, Workspace& workspace,
            std::span<T> logits) const;

 private:
  struct Norm {
    base::Index gain, bias;  // offsets
  };
  struct Linear {
    base::Index inputs, outputs, weight, bias;
  };
  struct Layer {
    Norm norm1, norm2;
    Linear qkv, project, up, down;
  };
  struct Call;

  base::Index norms_size() const { return (2 * spec_.layers + 1) * 2 * spec_.width; }
  base::Index outputs() const { return spec_.outputs > 0 ? spec_.outputs : spec_.vocabulary; }
  base::Index places(const GptInput<T>& input) const;
  void check(std::span<const T> parameters, const GptInput<T>& input, base::Index sequences) const;
  void require_logits(const char* verb) const;
  void resize(Workspace& w, base::Index sequences, base::Index length) const;
  void resize(Cache& cache) const;
  void attend_last(const Cache& cache, std::size_t layer, const T* query, T* scores, T* mixed) const;
  void embed(const Call& call) const;
  void apply(const Linear& map, const Call& call, const T* x, T* y, const T* addend = nullptr) const;
  void apply_transposed(const Linear& map, const Call& call, const T* d_y, T* d_x) const;
  void forward_chunk(const Call& call) const;
  void attend(const Call& call, typename Workspace::Level& level) const;
  void backward_chunk(const Call& call) const;
  void attend_backward(const Call& call, typename Workspace::Level& level) const;
  void norm_backward(const Call& call, base::Index which, const Norm& norm, const T* x, const T* scales,
                     const T* d_y, T* d_x) const;
  void weight_gradient(base::Index job, const GptInput<T>& input, Workspace& w, T* gradient) const;
  void linear_gradient(const Linear& map, base::Index rows, const T* d_y, const T* x, T* gradient,
                       bool add) const;
  void embedding_gradient(const GptInput<T>& input, Workspace& w, T* gradient) const;
  void norm_gradients(Workspace& w, T* gradient) const;

  GptSpec spec_;
  std::vector<Layer> layers_;  // as many as the spec says, all the same when tied
  Linear read_in_{}, head_{};
  Norm last_{};
  base::Index positions_ = 0;
  std::vector<Block> blocks_;
  base::Index matrices_ = 0, count_ = 0;
};

extern template class Gpt<float>;
extern template class Gpt<double>;

}  // namespace starling::nets
