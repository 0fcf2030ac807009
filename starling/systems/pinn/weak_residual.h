#pragma once
#include <memory>
#include <span>
#include <variant>
#include <vector>

#include "starling/systems/pinn/rectangles.h"
#include "starling/systems/pinn/variational.h"

namespace starling::pinn {

/// Elements between edges along each axis of a system, and the tests and Gauss points of each along an axis.
struct WeakMesh {
  std::vector<std::vector<double>> edges{};
  int tests = 1;
  int quadrature = 0;  ///< as TestMesh has it
};

/// The residuals of a weak form on an interval or in the plane less its holes; see variational.h and
/// rectangles.h, whose errors these are.
class WeakResidual {
 public:
  WeakResidual(const System& system, const WeakForm& form, const nets::JetNetwork& network,
               const WeakMesh& mesh);

  std::ptrdiff_t count() const;
  const std::vector<double>& points() const;  ///< all Gauss points (n, axes)
  void values(std::span<const double> parameters, std::span<double> out);
  /// ½ weight Σ R²; adds its gradient.
  double add_gradient(std::span<const double> parameters, double weight, std::span<double> gradient);
  /// jacobian[p · stride + row] = factor ∂R_row/∂θ_p.
  void jacobian(std::span<const double> parameters, double factor, double* jacobian, std::ptrdiff_t stride);

 private:
  std::variant<std::unique_ptr<VariationalResidual>, std::unique_ptr<RectangleResidual>> own_;
};

/// The largest change of a residual when every element gets twice the Gauss points: what the rule leaves.
double quadrature_error(const System& system, const WeakForm& form, const nets::JetNetwork& network,
                        const WeakMesh& mesh, std::span<const double> parameters);

}  // namespace starling::pinn
