#include "starling/systems/depth/clustering.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "starling/base/error.h"
#include "starling/flows/ode.h"

namespace starling::depth {
namespace {

double product(std::span<const double> x, Index width, Index i, Index j) {
  double sum = 0;
  for (Index a = 0; a < width; ++a)
    sum += x[static_cast<std::size_t>(i * width + a)] * x[static_cast<std::size_t>(j * width + a)];
  return sum;
}

void velocity(std::span<const double> x, Index width, double beta, std::span<double> rate) {
  const Index n = static_cast<Index>(x.size()) / width;
  for (Index i = 0; i < n; ++i) {
    const double* at = x.data() + i * width;
    double* out = rate.data() + i * width;
    std::fill_n(out, width, 0.0);
    const double square = product(x, width, i, i);
    double total = 0;
    for (Index j = 0; j < n; ++j) {
      // No inner product exceeds 1, and x_i's own is 1: no overflow.
      const double e = std::exp(beta * (product(x, width, i, j) - 1));
      total += e;
      for (Index a = 0; a < width; ++a) out[a] += e * x[static_cast<std::size_t>(j * width + a)];
    }
    double along = 0;
    for (Index a = 0; a < width; ++a) along += at[a] * out[a];
    for (Index a = 0; a < width; ++a) out[a] = (out[a] - along / square * at[a]) / total;
  }
}

std::vector<double> on_sphere(std::span<const double> x, Index width) {
  std::vector<double> out(x.begin(), x.end());
  for (Index i = 0; i < static_cast<Index>(x.size()) / width; ++i) {
    const double length = std::sqrt(product(x, width, i, i));
    if (!(length > 0) || !std::isfinite(length)) {
      throw base::Error(base::ErrorKind::usage,
                        fmt::format("cluster: token {} has length {}; expected a direction", i, length));
    }
    for (Index a = 0; a < width; ++a) out[static_cast<std::size_t>(i * width + a)] /= length;
  }
  return out;
}

}  // namespace

std::vector<double> cluster(std::span<const double> x, Index width, double beta,
                            std::span<const double> times) {
  if (!std::isfinite(beta))
    throw base::Error(base::ErrorKind::usage, fmt::format("cluster: beta = {}; expected a number", beta));
  const std::vector<double> start = on_sphere(x, width);
  const auto rhs = [&](double, std::span<const double> y, std::span<double> rate) {
    velocity(y, width, beta, rate);
  };
  std::vector<double> out;
  for (const auto& state : flows::integrate(rhs, start, times, {.rtol = 1e-12, .atol = 1e-13}))
    out.insert(out.end(), state.begin(), state.end());
  return out;
}

double cluster_energy(std::span<const double> x, Index width, double beta) {
  const Index n = static_cast<Index>(x.size()) / width;
  double sum = 0;
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j < n; ++j) sum += std::exp(beta * product(x, width, i, j));
  }
  return sum / (2 * beta * static_cast<double>(n * n));
}

Index count_clusters(std::span<const double> x, Index width, double apart) {
  const Index n = static_cast<Index>(x.size()) / width;
  std::vector<Index> root(static_cast<std::size_t>(n));
  std::iota(root.begin(), root.end(), Index{0});
  const auto find = [&](Index i) {
    while (root[static_cast<std::size_t>(i)] != i) i = root[static_cast<std::size_t>(i)];
    return i;
  };
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j < i; ++j) {
      const double cosine =
          product(x, width, i, j) / std::sqrt(product(x, width, i, i) * product(x, width, j, j));
      if (1 - cosine < apart) root[static_cast<std::size_t>(find(i))] = find(j);
    }
  }
  Index clusters = 0;
  for (Index i = 0; i < n; ++i) clusters += root[static_cast<std::size_t>(i)] == i ? 1 : 0;
  return clusters;
}

}  // namespace starling::depth
