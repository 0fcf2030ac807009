#pragma once
#include <memory>
#include <string>

#include "starling/base/matrix.h"
#include "starling/math/spectral_map.h"

namespace starling::optim {

/// Maps of the singular values of a matrix towards 1.
enum class Orthogonalization {
  regularized,  ///< f(s) = s/√(s² + e²), to a certified error; or another smoothing
  polar,        ///< U Vᵀ by the singular value decomposition; rounding's directions go to 0
  jordan,       ///< tables of Newton-Schulz, see newton_schulz.h
  polar_express,
  nanochat,
  you,
  cans,
  gram,  ///< Polar Express on the Gram matrix, with a restart after two steps (Dao-AILab's
         ///< gram-newton-schulz)
  aol    ///< rows scaled by their almost orthogonal layer bound, then Polar Express without its first step
         ///< (Turbo-Muon, arXiv:2512.04632): preconditioned, so its limit is NOT the polar factor of M
};

/// What `epsilon` is measured in.
enum class EpsilonScale {
  absolute,  ///< the units of M: the map is the gradient of a potential
  relative  ///< |M|_F / √min(m, n), the root mean square of the singular values: free of units, no gradient
};

struct OrthogonalizeSpec {
  Orthogonalization method = Orthogonalization::regularized;
  double epsilon = 0.1;  ///< > 0; of `regularized` alone
  EpsilonScale scale = EpsilonScale::absolute;
  math::Smoothing smoothing = math::Smoothing::hyperbolic;  ///< others go by the decomposition
  int steps = 0;         ///< 0: for `regularized` as many as the tolerance asks for, else the method's own
  double tolerance = 0;  ///< wanted spectral error of `regularized`; 0: 1e-5 in float, 1e-12 in double
};

Orthogonalization parse_orthogonalization(const std::string& name);  ///< Error{usage} with the nearest name

/// Orthogonalises batches of (rows, columns) matrices of one shape, each transposed inside where that is
/// cheaper, in parallel over the batch. It owns what it works in: a call allocates nothing, but for a matrix
/// that the fast way cannot serve (below). The same bytes for any number of threads.
///
/// `regularized` goes by minimax quintics for the lower bound l = e/c that e itself provides, c an upper
/// bound of √(s_max² + e²) (regularise() in kernels/spectral_iteration.h). Squaring costs digits, about
/// 2u/l²: where that exceeds the tolerance float goes on in double, and double by the singular value
/// decomposition.
template <class T>
class Orthogonalizer {
 public:
  /// Error{usage} for a negative extent, epsilon <= 0, or more steps than the method has.
  Orthogonalizer(const OrthogonalizeSpec& spec, base::Index rows, base::Index columns, base::Index batch = 1);
  ~Orthogonalizer();
  Orthogonalizer(Orthogonalizer&&) noexcept;
  Orthogonalizer& operator=(Orthogonalizer&&) noexcept;

  /// Contiguous (batch, rows, columns); `out` may be `in`. Returns a bound of the largest spectral error of
  /// `regularized` (its schedule's certified error and the estimate of rounding), 0 for the other methods.
  /// Error{numerical} for entries that are not finite, with the matrix; other matrices may be done by then.
  double operator()(const T* in, T* out);

 private:
  class Plan;
  std::unique_ptr<Plan> plan_;
};

extern template class Orthogonalizer<float>;
extern template class Orthogonalizer<double>;

}  // namespace starling::optim
