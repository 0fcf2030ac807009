#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

namespace starling::pinn {

/// Test functions v_k = P_{k+1} - P_{k-1}, k = 1..tests, on [-1, 1], zero at both ends, and a Gauss rule that
/// sees them: ∫ g v_k' = Σ_i slopes[(k - 1) q + i] g(points[i]), ∫ g v_k = Σ_i values[(k - 1) q + i] g(...).
/// On an interval of half length h the integral of g v_k' is the same sum, that of g v_k is h times it.
struct TestRule {
  std::size_t tests = 0, size = 0;  ///< size: q
  std::vector<double> points{}, weights{};
  std::vector<double> slopes{}, values{};  ///< [test][point], with the rule's weights
};

/// The rule of `quadrature` points, 0 for tests + 40. With as many points as the degree of a test function,
/// every point is a zero of its slope and the first integral is 0 whatever g: Error{usage} below tests + 12,
/// and unless there are 1 to 1000 tests.
TestRule legendre_tests(int tests, int quadrature);

/// The points that legendre_tests picks.
int points_of_rule(int tests, int quadrature);

/// The largest difference of the residuals of two variational residuals of the same tests.
template <class Residuals>
double largest_change(Residuals& coarse, Residuals& fine, std::span<const double> parameters) {
  std::vector<double> before(static_cast<std::size_t>(coarse.count())), after(before.size());
  coarse.values(parameters, before);
  fine.values(parameters, after);
  double most = 0;
  for (std::size_t i = 0; i < before.size(); ++i) most = std::max(most, std::abs(before[i] - after[i]));
  return most;
}

/// Error{usage} unless there are two edges or more, ascending; `what` names them.
void check_edges(const std::vector<double>& edges, const char* what);

}  // namespace starling::pinn
