#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "starling/base/error.h"
#include "starling/kernels/token_rows.h"
#include "starling/math/matrix_product.h"
#include "starling/nets/gpt.h"
#include "starling/nets/gpt_call.h"

namespace starling::nets {

using base::Error;
using base::ErrorKind;
using base::Index;

template <class T>
void Gpt<T>::attend_last(const Cache& cache, std::size_t l, const T* query, T* scores, T* mixed) const {
  const Index c = spec_.width, size = c / spec_.heads, seen = cache.length_ + 1;
  const T scale = T(1) / std::sqrt(static_cast<T>(size));
  std::fill_n(mixed, c, T(0));
  for (Index h = 0; h < spec_.heads; ++h) {
    const T *keys = cache.keys_[l].data() + h * size, *values = cache.values_[l].data() + h * size;
    T most = -std::numeric_limits<T>::infinity();
    for (Index j = 0; j < seen; ++j) {
      T product = 0;
      for (Index k = 0; k < size; ++k) product += query[h * size + k] * keys[j * c + k];
      scores[j] = scale * product;
      most = std::max(most, scores[j]);
    }
    T sum = 0;
    for (Index j = 0; j < seen; ++j) sum += scores[j] = std::exp(scores[j] - most);
    for (Index j = 0; j < seen; ++j) {
      const T share = scores[j] / sum;
      for (Index k = 0; k < size; ++k) mixed[h * size + k] += share * values[j * c + k];
    }
  }
}

// One row of forward_chunk(), with the keys and values of the earlier rows in the cache.
template <class T>
void Gpt<T>::extend(std::span<const T> parameters, std::int32_t token, Cache& cache,
                    std::span<T> logits) const {
  require_logits("extend");
  check(parameters, {.tokens = std::span(&token, 1)}, 1);
  if (static_cast<Index>(logits.size()) != spec_.vocabulary)
    throw Error(ErrorKind::usage,
                fmt::format("{} logits for a vocabulary of {}", logits.size(), spec_.vocabulary));
  if (cache.length_ >= spec_.context)
    throw Error(ErrorKind::usage, fmt::format("the cache is full: it holds {} tokens", spec_.context));
  resize(cache);
  const Index c = spec_.width;
  const T* p = parameters.data();
  T *x = cache.x_.data(), *unit = cache.unit_.data(), *wide = cache.wide_.data(),
    *mixed = cache.mixed_.data();
  T scales[2];
  const auto norm = [&](const Norm& at) {
    kernels::layer_norm(Index{1}, c, x, p + at.gain, at.bias < 0 ? nullptr : p + at.bias, unit, scales);
  };
  const auto apply = [&](const Linear& map, const T* from, T* to, math::Into into) {
    math::product_nt(1, map.inputs, map.outputs, from, p + map.weight, to, into);
    if (map.bias >= 0) kernels::add(map.outputs, p + map.bias, to);
  };
  std::copy_n(p + token * c, c, x);
  kernels::add(c, p + positions_ + cache.length_ * c, x);
  for (std::size_t l = 0; l < layers_.size(); ++l) {
    const Layer& layer = layers_[l];
    norm(layer.norm1);
    apply(layer.qkv, unit, wide, math::Into::overwrite);
    std::copy_n(wide + c, c, cache.keys_[l].data() + cache.length_ * c);
    std::copy_n(wide + 2 * c, c, cache.values_[l].data() + cache.length_ * c);
    attend_last(cache, l, wide, cache.scores_.data(), mixed);
    apply(layer.project, mixed, x, math::Into::add);
    norm(layer.norm2);
    apply(layer.up, unit, wide, math::Into::overwrite);
    kernels::gelu(4 * c, wide, cache.hidden_.data());
    apply(layer.down, cache.hidden_.data(), x, math::Into::add);
  }
  norm(last_);
  apply(head_, unit, logits.data(), math::Into::overwrite);
  ++cache.length_;
}

template <class T>
void Gpt<T>::resize(Cache& cache) const {
  const auto size = [](simd::AlignedVector<T>& v, Index count) { v.resize(static_cast<std::size_t>(count)); };
  cache.keys_.resize(layers_.size());
  cache.values_.resize(layers_.size());
  for (auto* all : {&cache.keys_, &cache.values_})
    for (auto& of_layer : *all) size(of_layer, spec_.context * spec_.width);
  for (auto* v : {&cache.x_, &cache.unit_, &cache.mixed_}) size(*v, spec_.width);
  for (auto* v : {&cache.wide_, &cache.hidden_}) size(*v, 4 * spec_.width);
  size(cache.scores_, spec_.context);
}

#define STARLING_INSTANTIATE(T)                                                               \
  template void Gpt<T>::attend_last(const Cache&, std::size_t, const T*, T*, T*) const;       \
  template void Gpt<T>::extend(std::span<const T>, std::int32_t, Cache&, std::span<T>) const; \
  template void Gpt<T>::resize(Cache&) const
STARLING_INSTANTIATE(float);
STARLING_INSTANTIATE(double);
#undef STARLING_INSTANTIATE

}  // namespace starling::nets
