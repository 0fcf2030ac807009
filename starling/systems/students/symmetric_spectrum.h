#pragma once
#include <vector>

#include "starling/systems/students/curvature.h"

namespace starling::students {

/// Which exchanges leave a student and the teacher V = I unchanged: of the first `moving` students together
/// with the first `moving` teachers, and of the `rest` teachers after them. Behind these students there may
/// be one `lone` student; behind the teachers `idle` coordinates without any.
struct Symmetry {
  base::Index moving = 0;
  base::Index rest = 0;
  bool lone = false;
  base::Index idle = 0;
};

/// An eigenvalue and how often it occurs.
struct Level {
  double value;
  base::Index multiplicity;
};

/// Corresponding directions of one kind of irreducible representation, and how often it occurs.
struct IsotypicBlock {
  std::vector<Neurons> directions;
  base::Index multiplicity;
};

/// The blocks of `symmetric_spectrum`, drawn as directions of the student with the symmetry `drawn` and
/// counted for `counted`: the directions use the first four moving neurons and the first two others, so that
/// a smaller drawing shows all there is.
std::vector<IsotypicBlock> isotypic_blocks(const Symmetry& drawn, const Symmetry& counted);

/// An orthonormal basis of the directions that keep the symmetry: at most four, or seven with a lone student.
std::vector<Neurons> symmetric_directions(const Symmetry& symmetry);

/// All eigenvalues of the Hessian with free outgoing weights, ascending, at the cost of twenty Hessian-vector
/// products. A Hessian that commutes with S_p x S_m x O(e) is one small block for each irreducible
/// representation, repeated as often as the representation's dimension (Schur): with standard representations
/// written as their dimensions,
///   trivial (up to 7), p - 1 (up to 6), p(p-3)/2, (p-1)(p-2)/2, m - 1, (p-1)(m-1), e, (p-1) e.
std::vector<Level> symmetric_spectrum(const Curvature& curvature, const Symmetry& symmetry);

/// How many eigenvalues lie below -`cut` times the largest.
base::Index negative_count(const std::vector<Level>& levels, double cut = 1e-8);

/// Q'HQ, (m, m), for m orthonormal directions.
Eigen::MatrixXd restricted(const Curvature& curvature, const std::vector<Neurons>& basis);

double inner(const Neurons& x, const Neurons& y);

}  // namespace starling::students
