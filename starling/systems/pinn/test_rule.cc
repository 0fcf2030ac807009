#include "starling/systems/pinn/test_rule.h"

#include <fmt/format.h>

#include <cmath>

#include "starling/base/error.h"
#include "starling/math/legendre.h"

namespace starling::pinn {
namespace {

using base::Error;
using base::ErrorKind;

constexpr int least_surplus = 12;

}  // namespace

int points_of_rule(int tests, int quadrature) {
  constexpr int usual_surplus = 40;
  return quadrature == 0 ? tests + usual_surplus : quadrature;
}

TestRule legendre_tests(int tests, int quadrature) {
  if (tests < 1 || tests > 1000)
    throw Error(ErrorKind::usage, fmt::format("tests: {}; expected 1 to 1000", tests));
  quadrature = points_of_rule(tests, quadrature);
  if (quadrature < tests + least_surplus) {
    throw Error(ErrorKind::usage,
                fmt::format("quadrature: {} points for {} tests; expected at least {}, since fewer can "
                            "make a residual vanish at the rule's own zeros",
                            quadrature, tests, tests + least_surplus));
  }
  math::GaussRule gauss = math::gauss_legendre(quadrature);
  TestRule rule{.tests = static_cast<std::size_t>(tests),
                .size = static_cast<std::size_t>(quadrature),
                .points = std::move(gauss.points),
                .weights = std::move(gauss.weights)};
  rule.slopes.resize(rule.tests * rule.size);
  rule.values.resize(rule.tests * rule.size);
  std::vector<double> p(rule.tests + 2);
  for (std::size_t i = 0; i < rule.size; ++i) {
    math::legendre_values(tests + 1, rule.points[i], p.data());
    for (std::size_t k = 1; k <= rule.tests; ++k) {
      // v_k' = (2k + 1) P_k in the reference element: the Jacobians of dx and of the slope cancel.
      rule.slopes[(k - 1) * rule.size + i] = rule.weights[i] * static_cast<double>(2 * k + 1) * p[k];
      rule.values[(k - 1) * rule.size + i] = rule.weights[i] * (p[k + 1] - p[k - 1]);
    }
  }
  return rule;
}

void check_edges(const std::vector<double>& edges, const char* what) {
  bool ascending = edges.size() >= 2;
  for (std::size_t i = 0; i < edges.size(); ++i)
    ascending = ascending && std::isfinite(edges[i]) && (i == 0 || edges[i - 1] < edges[i]);
  if (!ascending)
    throw Error(ErrorKind::usage, fmt::format("{}; expected at least two finite numbers, ascending", what));
}

}  // namespace starling::pinn
