#pragma once
#include "starling/base/matrix.h"
#include "starling/systems/students/kernel.h"

namespace starling::students {

/// The best single neuron along the mean of the teachers: w = (r / √k) Σ_j v_j.
struct OneNeuron {
  double r = 0;     ///< |w|; infinite (or 0) where the loss only falls towards that limit
  double a = 0;     ///< its outgoing weight
  double loss = 0;  ///< E[(f - f*)²]; the infimum where it is not attained
  bool finite = false;
};

/// One student against k >= 1 orthonormal teachers with b = 1. For fixed r the best a is C/κ(r², r², r²) with
/// C(r) = k κ(r², r/√k, 1), which leaves the profile
///   L(r) = k κ(1, 1, 1) + k (k - 1) κ(1, 0, 1) - C(r)² / κ(r², r², r²)
/// to be minimised over r; for a broad class of σ every non-trivial critical point has this direction
/// (arXiv:2311.01644). Only a r^p matters to a homogeneous activation (relu, linear, quadratic, cubic): r = 1
/// is then returned. erf: r = 1/√(2k - 1), a = k. GELU has no finite minimum for k >= 2: it runs away to a
/// ReLU.
OneNeuron one_neuron(base::Index k, Activation activation);

}  // namespace starling::students
