#pragma once
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "starling/base/error.h"
#include "starling/systems/depth/network.h"

namespace starling::depth::testing {

using Numbers = std::vector<double>;

/// (n, d) with entries f(i + 1, j + 1).
template <class F>
Numbers table(Index n, Index d, F f) {
  Numbers out;
  for (Index i = 1; i <= n; ++i) {
    for (Index j = 1; j <= d; ++j) out.push_back(f(static_cast<double>(i), static_cast<double>(j)));
  }
  return out;
}

/// sin(.9 i + 1.3 j² + .3 i j) and its target cos(.5 i - .8 j).
inline Numbers sine_tokens(Index n, Index d) {
  return table(n, d, [](double i, double j) { return std::sin(.9 * i + 1.3 * j * j + .3 * i * j); });
}
inline Numbers cosine_targets(Index n, Index d) {
  return table(n, d, [](double i, double j) { return std::cos(.5 * i - .8 * j); });
}

/// Heads of one layer at depth l (a real number): entry (row r, column a of the width) of matrix t of head h
/// is amplitude sin(1.1 t + .7 h + .61 r a + 1.9 r + 2.3 a + .37 (l + 1) t), all counted from 1; O
/// transposed.
inline Numbers sine_heads(Index heads, Index head_width, Index width, double l, double amplitude = .5) {
  Numbers out;
  for (Index h = 1; h <= heads; ++h) {
    for (Index t = 1; t <= 4; ++t) {
      const auto entry = [&](Index r, Index a) {
        const double rr = static_cast<double>(r), aa = static_cast<double>(a), tt = static_cast<double>(t);
        return amplitude * std::sin(1.1 * tt + .7 * static_cast<double>(h) + .61 * rr * aa + 1.9 * rr +
                                    2.3 * aa + .37 * (l + 1) * tt);
      };
      for (Index row = 1; row <= (t < 4 ? head_width : width); ++row) {
        for (Index column = 1; column <= (t < 4 ? width : head_width); ++column)
          out.push_back(t < 4 ? entry(row, column) : entry(column, row));
      }
    }
  }
  return out;
}

/// Layers l = 0..L-1 at depth `spacing` l.
inline Numbers sine_layers(const HeadShape& shape, double spacing = 1) {
  Numbers out;
  for (Index l = 0; l < shape.layers; ++l) {
    const Numbers layer =
        sine_heads(shape.heads, shape.head_width, shape.width, spacing * static_cast<double>(l));
    out.insert(out.end(), layer.begin(), layer.end());
  }
  return out;
}

inline double square(const Numbers& v) {
  double sum = 0;
  for (const double x : v) sum += x * x;
  return sum;
}
inline double distance(const Numbers& a, const Numbers& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return std::sqrt(sum);
}
inline double largest_gap(const Numbers& a, const Numbers& b) {
  double most = 0;
  for (std::size_t i = 0; i < a.size(); ++i) most = std::max(most, std::abs(a[i] - b[i]));
  return most;
}

struct Result {
  double loss = 0;
  Numbers gradient, p0, x1;
};
inline Result gradient_of(const NetworkSpec& spec, const Numbers& weights, Index tokens, const Numbers& x,
                          const Numbers& y) {
  Network<double> network(spec, tokens, static_cast<Index>(x.size()) / (tokens * spec.shape.width));
  Result out{0, Numbers(weights.size()), Numbers(x.size()), Numbers(x.size())};
  out.loss = network.gradient(weights, x, y, out.gradient, out.p0, out.x1);
  return out;
}
inline Numbers forward_of(const NetworkSpec& spec, const Numbers& weights, Index tokens, const Numbers& x) {
  Network<double> network(spec, tokens, static_cast<Index>(x.size()) / (tokens * spec.shape.width));
  Numbers out(x.size());
  network.forward(weights, x, out);
  return out;
}

/// What the Error that `body` throws says; "no error" when it throws none.
inline std::string message_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const base::Error& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace starling::depth::testing
