#pragma once
#include <cmath>
#include <complex>
#include <cstddef>
#include <vector>

#include "starling/kernels/lane_attention.h"

namespace starling::kernels::testing {

/// Σ_h attn_h(x) of one sequence, by the formula of lane_attention.h. S may be complex: a step of 1e-30 i
/// differentiates to rounding.
template <class S>
std::vector<S> attention_sum(const AttentionShape& shape, const std::vector<S>& weights,
                             const std::vector<S>& x) {
  const std::ptrdiff_t n = shape.tokens, d = shape.width, r = shape.head_width, m = shape.matrix();
  std::vector<S> out(static_cast<std::size_t>(n * d), S(0));
  const auto at = [](const auto& v, std::ptrdiff_t i) { return v[static_cast<std::size_t>(i)]; };
  for (std::ptrdiff_t h = 0; h < shape.heads; ++h) {
    const auto times = [&](std::ptrdiff_t matrix, std::ptrdiff_t row, std::ptrdiff_t token) {
      S sum = 0;
      for (std::ptrdiff_t a = 0; a < d; ++a)
        sum += at(weights, h * shape.head() + matrix * m + row * d + a) * at(x, token * d + a);
      return sum;
    };
    for (std::ptrdiff_t i = 0; i < n; ++i) {
      std::vector<S> mean(static_cast<std::size_t>(r), S(0));
      S total = 0;
      for (std::ptrdiff_t j = 0; j < (shape.causal ? i + 1 : n); ++j) {
        S score = 0;
        for (std::ptrdiff_t c = 0; c < r; ++c) score += times(0, c, i) * times(1, c, j);
        const S e = std::exp(score / std::sqrt(static_cast<double>(r)));
        total += e;
        for (std::ptrdiff_t c = 0; c < r; ++c) mean[static_cast<std::size_t>(c)] += e * times(2, c, j);
      }
      for (std::ptrdiff_t a = 0; a < d; ++a) {
        for (std::ptrdiff_t c = 0; c < r; ++c) {
          out[static_cast<std::size_t>(i * d + a)] +=
              at(weights, h * shape.head() + 3 * m + a * r + c) * at(mean, c) / total;
        }
      }
    }
  }
  return out;
}

using Complex = std::complex<double>;

/// The derivative of attention_sum along (dweights, dx).
inline std::vector<double> attention_derivative(const AttentionShape& shape,
                                                const std::vector<double>& weights,
                                                const std::vector<double>& x,
                                                const std::vector<double>& dweights,
                                                const std::vector<double>& dx) {
  constexpr double step = 1e-30;
  std::vector<Complex> w, y;
  for (std::size_t i = 0; i < weights.size(); ++i) w.emplace_back(weights[i], step * dweights[i]);
  for (std::size_t i = 0; i < x.size(); ++i) y.emplace_back(x[i], step * dx[i]);
  std::vector<double> out;
  for (const Complex z : attention_sum(shape, w, y)) out.push_back(z.imag() / step);
  return out;
}

}  // namespace starling::kernels::testing
