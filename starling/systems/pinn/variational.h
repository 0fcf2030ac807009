#pragma once
#include <cstddef>
#include <span>
#include <vector>

#include "starling/systems/pinn/residual.h"
#include "starling/systems/pinn/test_rule.h"

namespace starling::pinn {

/// Test functions on the elements between `edges`, those of test_rule.h mapped to each: zero at both ends, so
/// no jump terms arise between elements.
struct TestMesh {
  std::vector<double> edges{-1, 1};  ///< ascending
  int tests = 1;
  int quadrature = 0;  ///< Gauss points of an element, at least tests + 12; 0 picks tests + 40
};

/// Variational residuals R_k = ∫ flux v_k' + ∫ source v_k of a network on an interval, for two roots of a
/// system's graph. Integrating by parts moves one order off the unknown: -u'' = f has the flux u_x and the
/// source -f. Error{usage} for a rule too coarse for its tests.
class VariationalResidual {
 public:
  VariationalResidual(const System& system, int flux, int source, const nets::JetNetwork& network,
                      const TestMesh& mesh);

  std::ptrdiff_t count() const { return static_cast<std::ptrdiff_t>((edges_.size() - 1) * rule_.tests); }
  const std::vector<double>& points() const { return points_; }  ///< all Gauss points, element after element
  /// Values of a source that are not written as an equation, one a point, added to the root's.
  void set_extra_source(std::vector<double> values);

  /// out[element · tests + k - 1].
  void values(std::span<const double> parameters, std::span<double> out);
  /// ½ weight Σ R_k²; adds its gradient.
  double add_gradient(std::span<const double> parameters, double weight, std::span<double> gradient);
  /// jacobian[p · stride + row] = factor ∂R_row/∂θ_p, rows in the order of `values`.
  void jacobian(std::span<const double> parameters, double factor, double* jacobian, std::ptrdiff_t stride);

 private:
  std::vector<double> edges_;
  TestRule rule_;
  Residual<double> residual_;
  Residual<double>::Workspace workspace_;
  std::vector<double> points_, extra_, values_, rates_, results_;
};

}  // namespace starling::pinn
