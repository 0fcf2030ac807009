#pragma once
#include <cmath>
#include <cstdint>
#include <vector>

#include "starling/nets/jets.h"

namespace starling::nets::testing {

/// A network whose parameters are a formula: W^l_ij = sin(i + 2j + 3l + offset) / sqrt(inputs),
/// b^l_i = cos(i + l + offset) / 10, all counted from 1.
inline std::vector<double> formula_parameters(const JetNetwork& network, double offset = 0) {
  std::vector<double> parameters;
  for (std::ptrdiff_t l = 1; l <= network.layers(); ++l) {
    const std::ptrdiff_t inputs = network.widths[static_cast<std::size_t>(l - 1)],
                         outputs = network.widths[static_cast<std::size_t>(l)];
    const auto layer = static_cast<double>(l);
    for (std::ptrdiff_t i = 1; i <= outputs; ++i) {
      for (std::ptrdiff_t j = 1; j <= inputs; ++j) {
        parameters.push_back(std::sin(static_cast<double>(i + 2 * j) + 3 * layer + offset) /
                             std::sqrt(static_cast<double>(inputs)));
      }
    }
    for (std::ptrdiff_t i = 1; i <= outputs; ++i)
      parameters.push_back(std::cos(static_cast<double>(i) + layer + offset) / 10);
  }
  return parameters;
}

/// The stream of a single-output network at n points, n numbers.
template <class T>
std::vector<T> stream_values(const Jets<T>& jets, const std::vector<T>& parameters,
                             const std::vector<T>& points, int stream, std::ptrdiff_t output = 0) {
  const auto n = static_cast<std::ptrdiff_t>(points.size()) / jets.streams().axes();
  std::vector<T> out(static_cast<std::size_t>(n));
  typename Jets<T>::Workspace workspace;
  jets.forward(parameters, points.data(), n, workspace, [&](const JetTile<T>& tile) {
    for (std::ptrdiff_t i = 0; i < tile.count; ++i)
      out[static_cast<std::size_t>(tile.begin + i)] = tile.stream(stream, output)[i];
  });
  return out;
}

}  // namespace starling::nets::testing
