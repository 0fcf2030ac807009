#include "starling/systems/pinn/rectangles.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "starling/base/error.h"
#include "starling/base/matrix.h"

namespace starling::pinn {
namespace {

using base::Error;
using base::ErrorKind;

// One of the three integrals over an element: the test functions' tables along both axes and the factor that
// the map from the reference element leaves.
struct Part {
  const std::vector<double>& along_x;
  const std::vector<double>& along_y;
  double factor;
};

std::array<Part, 3> parts_of(const TestRule& rule, const Rectangle& element) {
  const double half_x = (element.high_x - element.low_x) / 2, half_y = (element.high_y - element.low_y) / 2;
  return {{{rule.slopes, rule.values, half_y},
           {rule.values, rule.slopes, half_x},
           {rule.values, rule.values, half_x * half_y}}};
}

bool lies_in(const Rectangle& element, const Box& hole) {
  return hole.low[0] <= element.low_x && element.high_x <= hole.high[0] && hole.low[1] <= element.low_y &&
         element.high_y <= hole.high[1];
}

bool overlaps(const Rectangle& element, const Box& hole) {
  return hole.low[0] < element.high_x && element.low_x < hole.high[0] && hole.low[1] < element.high_y &&
         element.low_y < hole.high[1];
}

}  // namespace

std::vector<Rectangle> rectangles(const std::vector<double>& x_edges, const std::vector<double>& y_edges,
                                  const std::vector<Box>& holes) {
  check_edges(x_edges, "edges along the first axis");
  check_edges(y_edges, "edges along the second axis");
  for (const Box& hole : holes) {
    if (hole.low.size() != 2 || hole.high.size() != 2)
      throw Error(ErrorKind::usage, fmt::format("a hole of {} axes; expected two", hole.low.size()));
  }
  std::vector<Rectangle> found;
  for (std::size_t i = 0; i + 1 < x_edges.size(); ++i) {
    for (std::size_t j = 0; j + 1 < y_edges.size(); ++j) {
      const Rectangle element{x_edges[i], x_edges[i + 1], y_edges[j], y_edges[j + 1]};
      const auto in = [&](const Box& hole) { return lies_in(element, hole); };
      if (std::any_of(holes.begin(), holes.end(), in)) continue;
      if (std::any_of(holes.begin(), holes.end(), [&](const Box& hole) { return overlaps(element, hole); })) {
        throw Error(
            ErrorKind::usage,
            fmt::format("the element {}..{}, {}..{} lies partly in a hole; give the hole's ends as edges",
                        element.low_x, element.high_x, element.low_y, element.high_y));
      }
      found.push_back(element);
    }
  }
  return found;
}

RectangleResidual::RectangleResidual(const System& system, const WeakForm& form,
                                     const nets::JetNetwork& network, const RectangleMesh& mesh)
    : mesh_(mesh),
      rule_(legendre_tests(mesh.tests, mesh.quadrature)),
      residual_(system, {form.x, form.y, form.source}, network) {
  if (system.axes.size() != 2)
    throw Error(ErrorKind::usage,
                fmt::format("tests on rectangles for {} axes; expected two", system.axes.size()));
  if (mesh_.elements.empty()) throw Error(ErrorKind::usage, "elements: none; expected at least one");
  for (const Rectangle& element : mesh_.elements) {
    check_edges({element.low_x, element.high_x}, "an element's ends along the first axis");
    check_edges({element.low_y, element.high_y}, "an element's ends along the second axis");
    const double middle_x = (element.low_x + element.high_x) / 2, half_x = element.high_x - middle_x,
                 middle_y = (element.low_y + element.high_y) / 2, half_y = element.high_y - middle_y;
    for (const double x : rule_.points) {
      for (const double y : rule_.points)
        points_.insert(points_.end(), {middle_x + half_x * x, middle_y + half_y * y});
    }
  }
  values_.resize(3 * points_.size() / 2);
  rates_.resize(values_.size());
  results_.resize(static_cast<std::size_t>(count()));
  folded_.resize(rule_.tests * rule_.size);
}

void RectangleResidual::set_extra_source(std::vector<double> values) {
  if (values.size() != points_.size() / 2)
    throw Error(ErrorKind::usage,
                fmt::format("source: {} values for {} points", values.size(), points_.size() / 2));
  extra_ = std::move(values);
}

void RectangleResidual::values(std::span<const double> parameters, std::span<double> out) {
  const std::size_t n = points_.size() / 2, q = rule_.size, tests = rule_.tests;
  residual_.values(parameters, points_.data(), static_cast<std::ptrdiff_t>(n), workspace_, values_.data());
  for (std::size_t i = 0; i < extra_.size(); ++i) values_[2 * n + i] += extra_[i];
  for (std::size_t e = 0; e < mesh_.elements.size(); ++e) {
    double* results = out.data() + e * tests * tests;
    std::fill_n(results, tests * tests, 0.0);
    std::size_t number = 0;
    for (const Part& part : parts_of(rule_, mesh_.elements[e])) {
      const double* integrand = values_.data() + number++ * n + e * q * q;
      for (std::size_t k = 0; k < tests; ++k) {
        for (std::size_t a = 0; a < q; ++a) {
          double sum = 0;
          for (std::size_t b = 0; b < q; ++b) sum += part.along_y[k * q + b] * integrand[a * q + b];
          folded_[k * q + a] = sum;
        }
      }
      for (std::size_t j = 0; j < tests; ++j) {
        for (std::size_t k = 0; k < tests; ++k) {
          double sum = 0;
          for (std::size_t a = 0; a < q; ++a) sum += part.along_x[j * q + a] * folded_[k * q + a];
          results[j * tests + k] += part.factor * sum;
        }
      }
    }
  }
}

// The sums of `values`, turned round: from residuals to the rates of the integrands.
double RectangleResidual::add_gradient(std::span<const double> parameters, double weight,
                                       std::span<double> gradient) {
  values(parameters, results_);
  const std::size_t n = points_.size() / 2, q = rule_.size, tests = rule_.tests;
  std::fill(rates_.begin(), rates_.end(), 0.0);
  for (std::size_t e = 0; e < mesh_.elements.size(); ++e) {
    const double* results = results_.data() + e * tests * tests;
    std::size_t number = 0;
    for (const Part& part : parts_of(rule_, mesh_.elements[e])) {
      double* rates = rates_.data() + number++ * n + e * q * q;
      for (std::size_t k = 0; k < tests; ++k) {
        for (std::size_t a = 0; a < q; ++a) {
          double sum = 0;
          for (std::size_t j = 0; j < tests; ++j) sum += part.along_x[j * q + a] * results[j * tests + k];
          const double rate = weight * part.factor * sum;
          for (std::size_t b = 0; b < q; ++b) rates[a * q + b] += rate * part.along_y[k * q + b];
        }
      }
    }
  }
  residual_.add_functional(parameters, points_.data(), static_cast<std::ptrdiff_t>(n), rates_.data(),
                           workspace_, gradient);
  double loss = 0;
  for (const double r : results_) loss += r * r;
  return weight * loss / 2;
}

void RectangleResidual::jacobian(std::span<const double> parameters, double factor, double* jacobian,
                                 std::ptrdiff_t stride) {
  using Rows = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const auto q = static_cast<base::Index>(rule_.size), tests = static_cast<base::Index>(rule_.tests),
             n = q * q, size = static_cast<base::Index>(parameters.size());
  Rows at_points(size, 3 * n), sums(tests * tests, 3 * n);
  std::vector<double> unused(static_cast<std::size_t>(3 * n));
  for (std::size_t e = 0; e < mesh_.elements.size(); ++e) {
    const auto element = static_cast<base::Index>(e);
    residual_.jacobian(parameters, points_.data() + element * n * 2, n, nullptr, static_cast<double>(n),
                       workspace_, unused.data(), at_points.data(), 3 * n);
    base::Index number = 0;
    for (const Part& part : parts_of(rule_, mesh_.elements[e])) {
      const Eigen::Map<const Rows> x(part.along_x.data(), tests, q), y(part.along_y.data(), tests, q);
      for (base::Index j = 0; j < tests; ++j) {
        for (base::Index a = 0; a < q; ++a)
          sums.block(j * tests, number * n + a * q, tests, q) = factor * part.factor * x(j, a) * y;
      }
      ++number;
    }
    Eigen::Map<Rows, 0, Eigen::OuterStride<>>(jacobian + element * tests * tests, size, tests * tests,
                                              Eigen::OuterStride<>(stride))
        .noalias() = at_points * sums.transpose();
  }
}

double quadrature_error(const System& system, const WeakForm& form, const nets::JetNetwork& network,
                        const RectangleMesh& mesh, std::span<const double> parameters) {
  RectangleMesh finer = mesh;
  finer.quadrature = 2 * points_of_rule(mesh.tests, mesh.quadrature);
  RectangleResidual coarse(system, form, network, mesh), fine(system, form, network, finer);
  return largest_change(coarse, fine, parameters);
}

}  // namespace starling::pinn
