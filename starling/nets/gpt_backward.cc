#include <algorithm>
#include <cmath>
#include <functional>

#include "starling/base/error.h"
#include "starling/base/parallel.h"
#include "starling/kernels/causal_attention.h"
#include "starling/kernels/dense_product.h"
#include "starling/kernels/token_rows.h"
#include "starling/nets/gpt.h"
#include "starling/nets/gpt_call.h"

namespace starling::nets {

using base::Index;

// Queries, keys and values give way to their gradients; the gradient at what attention gave is in `narrow`.
template <class T>
void Gpt<T>::attend_backward(const Call& call, typename Workspace::Level& level) const {
  const Index t = call.length, c = call.width, size = c / spec_.heads;
  const T scale = T(1) / std::sqrt(static_cast<T>(size));
  for (Index s = 0; s < call.sequences; ++s) {
    for (Index h = 0; h < spec_.heads; ++h) {
      T* q = level.qkv.data() + (call.first + s) * t * 3 * c + h * size;
      kernels::causal_attention_backward(
          {t, size, 3 * c, c}, scale, level.attention.data() + ((call.first + s) * spec_.heads + h) * t * t,
          call.chunk.narrow.data() + s * t * c + h * size, q, q + c, q + 2 * c);
    }
  }
}

// d_x = d_y weight
template <class T>
void Gpt<T>::apply_transposed(const Linear& map, const Call& call, const T* d_y, T* d_x) const {
  kernels::dense_product<T>(call.rows(), map.outputs, map.inputs, d_y, call.p + map.weight, nullptr, d_x);
}

// `which` counts the norms: two a layer, then the last.
template <class T>
void Gpt<T>::norm_backward(const Call& call, Index which, const Norm& norm, const T* x, const T* scales,
                           const T* d_y, T* d_x) const {
  T* d_gain = call.chunk.norms.data() + which * 2 * call.width;
  kernels::layer_norm_backward(call.rows(), call.width, x, scales, call.p + norm.gain, d_y, d_x, d_gain,
                               norm.bias < 0 ? nullptr : d_gain + call.width);
}

template <class T>
void Gpt<T>::backward_chunk(const Call& call) const {
  Workspace& w = call.workspace;
  const Index n = call.rows(), c = call.width;
  T *narrow = call.chunk.narrow.data(), *wide = call.chunk.wide.data();
  std::fill(call.chunk.norms.begin(), call.chunk.norms.end(), T(0));
  T* d = call.at(w.levels_.back().d_out, c);  // at the residual stream
  std::fill_n(d, n * c, T(0));
  apply_transposed(head_, call, call.at(w.logits_, outputs()), narrow);
  norm_backward(call, 2 * spec_.layers, last_, call.at(w.levels_.back().out, c), call.at(w.scales_, 2),
                narrow, d);
  for (Index l = spec_.layers - 1; l >= 0; --l) {
    const Layer& layer = layers_[static_cast<std::size_t>(l)];
    auto& level = w.levels_[static_cast<std::size_t>(l)];
    T *hidden = call.at(level.hidden, 4 * c), *d_middle = call.at(level.d_middle, c);
    apply_transposed(layer.down, call, d, wide);
    kernels::multiply(4 * n * c, hidden, wide);
    apply_transposed(layer.up, call, hidden, narrow);
    std::copy_n(d, n * c, d_middle);
    norm_backward(call, 2 * l + 1, layer.norm2, call.at(level.middle, c), call.at(level.scales2, 2), narrow,
                  d_middle);
    apply_transposed(layer.project, call, d_middle, narrow);
    attend_backward(call, level);
    apply_transposed(layer.qkv, call, call.at(level.qkv, 3 * c), narrow);
    auto& below = l > 0 ? w.levels_[static_cast<std::size_t>(l - 1)].d_out : w.d_embedded_;
    auto& x = l > 0 ? w.levels_[static_cast<std::size_t>(l - 1)].out : w.embedded_;
    d = call.at(below, c);
    std::copy_n(d_middle, n * c, d);
    norm_backward(call, 2 * l, layer.norm1, call.at(x, c), call.at(level.scales1, 2), narrow, d);
  }
}

template <class T>
void Gpt<T>::linear_gradient(const Linear& map, Index rows, const T* d_y, const T* x, T* gradient,
                             bool add) const {
  T* to = gradient + map.weight;
  kernels::dense_product_tn<T>(map.outputs, rows, map.inputs, d_y, x, add ? to : nullptr, to);
  if (map.bias < 0) return;
  if (!add) std::fill_n(gradient + map.bias, map.outputs, T(0));
  for (Index r = 0; r < rows; ++r) kernels::add(map.outputs, d_y + r * map.outputs, gradient + map.bias);
}

// Tokens share their matrix with a head that gives logits.
template <class T>
void Gpt<T>::embedding_gradient(const GptInput<T>& input, Workspace& w, T* gradient) const {
  const Index n = places(input), c = spec_.width;
  if (spec_.inputs == 0 && spec_.outputs > 0) std::fill_n(gradient, spec_.vocabulary * c, T(0));
  linear_gradient(head_, n, w.logits_.data(), w.unit_.data(), gradient, false);
  if (spec_.inputs > 0)
    linear_gradient(read_in_, n, w.d_embedded_.data(), input.numbers.data(), gradient, false);
  std::fill_n(gradient + positions_, spec_.context * c, T(0));
  for (Index r = 0; r < n; ++r) {
    const T* d = w.d_embedded_.data() + r * c;
    if (spec_.inputs == 0) kernels::add(c, d, gradient + input.tokens[static_cast<std::size_t>(r)] * c);
    kernels::add(c, d, gradient + positions_ + (r % w.length_) * c);
  }
}

template <class T>
void Gpt<T>::norm_gradients(Workspace& w, T* gradient) const {
  const Index c = spec_.width;
  const auto sum = [&](Index which, const Norm& norm, bool add = false) {
    for (const auto& [to, part] : {std::pair{norm.gain, Index{0}}, std::pair{norm.bias, c}}) {
      if (to < 0) continue;
      if (!add) std::fill_n(gradient + to, c, T(0));
      for (const auto& chunk : w.chunks_)
        kernels::add(c, chunk.norms.data() + which * 2 * c + part, gradient + to);
    }
  };
  for (Index l = 0; l < spec_.layers; ++l) {
    sum(2 * l, layers_[static_cast<std::size_t>(l)].norm1, spec_.tied && l > 0);
    sum(2 * l + 1, layers_[static_cast<std::size_t>(l)].norm2, spec_.tied && l > 0);
  }
  sum(2 * spec_.layers, last_);
}

// Jobs 0 and 1 are the embeddings and the norms, then four linear maps a block: of its layer, or of all.
template <class T>
void Gpt<T>::weight_gradient(Index job, const GptInput<T>& input, Workspace& w, T* gradient) const {
  if (job == 0) return embedding_gradient(input, w, gradient);
  if (job == 1) return norm_gradients(w, gradient);
  const Index rows = places(input), block = (job - 2) / 4;
  const Index begin = spec_.tied ? 0 : block, end = spec_.tied ? spec_.layers : block + 1;
  for (Index l = begin; l < end; ++l) {
    const Layer& layer = layers_[static_cast<std::size_t>(l)];
    auto& level = w.levels_[static_cast<std::size_t>(l)];
    const auto linear = [&](const Linear& map, const simd::AlignedVector<T>& d_y,
                            const simd::AlignedVector<T>& x) {
      linear_gradient(map, rows, d_y.data(), x.data(), gradient, l > begin);
    };
    switch ((job - 2) % 4) {
      case 0:
        linear(layer.qkv, level.qkv, level.unit1);
        break;
      case 1:
        linear(layer.project, level.d_middle, level.mixed);
        break;
      case 2:
        linear(layer.up, level.hidden, level.unit2);
        break;
      default:
        linear(layer.down, level.d_out, level.activated);
    }
  }
}

template <class T>
void Gpt<T>::backward(std::span<const T> parameters, std::span<const std::int32_t> tokens, Workspace& w,
                      std::span<T> gradient) const {
  backward(parameters, GptInput<T>{.tokens = tokens}, w, gradient);
}

template <class T>
void Gpt<T>::backward(std::span<const T> parameters, const GptInput<T>& input, Workspace& w,
                      std::span<T> gradient) const {
  if (places(input) != w.sequences_ * w.length_ || static_cast<Index>(gradient.size()) != count_)
    throw base::Error(base::ErrorKind::usage, "backward() follows a loss() or forward() of the same input");
  const Index per = chunk_of(w.length_);
  const auto chunk = [&](Index begin, Index end) {
    backward_chunk({parameters.data(), input, w, w.chunks_[static_cast<std::size_t>(begin / per)], begin,
                    end - begin, w.length_, spec_.width});
  };
  base::parallel_chunks(w.sequences_, per, std::ref(chunk));
  const auto job = [&](Index begin, Index) { weight_gradient(begin, input, w, gradient.data()); };
  base::parallel_chunks(2 + 4 * (spec_.tied ? 1 : spec_.layers), 1, std::ref(job));
}

#define STARLING_INSTANTIATE(T)                                                                          \
  template void Gpt<T>::attend_backward(const Call&, typename Workspace::Level&) const;                  \
  template void Gpt<T>::apply_transposed(const Linear&, const Call&, const T*, T*) const;                \
  template void Gpt<T>::norm_backward(const Call&, Index, const Norm&, const T*, const T*, const T*, T*) \
      const;                                                                                             \
  template void Gpt<T>::backward_chunk(const Call&) const;                                               \
  template void Gpt<T>::linear_gradient(const Linear&, Index, const T*, const T*, T*, bool) const;       \
  template void Gpt<T>::embedding_gradient(const GptInput<T>&, Workspace&, T*) const;                    \
  template void Gpt<T>::norm_gradients(Workspace&, T*) const;                                            \
  template void Gpt<T>::weight_gradient(Index, const GptInput<T>&, Workspace&, T*) const;                \
  template void Gpt<T>::backward(std::span<const T>, std::span<const std::int32_t>, Workspace&,          \
                                 std::span<T>) const;                                                    \
  template void Gpt<T>::backward(std::span<const T>, const GptInput<T>&, Workspace&, std::span<T>) const
STARLING_INSTANTIATE(float);
STARLING_INSTANTIATE(double);
#undef STARLING_INSTANTIATE

}  // namespace starling::nets
