#include "starling/systems/pinn/variational.h"

#include <fmt/format.h>

#include <algorithm>

#include "starling/base/error.h"
#include "starling/math/legendre.h"

namespace starling::pinn {
namespace {

using base::Error;
using base::ErrorKind;

constexpr int least_surplus = 12;

TestMesh checked(TestMesh mesh) {
  if (mesh.tests < 1 || mesh.tests > 1000)
    throw Error(ErrorKind::usage, fmt::format("tests: {}; expected 1 to 1000", mesh.tests));
  if (mesh.quadrature == 0) mesh.quadrature = mesh.tests + 40;
  if (mesh.quadrature < mesh.tests + least_surplus) {
    throw Error(ErrorKind::usage,
                fmt::format("quadrature: {} points for {} tests; expected at least {}, since fewer can "
                            "make a residual vanish at the rule's own zeros",
                            mesh.quadrature, mesh.tests, mesh.tests + least_surplus));
  }
  const bool ascending = std::is_sorted(mesh.edges.begin(), mesh.edges.end(), std::less_equal<>());
  if (mesh.edges.size() < 2 || !ascending)
    throw Error(ErrorKind::usage, "edges of the elements; expected at least two, ascending");
  return mesh;
}

}  // namespace

VariationalResidual::VariationalResidual(const System& system, int flux, int source,
                                         const nets::JetNetwork& network, const TestMesh& mesh)
    : mesh_(checked(mesh)), residual_(system, {flux, source}, network) {
  if (system.axes.size() != 1)
    throw Error(ErrorKind::usage,
                fmt::format("tests on an interval for {} axes; expected one", system.axes.size()));
  const math::GaussRule rule = math::gauss_legendre(mesh_.quadrature);
  const auto q = static_cast<std::size_t>(mesh_.quadrature), tests = static_cast<std::size_t>(mesh_.tests);
  for (std::size_t e = 0; e + 1 < mesh_.edges.size(); ++e) {
    const double middle = (mesh_.edges[e] + mesh_.edges[e + 1]) / 2,
                 half = (mesh_.edges[e + 1] - mesh_.edges[e]) / 2;
    for (const double x : rule.points) points_.push_back(middle + half * x);
  }
  slope_weights_.resize(tests * q);
  value_weights_.resize(tests * q);
  std::vector<double> p(tests + 2);
  for (std::size_t i = 0; i < q; ++i) {
    math::legendre_values(mesh_.tests + 1, rule.points[i], p.data());
    for (std::size_t k = 1; k <= tests; ++k) {
      // v_k' = (2k + 1) P_k in the reference element: the Jacobians of dx and of the slope cancel.
      slope_weights_[(k - 1) * q + i] = rule.weights[i] * static_cast<double>(2 * k + 1) * p[k];
      value_weights_[(k - 1) * q + i] = rule.weights[i] * (p[k + 1] - p[k - 1]);
    }
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
  const std::size_t n = points_.size(), q = static_cast<std::size_t>(mesh_.quadrature),
                    tests = static_cast<std::size_t>(mesh_.tests);
  residual_.values(parameters, points_.data(), static_cast<std::ptrdiff_t>(n), workspace_, values_.data());
  for (std::size_t i = 0; i < extra_.size(); ++i) values_[n + i] += extra_[i];
  for (std::size_t e = 0; e + 1 < mesh_.edges.size(); ++e) {
    const double half = (mesh_.edges[e + 1] - mesh_.edges[e]) / 2;
    for (std::size_t k = 0; k < tests; ++k) {
      double by_slope = 0, by_value = 0;
      for (std::size_t i = 0; i < q; ++i) {
        by_slope += slope_weights_[k * q + i] * values_[e * q + i];
        by_value += value_weights_[k * q + i] * values_[n + e * q + i];
      }
      out[e * tests + k] = by_slope + half * by_value;
    }
  }
}

double VariationalResidual::add_gradient(std::span<const double> parameters, double weight,
                                         std::span<double> gradient) {
  values(parameters, results_);
  const std::size_t n = points_.size(), q = static_cast<std::size_t>(mesh_.quadrature),
                    tests = static_cast<std::size_t>(mesh_.tests);
  std::fill(rates_.begin(), rates_.end(), 0.0);
  double loss = 0;
  for (std::size_t e = 0; e + 1 < mesh_.edges.size(); ++e) {
    const double half = (mesh_.edges[e + 1] - mesh_.edges[e]) / 2;
    for (std::size_t k = 0; k < tests; ++k) {
      const double r = results_[e * tests + k];
      loss += r * r;
      for (std::size_t i = 0; i < q; ++i) {
        rates_[e * q + i] += weight * r * slope_weights_[k * q + i];
        rates_[n + e * q + i] += weight * r * half * value_weights_[k * q + i];
      }
    }
  }
  residual_.add_functional(parameters, points_.data(), static_cast<std::ptrdiff_t>(n), rates_.data(),
                           workspace_, gradient);
  return weight * loss / 2;
}

}  // namespace starling::pinn
