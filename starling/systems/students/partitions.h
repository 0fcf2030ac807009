#pragma once
#include <optional>
#include <span>

#include "starling/systems/students/landscape.h"

namespace starling::students {

/// The teacher of this file: k orthonormal neurons v_j = e_j in d >= k dimensions, b = 1; else Error{usage}.
Neurons orthonormal_teacher(base::Index k, base::Index d);

/// Students that each stand for the average of a group of teachers.
struct CopyAverage {
  Neurons student;
  double loss = 0;                   ///< E[(f - f*)²]
  base::Index index = 0;             ///< negative eigenvalues of the Hessian, below -1e-8 times the largest
  base::Vector<double> eigenvalues;  ///< of the Hessian in w and a, ascending: (n (d + 1))
};

/// Teachers in consecutive groups of the given sizes m_i, one student a group:
///   w_i = r_i m_i^{-1/2} Σ_{j in G_i} v_j with r, a of one_neuron(m_i);  erf: r = (2m - 1)^{-1/2}, a = m,
///   L = Σ_i L*(m_i), L*(m) = (2/π)(m π/6 - m² asin(1/2m))                      arXiv:2311.01644
/// A critical point for erf, sin, linear and cubic, whose orthogonal neurons do not interact; near one for
/// the others. Error{usage} for an empty list, a size below 1, d below their sum, or an activation without a
/// finite neuron.
CopyAverage copy_average(std::span<const base::Index> groups, base::Index d, Activation activation);

/// n students, each near one teacher, all alike: w_i = α v_i + β Σ_{j<=n, j≠i} v_j + γ Σ_{j>n} v_j, a_i = a.
struct PerturbedCopy {
  double alpha = 0, beta = 0, gamma = 0, a = 0;
  double loss = 0;        ///< E[(f - f*)²]
  base::Index index = 0;  ///< negative eigenvalues of the full Hessian
  double lambda_min = 0;  ///< its smallest eigenvalue
  Neurons student;
};

/// The critical point of the loss within that four-number family, by Newton's method: critical in the full
/// space too, as the family is what S_n x S_(k-n) leaves fixed (Palais' principle). 1 <= n <= k <= d, else
/// Error{usage}; Error{numerical} where no critical point is reached: for few students
/// of a ReLU-like activation (GELU, SiLU) the loss only falls as the weights grow.
PerturbedCopy perturbed_copy(base::Index n, base::Index k, base::Index d, Activation activation);

/// The same without the student, at a cost that does not depend on n and k.
PerturbedCopy perturbed_copy_numbers(base::Index n, base::Index k, base::Index d, Activation activation);

/// The index of the erf copy average (1, ..., 1, k - n + 1), at a cost that does not depend on n and k.
base::Index best_copy_average_index(base::Index n, base::Index k, base::Index d);

/// Where, as the number n < k of erf students grows, the landscape changes; empty where it never does. d = k.
struct Thresholds {
  std::optional<base::Index> pc_minimum_from;   ///< from here to k - 1 the perturbed copy is a minimum
  std::optional<base::Index> pc_below_ca_from;  ///< from here to k - 1 its loss is below the copy average's
  std::optional<base::Index>
      ca_saddle_from;  ///< the first n whose copy average (1, ..., 1, k - n + 1) is a saddle
};

/// Every n is looked at for k < 200; for more teachers every (k/100)-th, and the change between two of them
/// is found by halving. k >= 1, else Error{usage}.
Thresholds thresholds(base::Index k);

}  // namespace starling::students
