#pragma once
#include <Eigen/Core>
#include <optional>

#include "starling/systems/students/kernel.h"

namespace starling::students {

/// α, β, γ and a of the family w_i = α v_i + β Σ_{j<=n, j≠i} v_j + γ Σ_{j>n} v_j, a_i = a.
using CopyShape = Eigen::Vector4d;

/// The loss within the perturbed-copy family of n students and k orthonormal teachers with b = 1, at a cost
/// that does not depend on n and k, which may be any real numbers 1 <= n <= k:
///   L = a² n [κ(q, q, q) + (n - 1) κ(q, c, q)] - 2 a n [κ(q, α, 1) + (n - 1) κ(q, β, 1) + (k - n) κ(q, γ,
///   1)]
///       + k κ(1, 1, 1) + k (k - 1) κ(1, 0, 1),
///   q = α² + (n - 1) β² + (k - n) γ²,  c = 2 α β + (n - 2) β² + (k - n) γ².
class CopyFamily {
 public:
  CopyFamily(Activation activation, double n, double k);

  struct Local {
    double loss;
    Eigen::Vector4d gradient{};
    Eigen::Matrix4d hessian{};
  };
  Local at(const CopyShape& shape) const;

  /// The critical point that a Newton method with |H|, its steps at most a tenth, reaches from `start`; empty
  /// when it does not arrive or runs away.
  bool descend(CopyShape& shape) const;

  /// What holds nearly for n and k both large.
  CopyShape guess() const;

 private:
  Activation activation_;
  double n_, k_;
  double teacher_power_;
};

/// The critical point of the family, from the guess or else continued in n down from k - 1; empty where
/// neither arrives.
std::optional<CopyShape> critical_copy(Activation activation, double n, double k);

}  // namespace starling::students
