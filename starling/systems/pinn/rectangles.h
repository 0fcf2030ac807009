#pragma once
#include <cstddef>
#include <span>
#include <vector>

#include "starling/systems/pinn/residual.h"
#include "starling/systems/pinn/test_rule.h"
#include "starling/systems/pinn/weak_form.h"

namespace starling::pinn {

/// An element low_x < x < high_x, low_y < y < high_y.
struct Rectangle {
  double low_x = -1, high_x = 1, low_y = -1, high_y = 1;
};

/// The rectangles between edges along both axes but for those in `holes`, x before y. Error{usage} for a hole
/// that cuts one in two: its edges must be among the others.
std::vector<Rectangle> rectangles(const std::vector<double>& x_edges, const std::vector<double>& y_edges,
                                  const std::vector<Box>& holes = {});

/// Test functions v_j(x) v_k(y), j, k = 1..tests, of test_rule.h on every element, zero on its edges.
struct RectangleMesh {
  std::vector<Rectangle> elements{{}};
  int tests = 1;       ///< along an axis
  int quadrature = 0;  ///< Gauss points along an axis, at least tests + 12; 0 picks tests + 40
};

/// Variational residuals of a network on rectangles in the plane. Sums are taken axis after axis, so that an
/// element costs tests · q² + tests² · q and not tests² · q² operations.
class RectangleResidual {
 public:
  /// Error{usage} unless the system has two axes, for empty elements and a rule too coarse for its tests.
  RectangleResidual(const System& system, const WeakForm& form, const nets::JetNetwork& network,
                    const RectangleMesh& mesh);

  std::ptrdiff_t count() const {
    return static_cast<std::ptrdiff_t>(mesh_.elements.size() * rule_.tests * rule_.tests);
  }
  /// Gauss points (n, 2), element after element, x before y.
  const std::vector<double>& points() const { return points_; }

  /// Values of a source that are not written as an equation, one a point, added to the root's. Error{usage}
  /// for another number of them.
  void set_extra_source(std::vector<double> values);

  /// out[(element · tests + j - 1) · tests + k - 1].
  void values(std::span<const double> parameters, std::span<double> out);
  /// ½ weight Σ R²; adds its gradient.
  double add_gradient(std::span<const double> parameters, double weight, std::span<double> gradient);
  /// jacobian[p · stride + row] = factor ∂R_row/∂θ_p, rows in the order of `values`.
  void jacobian(std::span<const double> parameters, double factor, double* jacobian, std::ptrdiff_t stride);

 private:
  RectangleMesh mesh_;
  TestRule rule_;
  Residual<double> residual_;
  Residual<double>::Workspace workspace_;
  std::vector<double> points_, extra_, values_, rates_, results_;
  std::vector<double> folded_;  // [test along y][point along x] of one element
};

/// The largest change of a residual when every element gets twice the Gauss points: what the rule leaves.
double quadrature_error(const System& system, const WeakForm& form, const nets::JetNetwork& network,
                        const RectangleMesh& mesh, std::span<const double> parameters);

}  // namespace starling::pinn
