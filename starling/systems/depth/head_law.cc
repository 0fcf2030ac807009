#include "starling/systems/depth/head_law.h"

#include <algorithm>
#include <cmath>

namespace starling::depth {

std::vector<double> stratified_heads(const HeadLaw& law, Index layers) {
  std::vector<double> out;
  out.reserve(law.heads.size() * static_cast<std::size_t>(layers));
  for (Index l = 0; l < layers; ++l) out.insert(out.end(), law.heads.begin(), law.heads.end());
  return out;
}

std::vector<double> drawn_heads(const HeadLaw& law, Index layers, Index heads, base::Stream& stream) {
  const Index size = 4 * law.head_width * law.width;
  std::vector<double> out(static_cast<std::size_t>(layers * heads * size));
  for (Index h = 0; h < layers * heads; ++h) {
    const auto atom = static_cast<Index>(stream.below(static_cast<std::uint64_t>(law.atoms())));
    std::copy_n(law.heads.begin() + atom * size, size, out.begin() + h * size);
  }
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
