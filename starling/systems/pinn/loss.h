#pragma once
#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "starling/systems/pinn/residual.h"
#include "starling/systems/pinn/weak_residual.h"

namespace starling::pinn {

/// Some residuals at some points, and how much they count.
struct LossTerm {
  std::vector<int> roots{};             ///< nodes of the system's graph
  std::vector<double> points{};         ///< (n, axes), row-major
  double weight = 1;                    ///< w of w/2n Σ r²
  std::vector<double> point_weights{};  ///< n numbers in place of 1/n, or none
  /// Equations against test functions in place of the roots at points, which then are the Gauss points: their
  /// residuals R count as r does, n the tests of one. Without point_weights and targets.
  std::vector<WeakForm> weak{};
  WeakMesh mesh{};                ///< of those
  std::vector<double> targets{};  ///< what the residuals are to be, root after root; 0 when there are none
};

/// The loss of a network, Σ_terms w/2n Σ_points Σ_roots r², as one stacked vector of residuals √(w/n) r.
class Loss {
 public:
  /// Error{usage} when the network does not fit the system, or points are not rows of its axes.
  Loss(const System& system, const nets::JetNetwork& network, std::vector<LossTerm> terms);

  std::ptrdiff_t parameter_count() const { return parameters_; }
  std::ptrdiff_t residual_count() const;
  const LossTerm& term(std::size_t number) const { return parts_[number]->term; }

  /// Other points for a term, as many weights or none.
  void set_points(std::size_t number, std::vector<double> points, std::vector<double> point_weights = {});

  /// Other weights of a term's points, as `LossTerm` has them, or another weight of the whole term.
  void set_point_weights(std::size_t number, std::vector<double> point_weights);
  void set_weight(std::size_t number, double weight) { parts_[number]->term.weight = weight; }
  std::size_t term_count() const { return parts_.size(); }

  /// The gradient of one term as if its weight were 1, which is overwritten.
  void term_gradient(std::size_t number, std::span<const double> parameters, std::span<double> gradient);
  /// The mean of |∂r/∂θ|² over a term's residuals: the mean diagonal of its tangent kernel.
  double kernel_diagonal(std::size_t number, std::span<const double> parameters);

  /// The loss and its gradient, which is overwritten.
  double gradient(std::span<const double> parameters, std::span<double> gradient);
  /// The terms of the last gradient.
  double part(std::size_t number) const { return parts_[number]->value; }
  /// Residuals of one term at its points, without weights: root after root.
  std::vector<double> residuals(std::size_t number, std::span<const double> parameters);
  /// The stacked vector (residual_count).
  void stacked(std::span<const double> parameters, std::span<double> residual);
  /// The stacked vector and its derivatives, jacobian[p · residual_count + row].
  void jacobian(std::span<const double> parameters, std::span<double> residual, std::span<double> jacobian);

 private:
  struct Part {
    Part(LossTerm asked, Residual<double> own) : term(std::move(asked)), residual(std::move(own)) {}
    LossTerm term;
    Residual<double> residual;
    Residual<double>::Workspace workspace{};
    std::vector<WeakResidual> weak{};
    double value = 0;
    std::ptrdiff_t points = 0;
    std::ptrdiff_t rows() const;  // of the stacked vector
  };
  static double add_gradient(Part& part, std::span<const double> parameters, double weight,
                             std::span<double> gradient);
  static void stack(Part& part, std::span<const double> parameters, double* out);
  void count_points(Part& part) const;
  static const double* targets_of(const Part& part);

  std::ptrdiff_t axes_, parameters_ = 0;
  std::vector<std::unique_ptr<Part>> parts_;
};

/// The inputs that make a network periodic along the periodic axes of a system, of the length of its domain:
/// the cosines and sines of the first `waves` multiples; the other axes as they are. Empty when no axis is
/// periodic. Error{usage} for a periodic axis without a domain.
std::vector<nets::JetFeature> periodic_features(const System& system, int waves = 1);

/// Parameters of a network to start from: weights uniform in ±√(6 / (inputs + outputs)) (Glorot), biases 0,
/// then the starts of the learned coefficients.
std::vector<double> initial_parameters(const System& system, const nets::JetNetwork& network,
                                       std::uint64_t seed);

}  // namespace starling::pinn
