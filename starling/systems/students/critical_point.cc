#include "starling/systems/students/critical_point.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "starling/systems/students/curvature.h"
#include "starling/systems/students/newton.h"
#include "starling/systems/students/reduction.h"

namespace starling::students {
namespace {

using base::Index;
using Groups = std::vector<std::vector<Index>>;

constexpr double polished = 1e-13, largest_displacement = 1e-2;
constexpr double same = 1e-7;
constexpr double large = 10;        // times Σ |b|, and the longest v
constexpr double same_loss = 1e-6;  // of E[f*²], before and after merging
constexpr double zero = 1e-11;      // of the largest eigenvalue: what rounding makes of none

// The coordinates in which a critical point is isolated: homogeneous neurons of a = ±1 have no rescaling
// left.
Outgoing isolated(const Landscape& landscape, Outgoing outgoing) {
  return degree(landscape.activation()) > 0 ? Outgoing::fixed : outgoing;
}

Label label_of(FlowEnd end) {
  switch (end) {
    case FlowEnd::settled:
      return Label::minimum;
    case FlowEnd::runaway:
      return Label::runaway;
    case FlowEnd::exhausted:
      return Label::not_settled;
    case FlowEnd::lost:
      return Label::lost;
  }
  return Label::lost;
}

void order_neurons(CriticalPoint& point) {
  std::vector<Index> order(static_cast<std::size_t>(point.live()));
  std::iota(order.begin(), order.end(), Index{0});
  const auto group = [&](Index i) -> const std::vector<Index>& {
    return point.stands_for[static_cast<std::size_t>(i)];
  };
  std::ranges::stable_sort(order, [&](Index i, Index j) { return group(i) < group(j); });
  Groups groups;
  for (const Index i : order) groups.push_back(group(i));
  point.student = Neurons{point.student.w(order, Eigen::all), point.student.a(order)};
  point.stands_for = std::move(groups);
}

std::vector<double> sorted(const Eigen::Ref<const Eigen::MatrixXd>& values) {
  std::vector<double> out;
  for (Index j = 0; j < values.cols(); ++j) {
    for (Index i = 0; i < values.rows(); ++i) out.push_back(values(i, j));
  }
  std::ranges::sort(out);
  return out;
}

bool close(const std::vector<double>& one, const std::vector<double>& two) {
  return std::ranges::equal(one, two,
                            [](double x, double y) { return std::abs(x - y) < same * (1 + std::abs(x)); });
}

void polish(const Landscape& landscape, Outgoing outgoing, Neurons start, CriticalPoint& point) {
  Polished end = newton(landscape, canonical(landscape, std::move(start)), isolated(landscape, outgoing));
  point.displacement = std::max(point.displacement, end.displacement);
  point.gradient_max = end.gradient_max;
  point.student = std::move(end.student);
}

// Newton's method on the student as it is, then again on what reduction leaves of it: an outgoing weight may
// vanish only at the critical point. Twins may creep towards each other for ever, so that they are merged
// while they differ; that they were twins is seen from the loss, which merging must not change. True if there
// was something to remove.
bool remove_redundance(const Landscape& landscape, const Neurons& settled, Outgoing outgoing,
                       CriticalPoint& point) {
  if (point.label == Label::minimum) polish(landscape, outgoing, settled, point);
  if (outgoing == Outgoing::fixed) return false;
  const CriticalPoint whole = point;
  const double loss = landscape.mean_squared_error(settled);
  bool redundant = false;
  while (true) {
    Reduced reduced = reduce(landscape, point.student);
    if (reduced.dead + reduced.merged == 0) break;
    redundant = true;
    point.student = std::move(reduced.student);
    if (point.live() == 0) return true;
    polish(landscape, outgoing, point.student, point);
  }
  const double change = std::abs(landscape.mean_squared_error(point.student) - loss);
  if (redundant && point.gradient_max <= polished && change < same_loss * landscape.teacher_power())
    return true;
  point = whole;
  return false;
}

// A minimum at infinity: two neurons of opposite outgoing weights that grow without bound make the derivative
// of one, incoming weights that do make a relu of a gelu, a step of an erf.
bool runs_away(const Landscape& landscape, const Neurons& student) {
  const Neurons& teacher = landscape.teacher();
  const double longest = std::sqrt(teacher.w.rowwise().squaredNorm().maxCoeff());
  return student.a.cwiseAbs().maxCoeff() > large * teacher.a.cwiseAbs().sum() ||
         std::sqrt(student.w.rowwise().squaredNorm().maxCoeff()) > large * longest;
}

void describe(const Landscape& landscape, CriticalPoint& point) {
  point.student = canonical(landscape, std::move(point.student));
  point.loss = landscape.mean_squared_error(point.student);
  point.stands_for = stands_for(landscape, point.student);
  point.kind = kind_of(point.stands_for, landscape.teacher().a.size());
  order_neurons(point);
}

}  // namespace

std::string to_string(Label label) {
  switch (label) {
    case Label::minimum:
      return "minimum";
    case Label::saddle:
      return "saddle";
    case Label::redundant:
      return "redundant";
    case Label::dead:
      return "dead";
    case Label::left_basin:
      return "left basin";
    case Label::unpolished:
      return "unpolished";
    case Label::runaway:
      return "runaway";
    case Label::not_settled:
      return "not settled";
    case Label::lost:
      return "lost";
  }
  return {};
}

std::string to_string(Kind kind) {
  switch (kind) {
    case Kind::copy_average:
      return "copy average";
    case Kind::perturbed_copy:
      return "perturbed copy";
    case Kind::other:
      return "other";
  }
  return {};
}

CriticalPoint finish(const Landscape& landscape, const Settled& settled, Outgoing outgoing) {
  CriticalPoint point;
  point.student = settled.student;
  point.label = label_of(settled.end.end);
  point.gradient_max = settled.end.gradient_max;
  if (point.label == Label::lost) return point;
  const bool redundant = remove_redundance(landscape, settled.student, outgoing, point);
  if (point.live() == 0) {
    point.label = Label::dead;
    point.loss = landscape.teacher_power();
    return point;
  }
  if (redundant) {
    point.label = Label::redundant;
  } else if (point.label == Label::minimum) {
    if (point.displacement > largest_displacement) point.label = Label::left_basin;
    if (point.gradient_max > polished) point.label = Label::unpolished;
  }
  if (!redundant && point.label != Label::minimum && runs_away(landscape, point.student))
    point.label = Label::runaway;
  describe(landscape, point);
  return point;
}

void add_spectrum(const Landscape& landscape, Outgoing outgoing, CriticalPoint& point) {
  if (point.live() == 0 || !point.student.w.allFinite()) return;
  const Eigen::MatrixXd hessian = Curvature(landscape, point.student).matrix(isolated(landscape, outgoing));
  point.eigenvalues =
      Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>(hessian, Eigen::EigenvaluesOnly).eigenvalues();
  const double least = -zero * point.eigenvalues.cwiseAbs().maxCoeff();
  point.index = (point.eigenvalues.array() < least).count();
  if (point.label == Label::minimum && point.index > 0) point.label = Label::saddle;
}

bool CriticalPoint::is_flat() const {
  return eigenvalues.size() > 0 &&
         eigenvalues.cwiseAbs().minCoeff() < zero * eigenvalues.cwiseAbs().maxCoeff();
}

Groups stands_for(const Landscape& landscape, const Neurons& student) {
  const Neurons& teacher = landscape.teacher();
  Groups out;
  for (Index i = 0; i < student.a.size(); ++i) {
    Eigen::VectorXd cosines = teacher.w * student.w.row(i).transpose();
    for (Index j = 0; j < cosines.size(); ++j) {
      const double sign = student.a[i] * teacher.a[j] < 0 ? -1 : 1;
      cosines[j] *= sign / std::max(1e-300, teacher.w.row(j).norm() * student.w.row(i).norm());
    }
    std::vector<Index> group;
    const double most = cosines.maxCoeff();
    for (Index j = 0; j < cosines.size() && most > 0; ++j) {
      if (cosines[j] > most / 2) group.push_back(j);
    }
    out.push_back(std::move(group));
  }
  return out;
}

Kind kind_of(const Groups& groups, Index teachers) {
  std::vector<int> covered(static_cast<std::size_t>(teachers), 0);
  bool single = true;
  for (const auto& group : groups) {
    if (group.empty()) return Kind::other;
    single = single && group.size() == 1;
    for (const Index j : group) ++covered[static_cast<std::size_t>(j)];
  }
  if (std::ranges::any_of(covered, [](int times) { return times > 1; })) return Kind::other;
  if (std::ranges::all_of(covered, [](int times) { return times == 1; })) return Kind::copy_average;
  return single ? Kind::perturbed_copy : Kind::other;
}

std::string structure(const Groups& groups) {
  std::vector<std::string> parts;
  for (const auto& group : groups) {
    std::vector<std::string> names;
    for (const Index j : group) names.push_back(fmt::format("{}", j + 1));
    parts.push_back(names.empty() ? "-" : fmt::format("{}", fmt::join(names, "+")));
  }
  return fmt::format("{}", fmt::join(parts, " | "));
}

bool same_class(const Landscape& landscape, const CriticalPoint& one, const CriticalPoint& two) {
  if (one.label != two.label || one.live() != two.live()) return false;
  const bool at_rest =
      one.label == Label::minimum || one.label == Label::saddle || one.label == Label::redundant;
  if (!at_rest) return true;
  if (std::abs(one.loss - two.loss) > same) return false;
  if (one.is_flat() || two.is_flat()) return true;  // of a continuum, all of one loss
  if (!close(sorted(one.student.a), sorted(two.student.a))) return false;
  const bool even = is_even(landscape.activation());  // the sign of w is then no one's
  const auto overlaps = [even](const Eigen::MatrixXd& products) {
    return sorted(even ? Eigen::MatrixXd(products.cwiseAbs()) : products);
  };
  const auto own = [&](const CriticalPoint& point) {
    return overlaps(point.student.w * point.student.w.transpose());
  };
  const auto seen = [&](const CriticalPoint& point) {
    return overlaps(point.student.w * landscape.teacher().w.transpose());
  };
  return close(own(one), own(two)) && close(seen(one), seen(two));
}

}  // namespace starling::students
