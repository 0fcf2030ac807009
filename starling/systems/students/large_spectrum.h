#pragma once
#include "starling/systems/students/symmetric_spectrum.h"

namespace starling::students {

/// A symmetric student of orthonormal teachers, b = 1, by its few numbers: moving student i has `own` along
/// teacher i, `other` along the other moving teachers and `rest` along each of the rest; the lone student, if
/// any, has `lone_moving` and `lone_rest`. Nothing along idle coordinates.
struct SymmetricPoint {
  Activation activation;
  Symmetry symmetry;
  double own = 0, other = 0, rest = 0, outgoing = 0;
  double lone_moving = 0, lone_rest = 0, lone_outgoing = 0;
};

/// What `symmetric_spectrum` gives, at a cost that does not depend on the number of neurons: the directions
/// of each block change a handful of neurons only, the others stay alike, and one of them stands for all.
std::vector<Level> large_spectrum(const SymmetricPoint& point);

/// How many of its eigenvalues lie below -1e-12 times the largest. The largest grows with the number of
/// neurons while those that decide the index do not; the cut of `negative_count`, meant for dense spectra,
/// would hide them.
base::Index exact_index(const std::vector<Level>& levels);

}  // namespace starling::students
