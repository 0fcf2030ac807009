#include "starling/systems/students/reduction.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace starling::students {
namespace {

using base::Index;

constexpr double negligible_power = 1e-6;
constexpr double alike = 0.3;

Neurons rows(const Neurons& student, const std::vector<Index>& kept) {
  return {student.w(kept, Eigen::all), student.a(kept)};
}

// The factor s for which s a_j σ(w_i.x) does the work of neuron j, where the two are alike; else 0.
double likeness(Activation activation, const Neurons& student, Index i, Index j) {
  const double one = student.w.row(i).norm(), two = student.w.row(j).norm();
  if (is_homogeneous_of_degree_one(activation)) {
    const double apart = (student.w.row(i) / one - student.w.row(j) / two).norm();
    return apart < alike ? two / one : 0;
  }
  const double close = alike * std::max(one, two);
  if ((student.w.row(i) - student.w.row(j)).norm() < close) return 1;
  if (is_odd(activation) && (student.w.row(i) + student.w.row(j)).norm() < close) return -1;
  return 0;
}

bool contributes(const Landscape& landscape, const Neurons& student, Index i) {
  const double power = kernel(landscape.activation(), self_overlap(student.w.row(i).squaredNorm())).value;
  return student.a[i] * student.a[i] * power > negligible_power;
}

Neurons without_the_dead(const Landscape& landscape, const Neurons& student) {
  std::vector<Index> kept;
  for (Index i = 0; i < student.a.size(); ++i) {
    if (contributes(landscape, student, i)) kept.push_back(i);
  }
  return rows(student, kept);
}

}  // namespace

bool is_odd(Activation activation) {
  switch (activation) {
    case Activation::erf:
    case Activation::linear:
    case Activation::cubic:
    case Activation::sin:
      return true;
    default:
      return false;
  }
}

bool is_homogeneous_of_degree_one(Activation activation) {
  return activation == Activation::relu || activation == Activation::linear;
}

Reduced reduce(const Landscape& landscape, const Neurons& student) {
  Reduced out{.student = without_the_dead(landscape, student)};
  out.dead = student.a.size() - out.student.a.size();
  std::vector<Index> kept;
  for (Index j = 0; j < out.student.a.size(); ++j) {
    const auto twin = std::ranges::find_if(
        kept, [&](Index i) { return likeness(landscape.activation(), out.student, i, j) != 0; });
    if (twin == kept.end()) {
      kept.push_back(j);
    } else {
      out.student.a[*twin] += likeness(landscape.activation(), out.student, *twin, j) * out.student.a[j];
      ++out.merged;
    }
  }
  const Neurons merged = rows(out.student, kept);
  out.student = without_the_dead(landscape, merged);  // two that cancel each other
  out.merged += merged.a.size() - out.student.a.size();
  return out;
}

Neurons canonical(const Landscape& landscape, Neurons student) {
  for (Index i = 0; i < student.a.size(); ++i) {
    if (landscape.activation() == Activation::relu) {
      const double size = std::abs(student.a[i]);
      if (size > 0) {
        student.w.row(i) *= size;
        student.a[i] /= size;
      }
    } else if (is_odd(landscape.activation()) && student.a[i] < 0) {
      student.w.row(i) *= -1;
      student.a[i] *= -1;
    }
  }
  return student;
}

}  // namespace starling::students
