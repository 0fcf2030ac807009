#include "starling/systems/students/newton.h"

#include <Eigen/Cholesky>
#include <Eigen/Eigenvalues>
#include <Eigen/LU>
#include <algorithm>
#include <cmath>
#include <utility>

#include "starling/systems/students/curvature.h"

namespace starling::students {
namespace {

using base::Index;
using VectorXd = base::Vector<double>;

constexpr double done = 1e-14;
constexpr int most_steps = 100;
constexpr double longest_step = 1e-2;
constexpr Index most_spectral = 500;
constexpr double flat_below = 1e-10;  // of the largest eigenvalue

VectorXd moving(const Neurons& neurons, Outgoing outgoing) {
  const Index inner = neurons.w.size();
  VectorXd out(outgoing == Outgoing::free ? inner + neurons.a.size() : inner);
  out.head(inner) = Eigen::Map<const VectorXd>(neurons.w.data(), inner);
  if (outgoing == Outgoing::free) out.tail(neurons.a.size()) = neurons.a;
  return out;
}

Neurons moved(Neurons neurons, const VectorXd& step) {
  const Index inner = neurons.w.size();
  Eigen::Map<VectorXd>(neurons.w.data(), inner) += step.head(inner);
  if (step.size() > inner) neurons.a += step.tail(neurons.a.size());
  return neurons;
}

// -H⁻¹ g, without the directions in which H is flat.
VectorXd newton_step(const Eigen::MatrixXd& hessian, const VectorXd& gradient) {
  const Eigen::LLT<Eigen::MatrixXd> factor(hessian);
  if (factor.info() == Eigen::Success) {
    const auto pivots = factor.matrixLLT().diagonal();
    const double ratio = pivots.minCoeff() / pivots.maxCoeff();
    if (ratio * ratio > flat_below) return -factor.solve(gradient);
  }
  // The spectrum of a large matrix costs a minute: such a step takes flat directions as they come, and counts
  // only if the gradient shrinks.
  if (gradient.size() > most_spectral) return -Eigen::PartialPivLU<Eigen::MatrixXd>(hessian).solve(gradient);
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> spectrum(hessian);
  const VectorXd& values = spectrum.eigenvalues();
  VectorXd along = spectrum.eigenvectors().transpose() * gradient;
  const double least = flat_below * values.cwiseAbs().maxCoeff();
  for (Index i = 0; i < values.size(); ++i)
    along[i] = std::abs(values[i]) > least ? -along[i] / values[i] : 0;
  return spectrum.eigenvectors() * along;
}

}  // namespace

Polished newton(const Landscape& landscape, const Neurons& start, Outgoing outgoing) {
  Polished best{.student = start};
  VectorXd gradient = moving(landscape.gradient(start), outgoing);
  best.gradient_max = gradient.cwiseAbs().maxCoeff();
  int patience = 2;
  Neurons student = start;
  while (best.steps < most_steps && best.gradient_max > done && patience > 0) {
    VectorXd step = newton_step(Curvature(landscape, student).matrix(outgoing), gradient);
    const double length = step.cwiseAbs().maxCoeff();
    if (!std::isfinite(length)) break;
    if (length > longest_step) step *= longest_step / length;
    student = moved(std::move(student), step);
    gradient = moving(landscape.gradient(student), outgoing);
    ++best.steps;
    const double most = gradient.cwiseAbs().maxCoeff();
    if (most < best.gradient_max) {
      best.gradient_max = most;
      best.student = student;
    } else {
      --patience;  // at rounding level a step may do nothing; twice in a row it is the end
    }
  }
  best.displacement =
      (moving(best.student, Outgoing::free) - moving(start, Outgoing::free)).cwiseAbs().maxCoeff();
  return best;
}

}  // namespace starling::students
