#pragma once
#include <memory>
#include <vector>

#include "starling/base/matrix.h"

namespace starling::muon {

/// The matrices that make up a particle; row-major, one after another, they are its numbers.
struct Block {
  base::Index rows = 0, columns = 0;
  base::Index size() const { return rows * columns; }
};

/// Particles, one a row: (N, numbers of a particle).
using Cloud = base::Points<double>;

/// J(ρ) = R(∫ F dρ), ρ = Σ_i weight_i δ(W_i).
class Objective {
 public:
  virtual ~Objective() = default;

  virtual const std::vector<Block>& blocks() const = 0;
  /// J, and unless null the forces g_i = ∇_W (δJ/δρ)(W_i) = DF(W_i)* R'(∫ F dρ), the gradient of J by W_i
  /// over weight_i. `weights` (N) sum to 1.
  virtual double value(const Cloud& w, const base::Vector<double>& weights, Cloud* forces) const = 0;

  base::Index particle_size() const;
};

base::Vector<double> equal_weights(base::Index n);

/// F_j(W) = readout · tanh(W x_j) for W (m, d); J = 1/2n Σ_j (∫ F_j dρ - y_j)², WITH the factor 1/2. m = 1
/// and readout = 1 is the usual two-layer network of neurons. x (n, d), y (n), readout (m). Error{input} for
/// shapes that do not fit, no samples, or numbers that are not finite.
std::unique_ptr<Objective> two_layer_objective(base::Points<double> x, base::Vector<double> y,
                                               base::Vector<double> readout);

/// F(W) = W: J = ½ |∫ W dρ - target|²_F. Every particle feels the same force.
std::unique_ptr<Objective> mean_matrix_objective(base::Points<double> target);

/// F(W) = W: J = ½ |left (∫ W dρ - target) right|²_F, left and right diagonal: matrix least squares with the
/// condition number that they have. left (m), right (d).
std::unique_ptr<Objective> least_squares_objective(base::Vector<double> left, base::Points<double> target,
                                                   base::Vector<double> right);

}  // namespace starling::muon
