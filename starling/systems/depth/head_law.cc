#include "starling/systems/depth/head_law.h"

#include <algorithm>
#include <cmath>

namespace starling::depth {

namespace {

// `count` atoms of `size` numbers each, drawn from `atoms`, appended to `out`.
void draw(const std::vector<double>& atoms, Index size, Index count, base::Stream& stream,
          std::vector<double>& out) {
  const auto number = static_cast<std::uint64_t>(atoms.size()) / static_cast<std::uint64_t>(size);
  for (Index i = 0; i < count; ++i) {
    const auto atom = atoms.begin() + static_cast<Index>(stream.below(number)) * size;
    out.insert(out.end(), atom, atom + size);
  }
}

}  // namespace

std::vector<double> stratified_heads(const HeadLaw& law, Index layers) {
  std::vector<double> out;
  out.reserve((law.heads.size() + law.neurons.size()) * static_cast<std::size_t>(layers));
  for (Index l = 0; l < layers; ++l) out.insert(out.end(), law.heads.begin(), law.heads.end());
  for (Index l = 0; l < layers; ++l) out.insert(out.end(), law.neurons.begin(), law.neurons.end());
  return out;
}

std::vector<double> drawn_heads(const HeadLaw& law, Index layers, Index heads, base::Stream& stream,
                                Index neurons) {
  std::vector<double> out;
  out.reserve(static_cast<std::size_t>(law.shape(layers, heads, neurons).size()));
  draw(law.heads, 4 * law.head_width * law.width, layers * heads, stream, out);
  if (!law.neurons.empty()) draw(law.neurons, 2 * law.width, layers * neurons, stream, out);
  return out;
}

double split_mix(std::uint64_t seed, std::uint64_t i) {
  std::uint64_t z = seed + (i + 1) * 0x9E3779B97F4A7C15U;
  z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
  z ^= z >> 31U;
  return static_cast<double>(z >> 11U) * 0x1p-53;
}

HeadLaw formula_law(Index atoms, Index head_width, Index width, std::uint64_t seed, double outward) {
  const double w = std::sqrt(6 / static_cast<double>(width + head_width));
  const Index matrix = head_width * width;
  HeadLaw law{head_width, width, std::vector<double>(static_cast<std::size_t>(4 * atoms * matrix))};
  for (Index m = 0; m < atoms; ++m) {
    double* head = law.heads.data() + 4 * m * matrix;
    for (Index t = 0; t < 4; ++t) {
      for (Index r = 0; r < head_width; ++r) {
        for (Index a = 0; a < width; ++a) {
          const Index i = (t * atoms + m) * matrix + r * width + a;
          const double entry = w * (2 * split_mix(seed, static_cast<std::uint64_t>(i)) - 1);
          if (t < 3) {
            head[t * matrix + r * width + a] = entry;
          } else {
            head[3 * matrix + a * head_width + r] = outward * head[2 * matrix + r * width + a] + entry;
          }
        }
      }
    }
  }
  return law;
}

std::vector<double> formula_tokens(Index tokens, Index width, std::uint64_t seed, bool unit) {
  std::vector<double> x(static_cast<std::size_t>(tokens * width));
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = 2 * split_mix(seed, i) - 1;
  for (Index i = 0; unit && i < tokens; ++i) {
    double* row = x.data() + i * width;
    double square = 0;
    for (Index a = 0; a < width; ++a) square += row[a] * row[a];
    for (Index a = 0; a < width; ++a) row[a] /= std::sqrt(square);
  }
  return x;
}

std::vector<double> formula_targets(std::span<const double> x, Index width) {
  const Index tokens = static_cast<Index>(x.size()) / width;
  const auto entry = [&](Index i, Index a) { return x[static_cast<std::size_t>(i * width + a)]; };
  std::vector<double> y(x.size());
  for (Index a = 0; a < width; ++a) {
    double mean = 0;
    for (Index i = 0; i < tokens; ++i) mean += entry(i, a) / static_cast<double>(tokens);
    for (Index i = 0; i < tokens; ++i) {
      y[static_cast<std::size_t>(i * width + a)] =
          .8 * entry(i, (a + width - 1) % width) + .5 * std::sin(2 * entry(i, a)) - .5 * mean;
    }
  }
  return y;
}

}  // namespace starling::depth
