#pragma once
#include <vector>

#include "starling/math/spectral_map.h"
#include "starling/systems/muon/objective.h"

namespace starling::muon {

/// Two mean-field readings of "Muon".
enum class Reading {
  particles,  ///< each particle is a matrix and is mapped by itself ("Move on Muon")
  stacked  ///< particles are rows, and the map acts on all of them at once through S = ∫ P Pᵀ dρ (G. Peyré,
           ///< arXiv:2604.04891; its regularised inertial form is a reconstruction)
};

/// What the momenta carry and how fast they move the particles. Of `particles`, K = ∫ Ψ(P) dρ with Ψ the sum
/// of the blocks' potentials and velocity ∇Ψ(P); hyperbolic blocks with one or two rows or columns by their
/// closed form, the others by the singular value decomposition. Of `stacked`, K = tr((S + e² I)^½ - e I) and
/// velocity (S + e² I)^(-½) P, with particles of one block of one row.
class Kinetic {
 public:
  /// One epsilon for all blocks or one each, in the units of P. Error{usage} for an epsilon that is not
  /// positive and finite, another number of them, or `stacked` with other blocks or another smoothing.
  Kinetic(std::vector<Block> blocks, std::vector<double> epsilons, Reading reading = Reading::particles,
          math::Smoothing smoothing = math::Smoothing::hyperbolic);

  /// Velocities ∇Ψ(P_i), (N, size), to `out`, which is not `p`.
  void velocity(const Cloud& p, const base::Vector<double>& weights, Cloud& out) const;
  double energy(const Cloud& p, const base::Vector<double>& weights) const;
  /// Ψ of each particle (N); of `particles` alone.
  base::Vector<double> energies(const Cloud& p) const;

  Reading reading() const { return reading_; }
  const std::vector<Block>& blocks() const { return blocks_; }
  double epsilon(std::size_t block) const { return epsilons_[block]; }

 private:
  std::vector<Block> blocks_;
  std::vector<double> epsilons_;
  Reading reading_;
  math::Smoothing smoothing_;
};

}  // namespace starling::muon
