#pragma once
#include <cstddef>
#include <span>
#include <vector>

#include "starling/systems/pinn/residual.h"

namespace starling::pinn {

/// Test functions on the elements between `edges`: on each, mapped to [-1, 1], v_k = P_{k+1} - P_{k-1} for
/// k = 1..tests, zero at both ends, so no jump terms arise between elements.
struct TestMesh {
  std::vector<double> edges{-1, 1};  ///< ascending
  int tests = 1;
  int quadrature = 0;  ///< Gauss points of an element, at least tests + 12; 0 picks tests + 40
};

/// Variational residuals R_k = ∫ flux v_k' + ∫ source v_k of a network on an interval, for two roots of a
/// system's graph. Integrating by parts moves one order off the unknown: -u'' = f has the flux u_x and the
/// source -f.
///
/// With as many Gauss points as the degree of a test function, every point is a zero of its derivative and
/// the first integral is 0 whatever the network: fewer than tests + 12 points are refused with Error{usage}.
class VariationalResidual {
 public:
  VariationalResidual(const System& system, int flux, int source, const nets::JetNetwork& network,
                      const TestMesh& mesh);

  std::ptrdiff_t count() const { return static_cast<std::ptrdiff_t>(mesh_.edges.size() - 1) * mesh_.tests; }
  const std::vector<double>& points() const { return points_; }  ///< all Gauss points, element after element
  /// Values of a source that are not written as an equation, one a point, added to the root's.
  void set_extra_source(std::vector<double> values);

  /// out[element · tests + k - 1].
  void values(std::span<const double> parameters, std::span<double> out);
  /// ½ weight Σ R_k²; adds its gradient.
  double add_gradient(std::span<const double> parameters, double weight, std::span<double> gradient);

 private:
  TestMesh mesh_;
  Residual<double> residual_;
  Residual<double>::Workspace workspace_;
  std::vector<double> points_, extra_, values_, rates_, results_;
  std::vector<double> slope_weights_, value_weights_;  // [test][point of an element], with the rule's weights
};

}  // namespace starling::pinn
