#include "starling/nets/gpt.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "starling/base/error.h"
#include "starling/base/parallel.h"
#include "starling/kernels/causal_attention.h"
#include "starling/kernels/dense_product.h"
#include "starling/kernels/token_rows.h"
#include "starling/math/matrix_product.h"
#include "starling/nets/gpt_call.h"

namespace starling::nets {

using base::Error;
using base::ErrorKind;
using base::Index;

namespace {

void require_positive(const char* name, Index value) {
  if (value < 1) throw Error(ErrorKind::usage, fmt::format("{} = {}; expected at least 1", name, value));
}

}  // namespace

template <class T>
Gpt<T>::Gpt(const GptSpec& spec) : spec_(spec) {
  if (spec.inputs == 0) require_positive("vocabulary", spec.vocabulary);
  require_positive("context", spec.context);
  require_positive("layers", spec.layers);
  require_positive("heads", spec.heads);
  require_positive("width", spec.width);
  if (spec.inputs > 0 || spec.outputs != 0) require_positive("outputs", spec.outputs);
  if (spec.width % spec.heads != 0) {
    throw Error(ErrorKind::usage, fmt::format("heads = {} do not divide width = {}", spec.heads, spec.width));
  }
  const auto place = [this](const std::string& name, std::vector<std::int64_t> shape) {
    const Index at = count_;
    Index size = 1;
    for (const auto extent : shape) size *= extent;
    blocks_.push_back({name, at, std::move(shape)});
    count_ += size;
    return at;
  };
  const auto linear = [&](const std::string& name, Index inputs, Index outputs) {
    return Linear{inputs, outputs, place(name + ".weight", {outputs, inputs}), -1};
  };
  const Index c = spec.width;
  if (spec.inputs > 0) {
    read_in_ = linear("read_in", spec.inputs, c);
  } else {
    head_ = linear("transformer.wte", c, spec.vocabulary);
  }
  positions_ = place("transformer.wpe.weight", {spec.context, c});
  if (spec.outputs > 0) head_ = linear("read_out", c, spec.outputs);
  const Index blocks = spec.tied ? 1 : spec.layers;
  for (Index l = 0; l < blocks; ++l) {
    const std::string h = fmt::format("transformer.h.{}.", l);
    Layer layer;
    layer.qkv = linear(h + "attn.c_attn", c, 3 * c);
    layer.project = linear(h + "attn.c_proj", c, c);
    layer.up = linear(h + "mlp.c_fc", c, 4 * c);
    layer.down = linear(h + "mlp.c_proj", 4 * c, c);
    layers_.push_back(layer);
  }
  matrices_ = count_;
  const auto norm = [&](const std::string& name) {
    Norm out{place("transformer." + name + ".weight", {c}), -1};
    if (spec.bias) out.bias = place("transformer." + name + ".bias", {c});
    return out;
  };
  for (Index l = 0; l < blocks; ++l) {
    Layer& layer = layers_[static_cast<std::size_t>(l)];
    const std::string h = fmt::format("h.{}.", l);
    layer.norm1 = norm(h + "ln_1");
    layer.norm2 = norm(h + "ln_2");
    if (!spec.bias) continue;
    layer.qkv.bias = place("transformer." + h + "attn.c_attn.bias", {3 * c});
    layer.project.bias = place("transformer." + h + "attn.c_proj.bias", {c});
    layer.up.bias = place("transformer." + h + "mlp.c_fc.bias", {4 * c});
    layer.down.bias = place("transformer." + h + "mlp.c_proj.bias", {c});
  }
  last_ = norm("ln_f");
  if (spec.bias && spec.inputs > 0) read_in_.bias = place("read_in.bias", {c});
  if (spec.bias && spec.outputs > 0) head_.bias = place("read_out.bias", {spec.outputs});
  layers_.resize(static_cast<std::size_t>(spec.layers), layers_.front());
}

template <class T>
void Gpt<T>::initialise(base::Stream& stream, std::span<T> parameters) const {
  const double inward = 0.02 / std::sqrt(2 * static_cast<double>(spec_.layers));
  for (const Block& block : blocks_) {
    Index size = 1;
    for (const auto extent : block.shape) size *= extent;
    const auto part =
        parameters.subspan(static_cast<std::size_t>(block.offset), static_cast<std::size_t>(size));
    if (block.shape.size() == 1) {
      std::fill(part.begin(), part.end(), block.name.ends_with("bias") ? T(0) : T(1));
      continue;
    }
    double deviation = block.name.ends_with("c_proj.weight") ? inward : 0.02;
    if (block.name == "read_in.weight") deviation = 1 / std::sqrt(static_cast<double>(spec_.inputs));
    for (T& value : part) value = static_cast<T>(deviation * stream.normal());
  }
}

template <class T>
Index Gpt<T>::places(const GptInput<T>& input) const {
  return spec_.inputs > 0 ? static_cast<Index>(input.numbers.size()) / spec_.inputs
                          : static_cast<Index>(input.tokens.size());
}

template <class T>
void Gpt<T>::check(std::span<const T> parameters, const GptInput<T>& input, Index sequences) const {
  if (static_cast<Index>(parameters.size()) != count_)
    throw Error(ErrorKind::usage,
                fmt::format("{} parameters; the network has {}", parameters.size(), count_));
  if (spec_.inputs > 0 && static_cast<Index>(input.numbers.size()) % spec_.inputs != 0)
    throw Error(ErrorKind::usage,
                fmt::format("{} numbers; the network reads {} a place", input.numbers.size(), spec_.inputs));
  const Index n = places(input);
  if (sequences < 1 || n < sequences || n % sequences != 0 || n / sequences > spec_.context) {
    throw Error(ErrorKind::usage, fmt::format("{} tokens in {} sequences; expected 1 to {} in each", n,
                                              sequences, spec_.context));
  }
  if (spec_.inputs > 0) return;
  for (const std::int32_t token : input.tokens) {
    if (token < 0 || token >= spec_.vocabulary)
      throw Error(ErrorKind::input,
                  fmt::format("token {} is outside the vocabulary of {}", token, spec_.vocabulary));
  }
}

template <class T>
void Gpt<T>::require_logits(const char* verb) const {
  if (spec_.inputs > 0 || spec_.outputs > 0)
    throw Error(ErrorKind::usage, fmt::format("{}() is of networks that predict tokens", verb));
}

template <class T>
void Gpt<T>::resize(Workspace& w, Index sequences, Index length) const {
  if (w.sequences_ == sequences && w.length_ == length) return;
  const Index n = sequences * length, c = spec_.width, per = chunk_of(length);
  const auto size = [](simd::AlignedVector<T>& v, Index count) { v.resize(static_cast<std::size_t>(count)); };
  w.levels_.resize(static_cast<std::size_t>(spec_.layers));
  for (auto& level : w.levels_) {
    for (auto* v : {&level.scales1, &level.scales2}) size(*v, 2 * n);
    for (auto* v :
         {&level.middle, &level.out, &level.unit1, &level.unit2, &level.mixed, &level.d_middle, &level.d_out})
      size(*v, n * c);
    size(level.qkv, 3 * n * c);
    size(level.attention, sequences * spec_.heads * length * length);
    for (auto* v : {&level.hidden, &level.activated}) size(*v, 4 * n * c);
  }
  for (auto* v : {&w.embedded_, &w.d_embedded_, &w.unit_}) size(*v, n * c);
  size(w.scales_, 2 * n);
  size(w.logits_, n * outputs());
  w.chunks_.resize(static_cast<std::size_t>((sequences + per - 1) / per));
  for (auto& chunk : w.chunks_) {
    size(chunk.wide, 4 * per * length * c);
    size(chunk.narrow, per * length * c);
    size(chunk.norms, norms_size());
  }
  w.sequences_ = sequences;
  w.length_ = length;
}

template <class T>
double Gpt<T>::workspace_numbers(Index sequences, Index length) const {
  const double n = static_cast<double>(sequences * length), c = static_cast<double>(spec_.width);
  const double attention = n * static_cast<double>(spec_.heads * length);
  return static_cast<double>(spec_.layers) * (n * (18 * c + 4) + attention) +
         n * (3 * c + 2 + static_cast<double>(outputs())) + n * 5 * c;
}

// y = x weightᵀ + bias + addend, another array or null.
template <class T>
void Gpt<T>::apply(const Linear& map, const Call& call, const T* x, T* y, const T* addend) const {
  kernels::dense_product_nt(call.rows(), map.inputs, map.outputs, x, call.p + map.weight, addend, y);
  if (map.bias < 0) return;
  for (Index r = 0; r < call.rows(); ++r) kernels::add(map.outputs, call.p + map.bias, y + r * map.outputs);
}

template <class T>
void Gpt<T>::embed(const Call& call) const {
  T* x = call.at(call.workspace.embedded_, call.width);
  if (spec_.inputs > 0) {
    apply(read_in_, call, call.input.numbers.data() + call.row() * spec_.inputs, x);
  } else {
    for (Index r = 0; r < call.rows(); ++r) {
      const auto token = call.input.tokens[static_cast<std::size_t>(call.row() + r)];
      std::copy_n(call.p + token * call.width, call.width, x + r * call.width);
    }
  }
  for (Index r = 0; r < call.rows(); ++r)
    kernels::add(call.width, call.p + positions_ + (r % call.length) * call.width, x + r * call.width);
}

template <class T>
void Gpt<T>::attend(const Call& call, typename Workspace::Level& level) const {
  const Index t = call.length, c = call.width, size = c / spec_.heads;
  const T scale = T(1) / std::sqrt(static_cast<T>(size));
  for (Index s = call.first; s < call.first + call.sequences; ++s) {
    for (Index h = 0; h < spec_.heads; ++h) {
      const T* q = level.qkv.data() + s * t * 3 * c + h * size;
      kernels::causal_attention({t, size, 3 * c, c}, scale, q, q + c, q + 2 * c,
                                level.attention.data() + (s * spec_.heads + h) * t * t,
                                level.mixed.data() + s * t * c + h * size);
    }
  }
}

template <class T>
void Gpt<T>::forward_chunk(const Call& call) const {
  const Index n = call.rows(), c = call.width;
  const auto norm = [&](const Norm& at, const T* x, T* y, T* scales) {
    kernels::layer_norm(n, c, x, call.p + at.gain, at.bias < 0 ? nullptr : call.p + at.bias, y, scales);
  };
  embed(call);
  const T* x = call.at(call.workspace.embedded_, c);
  for (std::size_t l = 0; l < layers_.size(); ++l) {
    const Layer& layer = layers_[l];
    auto& level = call.workspace.levels_[l];
    T *unit1 = call.at(level.unit1, c), *unit2 = call.at(level.unit2, c), *middle = call.at(level.middle, c),
      *out = call.at(level.out, c), *hidden = call.at(level.hidden, 4 * c),
      *activated = call.at(level.activated, 4 * c);
    norm(layer.norm1, x, unit1, call.at(level.scales1, 2));
    apply(layer.qkv, call, unit1, call.at(level.qkv, 3 * c));
    attend(call, level);
    apply(layer.project, call, call.at(level.mixed, c), middle, x);
    norm(layer.norm2, middle, unit2, call.at(level.scales2, 2));
    apply(layer.up, call, unit2, hidden);
    kernels::gelu(4 * n * c, hidden, activated);
    apply(layer.down, call, activated, out, middle);
    x = out;
  }
  norm(last_, x, call.at(call.workspace.unit_, c), call.at(call.workspace.scales_, 2));
}

template <class T>
void Gpt<T>::loss(std::span<const T> parameters, std::span<const std::int32_t> tokens,
                  std::span<const std::int32_t> targets, Index sequences, Workspace& w,
                  std::span<double> each) const {
  require_logits("loss");
  check(parameters, {.tokens = tokens}, sequences);
  if (targets.size() != tokens.size() || each.size() != tokens.size())
    throw Error(ErrorKind::usage, fmt::format("{} targets and {} losses for {} tokens", targets.size(),
                                              each.size(), tokens.size()));
  check(parameters, {.tokens = targets}, sequences);
  const Index length = static_cast<Index>(tokens.size()) / sequences, per = chunk_of(length);
  resize(w, sequences, length);
  const auto chunk = [&](Index begin, Index end) {
    const Call call{parameters.data(),
                    {.tokens = tokens},
                    w,
                    w.chunks_[static_cast<std::size_t>(begin / per)],
                    begin,
                    end - begin,
                    length,
                    spec_.width};
    forward_chunk(call);
    T* logits = call.at(w.logits_, spec_.vocabulary);
    apply(head_, call, call.at(w.unit_, spec_.width), logits);
    const T share = T(1) / static_cast<T>(tokens.size());
    for (Index r = 0; r < call.rows(); ++r) {
      const auto row = static_cast<std::size_t>(call.row() + r);
      each[row] =
          kernels::cross_entropy_row(spec_.vocabulary, targets[row], share, logits + r * spec_.vocabulary);
    }
  };
  base::parallel_chunks(sequences, per, std::ref(chunk));
}

template <class T>
std::span<T> Gpt<T>::forward(std::span<const T> parameters, const GptInput<T>& input, Index sequences,
                             Workspace& w) const {
  check(parameters, input, sequences);
  const Index length = places(input) / sequences, per = chunk_of(length);
  resize(w, sequences, length);
  const auto chunk = [&](Index begin, Index end) {
    const Call call{
        parameters.data(), input,  w,          w.chunks_[static_cast<std::size_t>(begin / per)], begin,
        end - begin,       length, spec_.width};
    forward_chunk(call);
    apply(head_, call, call.at(w.unit_, spec_.width), call.at(w.logits_, outputs()));
  };
  base::parallel_chunks(sequences, per, std::ref(chunk));
  return w.logits_;
}

template <class T>
void Gpt<T>::next(std::span<const T> parameters, std::span<const std::int32_t> tokens, Workspace& w,
                  std::span<T> logits) const {
  require_logits("next");
  check(parameters, {.tokens = tokens}, 1);
  if (static_cast<Index>(logits.size()) != spec_.vocabulary)
    throw Error(ErrorKind::usage,
                fmt::format("{} logits for a vocabulary of {}", logits.size(), spec_.vocabulary));
  const Index length = static_cast<Index>(tokens.size());
  resize(w, 1, length);
  const Call call{parameters.data(), {.tokens = tokens}, w, w.chunks_[0], 0, 1, length, spec_.width};
  forward_chunk(call);
  math::product_nt(1, spec_.width, spec_.vocabulary, w.unit_.data() + (length - 1) * spec_.width,
                   call.p + head_.weight, logits.data());
}

template class Gpt<float>;
template class Gpt<double>;

}  // namespace starling::nets
