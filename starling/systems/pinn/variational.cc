#include "starling/systems/pinn/variational.h"

#include <fmt/format.h>

#include <algorithm>

#include "starling/base/error.h"

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

}  // namespace starling::pinn
