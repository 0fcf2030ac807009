#pragma once
#include <Eigen/Core>

#include "starling/systems/students/kernel.h"

namespace starling::students {

/// A function of a few parameters to second order: value, (p) slope, (p, p) second derivatives.
struct Taylor {
  double value = 0;
  Eigen::VectorXd slope;
  Eigen::MatrixXd bend;

  static Taylor constant(double value, Eigen::Index parameters) {
    return {.value = value,
            .slope = Eigen::VectorXd::Zero(parameters),
            .bend = Eigen::MatrixXd::Zero(parameters, parameters)};
  }
};

inline Taylor operator*(double factor, const Taylor& f) {
  return {.value = factor * f.value, .slope = factor * f.slope, .bend = factor * f.bend};
}
inline Taylor operator+(const Taylor& f, const Taylor& g) {
  return {.value = f.value + g.value, .slope = f.slope + g.slope, .bend = f.bend + g.bend};
}
inline Taylor operator*(const Taylor& f, const Taylor& g) {
  const Eigen::MatrixXd mixed = f.slope * g.slope.transpose();
  return {.value = f.value * g.value,
          .slope = f.value * g.slope + g.value * f.slope,
          .bend = f.value * g.bend + g.value * f.bend + mixed + mixed.transpose()};
}

/// κ(q1, c, q2) by the chain rule.
Taylor composed(const Kernel& k, const Taylor& q1, const Taylor& c, const Taylor& q2);

}  // namespace starling::students
