#pragma once
#include <vector>

#include "starling/systems/students/network.h"

namespace starling::students {

/// Which second derivative: the loss's own, or its positive semidefinite part 2/N Σ JᵀJ.
enum class SecondOrder { exact, gauss_newton };

/// L = 1/N Σ_s |f(x_s) - y_s|², the mean over samples of the squared error summed over outputs; NO factor
/// 1/2.
///
/// With H = X Wᵀ + bias, S = σ(H), R = S A + c - Y, G = R Aᵀ, all sample by row:
///   ∂L/∂A = 2/N Sᵀ R    ∂L/∂c = 2/N Σ R    ∂L/∂W = 2/N (G ∘ S')ᵀ X    ∂L/∂bias = 2/N Σ G ∘ S'
/// Sums go by blocks of 256 samples, added in order: the bytes do not depend on the number of threads.
class SampleLoss {
 public:
  /// x (N, d), y (N, o). Error{usage} when the shapes do not fit `shape_of`, which gives n, the activation
  /// and, where they are fixed, the biases; Error{input} without samples.
  SampleLoss(Network shape_of, Biases biases, base::Points<double> x, base::Points<double> y);

  const Network& shape() const { return shape_; }
  Biases biases() const { return biases_; }
  const base::Points<double>& x() const { return x_; }
  const base::Points<double>& y() const { return y_; }
  base::Index parameter_count() const { return students::parameter_count(shape_, biases_); }
  Network network(const base::Vector<double>& parameters) const {
    return with_parameters(shape_, biases_, parameters);
  }

  double value(const base::Vector<double>& parameters) const;

  /// Value and gradient at a point, with what a second derivative needs: O(N (d + n + o)) numbers.
  class Point {
   public:
    double value() const { return value_; }
    const base::Vector<double>& gradient() const { return gradient_; }
    /// The second derivative times a direction, at the price of a gradient: Pearlmutter's R-operator (Neural
    /// Computation 6, 1994).
    base::Vector<double> times(const base::Vector<double>& direction,
                               SecondOrder order = SecondOrder::exact) const;
    /// All second derivatives, (P, P), P the number of parameters. With Z = (σ'_i x̃_p), x̃ = (x, 1), and
    /// S̃ = (S, 1):
    ///   (w_i, w_j)    2/N [a_i·a_j Σ σ'_i σ'_j x̃x̃ᵀ + δ_ij Σ G_i σ''_i x̃x̃ᵀ]
    ///   (w_i, a_jo)   2/N Σ σ'_i x̃ [a_io S̃_j + δ_ij R_o]
    ///   (a_jo, a_lq)  2/N δ_oq Σ S̃_j S̃_l
    Eigen::MatrixXd matrix() const;

   private:
    friend class SampleLoss;
    const SampleLoss* loss_ = nullptr;
    Network network_;
    double value_ = 0;
    base::Vector<double> gradient_;
    base::Points<double> s_, s1_, s2_;  // σ, σ', σ'' at the pre-activations, (N, n)
    base::Points<double> r_, g_;        // the residual (N, o) and G (N, n)
  };
  /// The point refers to this loss, which must outlive it.
  Point at(const base::Vector<double>& parameters) const;

 private:
  Network shape_;
  Biases biases_;
  base::Points<double> x_, y_;
};

/// The network with the outgoing weights (and c, where biases are free) that minimise L for its hidden
/// weights: a linear least-squares problem, solved by its normal equations without the directions whose
/// eigenvalue is below 1e-12 of the largest.
Network with_best_outgoing(const Network& network, Biases biases, const base::PointsRef<double>& x,
                           const base::PointsRef<double>& y);

/// 1/N Σ |y - mean of y|²: the loss of the best constant.
double variance_of(const base::PointsRef<double>& y);

}  // namespace starling::students
