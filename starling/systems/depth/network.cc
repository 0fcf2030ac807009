#include "starling/systems/depth/network.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "starling/base/error.h"
#include "starling/base/parallel.h"

namespace starling::depth {
namespace {

using base::Error;
using base::ErrorKind;

void require_positive(Index value, const char* name) {
  if (value < 1)
    throw Error(ErrorKind::usage, fmt::format("network: {} = {}; expected at least 1", name, value));
}

void require_size(std::size_t size, Index expected, const char* name) {
  if (static_cast<Index>(size) != expected) {
    throw Error(ErrorKind::usage,
                fmt::format("network: {} has {} numbers; its shape asks for {}", name, size, expected));
  }
}

// Gradients of different chunks are kept apart and added in order: as many as keep two dozen cores busy.
constexpr Index most_chunks = 16;

}  // namespace

namespace {

template <class Kind, std::size_t count>
Kind named(std::string_view what, std::string_view name,
           const std::array<std::pair<const char*, Kind>, count>& names) {
  std::vector<std::string> known;
  for (const auto& [text, kind] : names) {
    if (name == text) return kind;
    known.emplace_back(text);
  }
  throw Error(ErrorKind::usage, fmt::format("unknown {} '{}'{}", what, name, base::suggestion(name, known)));
}

}  // namespace

Memory memory_policy(std::string_view name) {
  return named<Memory, 3>(
      "memory", name,
      {{{"stored", Memory::stored}, {"checkpoints", Memory::checkpoints}, {"inverse", Memory::inverse}}});
}

kernels::Norm norm_of(std::string_view name) {
  return named<kernels::Norm, 3>(
      "norm", name,
      {{{"none", kernels::Norm::none}, {"layer", kernels::Norm::layer}, {"rms", kernels::Norm::rms}}});
}

double NetworkSpec::scale() const {
  return std::pow(static_cast<double>(shape.layers), -residual_exponent) / static_cast<double>(shape.heads);
}

double NetworkSpec::neuron_scale() const {
  return std::pow(static_cast<double>(shape.layers), -residual_exponent) /
         static_cast<double>(std::max<Index>(shape.neurons, 1));
}

kernels::AttentionShape NetworkSpec::attention(Index tokens) const {
  return {.tokens = tokens,
          .width = shape.width,
          .head_width = shape.head_width,
          .heads = shape.heads,
          .causal = causal};
}

void validate(const NetworkSpec& spec) {
  require_positive(spec.shape.layers, "layers");
  require_positive(spec.shape.heads, "heads");
  require_positive(spec.shape.head_width, "head_width");
  require_positive(spec.shape.width, "width");
  if (spec.shape.neurons < 0)
    throw Error(ErrorKind::usage,
                fmt::format("network: neurons = {}; expected 0 or more", spec.shape.neurons));
  if (!(spec.residual_exponent >= 0 && spec.residual_exponent <= 2)) {
    throw Error(ErrorKind::usage,
                fmt::format("network: residual_exponent = {}; expected 0 (the usual network) to 2",
                            spec.residual_exponent));
  }
  if (spec.sphere && spec.memory == Memory::inverse) {
    throw Error(ErrorKind::usage,
                "network: memory = \"inverse\" on the sphere, whose projections have no inverse; expected "
                "\"stored\" or \"checkpoints\"");
  }
}

template <class T>
Network<T>::Network(const NetworkSpec& spec, Index tokens, Index sequences)
    : spec_(spec), tokens_(tokens), sequences_(sequences) {
  validate(spec);
  require_positive(tokens, "tokens");
  require_positive(sequences, "sequences");
  const Index wide = kernels::attention_lanes<T>();
  blocks_ = (sequences + wide - 1) / wide;
  chunk_ = (blocks_ + most_chunks - 1) / most_chunks;
  for (Index begin = 0; begin < blocks_; begin += chunk_) {
    lanes_.emplace_back(spec, tokens, kernels::LaneWeights::shared);
    gradients_.emplace_back();
  }
}

template <class T>
template <class Visit>
void Network<T>::visit_blocks(std::span<const T> weights, std::span<const T> x, Visit visit) {
  require_size(weights.size(), spec_.shape.size(), "weights");
  const Index size = tokens_ * spec_.shape.width;
  require_size(x.size(), sequences_ * size, "x");
  base::parallel_chunks(blocks_, chunk_, [&](Index begin, Index end) {
    const Index chunk = begin / chunk_;
    LaneNetwork<T>& lanes = lanes_[static_cast<std::size_t>(chunk)];
    for (Index block = begin; block < end; ++block) {
      for (Index lane = 0; lane < lanes.lanes(); ++lane) {
        // A lane without a sequence of its own repeats the last one, unseen.
        const Index sequence = std::min(block * lanes.lanes() + lane, sequences_ - 1);
        put_lane(x.subspan(static_cast<std::size_t>(sequence * size), static_cast<std::size_t>(size)), lane,
                 lanes.lanes(), lanes.input());
      }
      visit(lanes, lanes.forward(weights.data()), block, chunk);
    }
  });
}

namespace {

// Calls visit(lane, its part of an array of sequences) for the lanes of a block that hold one.
template <class T, class Visit>
void visit_lanes(Index block, Index lanes, Index sequences, Index size, std::span<T> array, Visit visit) {
  for (Index lane = 0; lane < std::min(lanes, sequences - block * lanes); ++lane) {
    const Index at = (block * lanes + lane) * size;
    visit(lane, array.subspan(static_cast<std::size_t>(at), static_cast<std::size_t>(size)));
  }
}

double sum_in_order(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum;
}

}  // namespace

template <class T>
double Network<T>::seed(LaneNetwork<T>& lanes, const T* end, Index block, std::span<const T> y,
                        T* adjoint) const {
  const Index size = tokens_ * spec_.shape.width, wide = lanes.lanes();
  const double share = 1 / static_cast<double>(tokens_ * sequences_);
  if (adjoint != nullptr) std::fill_n(adjoint, size * wide, T(0));
  double squares = 0;
  visit_lanes(block, wide, sequences_, size, y, [&](Index lane, std::span<const T> target) {
    for (Index e = 0; e < size; ++e) {
      const T apart = end[e * wide + lane] - target[static_cast<std::size_t>(e)];
      squares += static_cast<double>(apart) * static_cast<double>(apart);
      if (adjoint != nullptr) adjoint[e * wide + lane] = apart * static_cast<T>(share);
    }
  });
  return squares * share / 2;
}

template <class T>
void Network<T>::forward(std::span<const T> weights, std::span<const T> x, std::span<T> out) {
  require_size(out.size(), static_cast<Index>(x.size()), "out");
  visit_blocks(weights, x, [&](LaneNetwork<T>& lanes, const T* end, Index block, Index) {
    visit_lanes(block, lanes.lanes(), sequences_, lanes.entries(), out,
                [&](Index lane, std::span<T> to) { take_lane(end, lane, lanes.lanes(), to); });
  });
}

template <class T>
double Network<T>::loss(std::span<const T> weights, std::span<const T> x, std::span<const T> y) {
  require_size(y.size(), static_cast<Index>(x.size()), "y");
  std::vector<double> losses(static_cast<std::size_t>(blocks_));
  visit_blocks(weights, x, [&](LaneNetwork<T>& lanes, const T* end, Index block, Index) {
    losses[static_cast<std::size_t>(block)] = seed(lanes, end, block, y, nullptr);
  });
  return sum_in_order(losses);
}

template <class T>
double Network<T>::gradient(std::span<const T> weights, std::span<const T> x, std::span<const T> y,
                            std::span<T> gradient, std::span<T> p0, std::span<T> output) {
  require_size(y.size(), static_cast<Index>(x.size()), "y");
  require_size(gradient.size(), spec_.shape.size(), "gradient");
  if (!p0.empty()) require_size(p0.size(), static_cast<Index>(x.size()), "p0");
  if (!output.empty()) require_size(output.size(), static_cast<Index>(x.size()), "output");
  std::fill(gradient.begin(), gradient.end(), T(0));
  for (std::size_t c = 1; c < gradients_.size(); ++c) gradients_[c].assign(gradient.size(), T(0));
  std::vector<double> losses(static_cast<std::size_t>(blocks_));
  visit_blocks(weights, x, [&](LaneNetwork<T>& lanes, const T* end, Index block, Index chunk) {
    losses[static_cast<std::size_t>(block)] = seed(lanes, end, block, y, lanes.adjoint());
    const auto copy_to = [&](const T* vectors, std::span<T> array) {
      if (array.empty()) return;
      visit_lanes(block, lanes.lanes(), sequences_, lanes.entries(), array,
                  [&](Index lane, std::span<T> to) { take_lane(vectors, lane, lanes.lanes(), to); });
    };
    copy_to(end, output);
    T* sum = chunk == 0 ? gradient.data() : gradients_[static_cast<std::size_t>(chunk)].data();
    lanes.backward(weights.data(), sum);
    copy_to(lanes.adjoint(), p0);
  });
  for (std::size_t c = 1; c < gradients_.size(); ++c) {
    for (std::size_t i = 0; i < gradient.size(); ++i) gradient[i] += gradients_[c][i];
  }
  return sum_in_order(losses);
}

template class Network<float>;
template class Network<double>;

}  // namespace starling::depth
