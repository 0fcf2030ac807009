#pragma once
#include <string>
#include <vector>

#include "starling/systems/students/lone_flow.h"

namespace starling::students {

/// How a student came to rest. Every student has a label.
enum class Label {
  minimum,      ///< of all its neurons
  saddle,       ///< of all its neurons: some eigenvalue is negative
  redundant,    ///< a critical point of fewer neurons: some are dead or do another one's work
  dead,         ///< no neuron is left
  left_basin,   ///< Newton's method went further than 0.01 from where the flow had come to rest
  unpolished,   ///< Newton's method did not reach max |∇L| <= 1e-13
  runaway,      ///< a neuron grew without bound
  not_settled,  ///< the flow's steps were not enough
  lost          ///< numbers that are not finite
};
std::string to_string(Label label);

/// What the neurons stand for; see `stands_for`.
enum class Kind {
  copy_average,    ///< the teachers are divided among the neurons
  perturbed_copy,  ///< every neuron stands for one teacher, and some teachers for none
  other
};
std::string to_string(Kind kind);

/// A student at rest, without dead and redundant neurons, in canonical form (reduction.h): the rows ordered
/// by the first teacher that they stand for.
struct CriticalPoint {
  Neurons student;
  Label label = Label::lost;
  Kind kind = Kind::other;
  std::vector<std::vector<base::Index>> stands_for;  ///< teachers of each neuron
  double loss = 0;                                   ///< E[(f - f*)²]
  double gradient_max = 0;                           ///< of the reduced student
  double displacement = 0;                           ///< of Newton's method, over all its neurons
  base::Index index = 0;  ///< eigenvalues below -1e-11 times the largest, of the reduced student's Hessian
  base::Vector<double> eigenvalues;  ///< ascending; of homogeneous ones in w alone, with a = ±1

  base::Index live() const { return student.a.size(); }
  bool is_flat()
      const;  ///< whether the spectrum, once there, has an eigenvalue of zero: a continuum of points
};

/// The critical point that a settled student is at: Newton's method, reduction, Newton's method again,
/// canonical form, label and kind. The spectrum is left to `add_spectrum`, as students of one class share it.
CriticalPoint finish(const Landscape& landscape, const Settled& settled, Outgoing outgoing);

/// Eigenvalues and index; turns a minimum with a negative eigenvalue into a saddle.
void add_spectrum(const Landscape& landscape, Outgoing outgoing, CriticalPoint& point);

/// The teachers a neuron stands for: those whose cosine with it, with the sign of a_i b_j, is more than half
/// the largest. Empty when no cosine is positive.
std::vector<std::vector<base::Index>> stands_for(const Landscape& landscape, const Neurons& student);
Kind kind_of(const std::vector<std::vector<base::Index>>& stands_for, base::Index teachers);

/// "1 | 2 | 3+4": the neurons' teachers, counted from one.
std::string structure(const std::vector<std::vector<base::Index>>& stands_for);

/// Whether two critical points differ by a symmetry of the problem alone: label, number of neurons, loss,
/// and, unless one is known to be flat, the sorted norms, outgoing weights and overlaps of students with each
/// other and with the teachers agree within 1e-7.
bool same_class(const Landscape& landscape, const CriticalPoint& one, const CriticalPoint& two);

}  // namespace starling::students
