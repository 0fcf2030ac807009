#pragma once
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "starling/kernels/lane_spectral.h"
#include "starling/kernels/small_shape.h"
#include "starling/math/minimax_polynomial.h"

namespace starling::kernels {

/// Whether these kernels are the faster way: at most 64 rows or columns, and 16,384 entries.
bool is_small(SmallShape shape);

/// What one thread works in. Many matrices go one in every lane, few each by itself with its rows padded to
/// whole vectors: to rounding the same.
template <class T>
class SmallWorkspace {
 public:
  /// `batch`: how many matrices there are in all, over all threads.
  explicit SmallWorkspace(SmallShape shape, std::ptrdiff_t batch = 1);

 private:
  template <class>
  friend struct SmallParts;
  template <class U>
  friend void regularise_small(std::ptrdiff_t, const U*, const U*, const math::MinimaxTable&, U*, U*,
                               SmallWorkspace<U>&);
  template <class U>
  friend void newton_schulz_small(std::ptrdiff_t, const U*, double, double, std::span<const math::OddQuintic>,
                                  U*, bool*, SmallWorkspace<U>&);
  SmallShape shape_;
  std::vector<T> numbers_;
  std::optional<LaneWorkspace<T>> lanes_;
};

/// Regularised maps of `count` matrices, M (MᵀM + e² I)^(-1/2), e[i] of each. lower[i]: the lower bound l of
/// the relative singular values that certifies matrix i (see regularise()), 0 where the table does not reach
/// it or an entry is not finite: that matrix's `out` is left alone. `out` may be `in`.
template <class T>
void regularise_small(std::ptrdiff_t count, const T* in, const T* epsilon, const math::MinimaxTable& table,
                      T* out, T* lower, SmallWorkspace<T>& workspace);

/// Newton-Schulz steps from M / (safety |M|_F + cushion). finite[i]: whether all entries of matrix i are,
/// else its `out` is left alone.
template <class T>
void newton_schulz_small(std::ptrdiff_t count, const T* in, double safety, double cushion,
                         std::span<const math::OddQuintic> steps, T* out, bool* finite,
                         SmallWorkspace<T>& workspace);

}  // namespace starling::kernels
