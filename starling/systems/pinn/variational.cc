#include "starling/systems/pinn/variational.h"

#include <fmt/format.h>

#include <algorithm>

#include "starling/base/error.h"
#include "starling/base/matrix.h"

namespace starling::pinn {

using base::Error;
using base::ErrorKind;

VariationalResidual::VariationalResidual(const System& system, int flux, int source,
                                         const nets::JetNetwork& network, const TestMesh& mesh)
    : edges_(mesh.edges),
      rule_(legendre_tests(mesh.tests, mesh.quadrature)),
      residual_(system, {flux, source}, network) {
  check_edges(edges_, "edges of the elements");
  if (system.axes.size() != 1)
    throw Error(ErrorKind::usage,
                fmt::format("tests on an interval for {} axes; expected one", system.axes.size()));
  for (std::size_t e = 0; e + 1 < edges_.size(); ++e) {
    const double middle = (edges_[e] + edges_[e + 1]) / 2, half = (edges_[e + 1] - edges_[e]) / 2;
    for (const double x : rule_.points) points_.push_back(middle + half * x);
  }
  values_.resize(2 * points_.size());
  rates_.resize(2 * points_.size());
  results_.resize(static_cast<std::size_t>(count()));
}

void VariationalResidual::set_extra_source(std::vector<double> values) {
  if (values.size() != points_.size())
    throw Error(ErrorKind::usage,
                fmt::format("source: {} values for {} points", values.size(), points_.size()));
  extra_ = std::move(values);
}

void VariationalResidual::values(std::span<const double> parameters, std::span<double> out) {
  const std::size_t n = points_.size(), q = rule_.size, tests = rule_.tests;
  residual_.values(parameters, points_.data(), static_cast<std::ptrdiff_t>(n), workspace_, values_.data());
  for (std::size_t i = 0; i < extra_.size(); ++i) values_[n + i] += extra_[i];
  for (std::size_t e = 0; e + 1 < edges_.size(); ++e) {
    const double half = (edges_[e + 1] - edges_[e]) / 2;
    for (std::size_t k = 0; k < tests; ++k) {
      double by_slope = 0, by_value = 0;
      for (std::size_t i = 0; i < q; ++i) {
        by_slope += rule_.slopes[k * q + i] * values_[e * q + i];
        by_value += rule_.values[k * q + i] * values_[n + e * q + i];
      }
      out[e * tests + k] = by_slope + half * by_value;
    }
  }
}

double VariationalResidual::add_gradient(std::span<const double> parameters, double weight,
                                         std::span<double> gradient) {
  values(parameters, results_);
  const std::size_t n = points_.size(), q = rule_.size, tests = rule_.tests;
  std::fill(rates_.begin(), rates_.end(), 0.0);
  double loss = 0;
  for (std::size_t e = 0; e + 1 < edges_.size(); ++e) {
    const double half = (edges_[e + 1] - edges_[e]) / 2;
    for (std::size_t k = 0; k < tests; ++k) {
      const double r = results_[e * tests + k];
      loss += r * r;
      for (std::size_t i = 0; i < q; ++i) {
        rates_[e * q + i] += weight * r * rule_.slopes[k * q + i];
        rates_[n + e * q + i] += weight * r * half * rule_.values[k * q + i];
      }
    }
  }
  residual_.add_functional(parameters, points_.data(), static_cast<std::ptrdiff_t>(n), rates_.data(),
                           workspace_, gradient);
  return weight * loss / 2;
}

void VariationalResidual::jacobian(std::span<const double> parameters, double factor, double* jacobian,
                                   std::ptrdiff_t stride) {
  using Rows = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const auto q = static_cast<base::Index>(rule_.size), tests = static_cast<base::Index>(rule_.tests),
             size = static_cast<base::Index>(parameters.size());
  const Eigen::Map<const Rows> slopes(rule_.slopes.data(), tests, q), weights(rule_.values.data(), tests, q);
  Rows at_points(size, 2 * q), sums(tests, 2 * q);
  std::vector<double> unused(static_cast<std::size_t>(2 * q));
  for (std::size_t e = 0; e + 1 < edges_.size(); ++e) {
    const auto element = static_cast<base::Index>(e);
    residual_.jacobian(parameters, points_.data() + element * q, q, nullptr, static_cast<double>(q),
                       workspace_, unused.data(), at_points.data(), 2 * q);
    sums << factor * slopes, factor * (edges_[e + 1] - edges_[e]) / 2 * weights;
    Eigen::Map<Rows, 0, Eigen::OuterStride<>>(jacobian + element * tests, size, tests,
                                              Eigen::OuterStride<>(stride))
        .noalias() = at_points * sums.transpose();
  }
}

}  // namespace starling::pinn
