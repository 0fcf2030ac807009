#pragma once
#include <span>
#include <string>
#include <vector>

#include "starling/optim/orthogonalize.h"

namespace starling::optim {

/// What a step is multiplied by, for a (rows, columns) matrix whose map has singular values near 1. rows are
/// outputs, as PyTorch lays out a weight; transpose what is laid out (in, out).
enum class ShapeScale {
  none,          ///< 1
  spectral,      ///< √max(1, rows/columns), K. Jordan's
  rms,           ///< 0.2 √max(rows, columns): the size of AdamW's steps (Moonlight, arXiv:2502.16982)
  operator_norm  ///< √(rows/columns): a radius in the RMS to RMS operator norm (Scion, arXiv:2502.07529)
};
double shape_factor(ShapeScale scale, base::Index rows, base::Index columns);
ShapeScale parse_shape_scale(const std::string& name);  ///< Error{usage} with the nearest name

/// How momentum takes the gradient; the two differ by the factor 1 - β, which an absolute epsilon feels.
enum class Momentum {
  average,  ///< M <- β M + (1 - β) g
  sum       ///< M <- β M + g
};

/// What follows the map.
enum class SecondMoment {
  none,
  rows,    ///< NorMuon (arXiv:2510.05491): each row over the root of a running mean of its square
  entries  ///< AdaMuon (arXiv:2507.11005): each entry likewise, of the map of sign(M)
};

struct MuonSpec {
  double momentum = 0.95;  ///< β in [0, 1)
  bool nesterov = true;    ///< map (1 - β) g + β M (or g + β M) instead of M
  Momentum convention = Momentum::average;
  /// e is half the root mean square singular value: real momenta are nearly of low rank, and a smaller e
  /// would blow rounding up to a step. Certified to 1e-3, which no training can tell from exact.
  OrthogonalizeSpec map{.epsilon = 0.5, .scale = EpsilonScale::relative, .tolerance = 1e-3};
  ShapeScale scale = ShapeScale::spectral;
  double decay = 0;  ///< decoupled, by the rate alone: W <- (1 - rate decay) W - rate scale O
  SecondMoment second = SecondMoment::none;
  double second_decay = 0.95;  ///< of the running mean, in [0, 1)
};

/// Muon on a batch of (rows, columns) matrices: momentum, a map of its singular values towards 1, a step.
/// Never casts; a step allocates nothing but where Orthogonalizer does; a gradient of 0 from rest is a step
/// of 0.
template <class T>
class Muon {
 public:
  /// Error{usage} for β outside [0, 1), a decay below 0, and what Orthogonalizer refuses.
  Muon(const MuonSpec& spec, base::Index rows, base::Index columns, base::Index batch = 1);

  /// Error{numerical} for a gradient with entries that are not finite, before anything has changed.
  void step(double rate, std::span<T> parameters, std::span<const T> gradient);

  /// All that a step depends on, to be saved and restored: momentum, then second moments.
  std::vector<std::span<T>> state();

 private:
  void take_direction(std::span<const T> gradient);
  void normalise();

  MuonSpec spec_;
  base::Index rows_, columns_, batch_;
  Orthogonalizer<T> map_;
  std::vector<T> momentum_, direction_, second_;
  T corrections_[1] = {0};  // Σ of second_decay's powers, for the bias of a young mean
};

extern template class Muon<float>;
extern template class Muon<double>;

/// The spectral maps' own names for well-known optimisers.
MuonSpec normuon();  ///< rows' second moments, scale rms
MuonSpec adamuon();  ///< entries' second moments, scale rms
MuonSpec scion();    ///< no Nesterov, momentum 0.9, scale operator_norm

}  // namespace starling::optim
