#pragma once
#include <cmath>
#include <memory>
#include <vector>

#include "starling/systems/muon/flow.h"

namespace starling::muon::testing {

using base::Index;

template <class F>
base::Points<double> table(Index rows, Index columns, F f) {
  base::Points<double> out(rows, columns);
  for (Index i = 0; i < rows; ++i) {
    for (Index j = 0; j < columns; ++j) out(i, j) = f(static_cast<double>(i), static_cast<double>(j));
  }
  return out;
}

/// Four 3 x 2 matrices that fit five points: x_j = (cos j, sin 2j), y_j = sin(j + 1), readout (1, -1, 1/2),
/// W_i[r, c] = sin(1 + i + 2r + 3c).
inline base::Points<double> features() {
  return table(5, 2, [](double j, double c) { return c == 0 ? std::cos(j) : std::sin(2 * j); });
}
inline base::Vector<double> targets() {
  return table(5, 1, [](double j, double) { return std::sin(j + 1); });
}
inline base::Vector<double> readout() {
  base::Vector<double> out(3);
  out << 1, -1, .5;
  return out;
}
inline std::unique_ptr<Objective> problem() {
  return two_layer_objective(features(), targets(), readout());
}
inline Cloud particles(Index n, Index rows, Index columns) {
  return table(n, rows * columns, [&](double i, double at) {
    const double r = std::floor(at / static_cast<double>(columns)), c = at - r * static_cast<double>(columns);
    return std::sin(1 + i + 2 * r + 3 * c);
  });
}
inline State at_rest(Cloud w) {
  Cloud p = Cloud::Zero(w.rows(), w.cols());
  return {std::move(w), std::move(p)};
}

inline std::vector<double> grid(double end, double spacing) {
  std::vector<double> out;
  for (int i = 0; i <= static_cast<int>(std::round(end / spacing)); ++i) out.push_back(i * spacing);
  return out;
}

}  // namespace starling::muon::testing
