#include "starling/systems/students/revival.h"

namespace starling::students {
namespace {

double slope(const Landscape& landscape, const Neurons& student, const Eigen::RowVectorXd& u) {
  double sum = 0;
  const auto add = [&](const Neurons& neurons, double sign) {
    for (base::Index j = 0; j < neurons.a.size(); ++j)
      sum += sign * neurons.a[j] * kernel(landscape.activation(), overlap(u, neurons.w.row(j))).value;
  };
  add(student, 1);
  add(landscape.teacher(), -1);
  return sum;
}

}  // namespace

base::Index revive(const Landscape& landscape, Neurons& student, double size, base::Stream stream) {
  base::Index revived = 0;
  for (base::Index i = 0; i < student.a.size(); ++i) {
    if (!student.w.row(i).isZero(0)) continue;
    Eigen::RowVectorXd u(student.w.cols());
    for (base::Index r = 0; r < u.size(); ++r) u[r] = stream.normal();
    u.normalize();
    student.a[i] = slope(landscape, student, u) > 0 ? -size : size;
    student.w.row(i) = size * u;
    ++revived;
  }
  return revived;
}

}  // namespace starling::students
