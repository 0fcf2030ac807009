#include "starling/optim/shampoo.h"

#include <fmt/format.h>

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <initializer_list>

#include "starling/base/error.h"

namespace starling::optim {
namespace {

using base::Error;
using base::ErrorKind;
using base::Index;
using base::Points;

void require(const char* name, double value, bool right, const char* expected) {
  if (!right) throw Error(ErrorKind::usage, fmt::format("{} = {}; expected {}", name, value, expected));
}
void require_share(const char* name, double value) {
  require(name, value, value >= 0 && value < 1, "a number in [0, 1)");
}

template <class T>
Points<T> checked(const char* who, Index rows, Index columns, std::size_t parameters,
                  std::span<const T> gradient) {
  const auto size = static_cast<std::size_t>(rows * columns);
  if (parameters != size || gradient.size() != size) {
    throw Error(ErrorKind::usage, fmt::format("{}: {} parameters and {} gradients; expected ({}, {}) numbers",
                                              who, parameters, gradient.size(), rows, columns));
  }
  Points<T> g = Eigen::Map<const Points<T>>(gradient.data(), rows, columns);
  if (!g.allFinite())
    throw Error(ErrorKind::numerical, fmt::format("{}: the gradient has entries that are not finite", who));
  return g;
}

template <class T>
void take_in(const Points<T>& g, double keep, TwicePrecise<T>& left, TwicePrecise<T>& right) {
  const Eigen::MatrixXd wide = g.template cast<double>();
  left.set(keep * left.value() + (1 - keep) * wide * wide.transpose());
  right.set(keep * right.value() + (1 - keep) * wide.transpose() * wide);
}

// A plain loop, as checked() makes a copy: at the ends of someone else's memory Eigen's rounding depends on
// how that is aligned.
template <class T>
void move(double rate, double decay, const Points<T>& direction, std::span<T> parameters) {
  const T keep = static_cast<T>(1 - rate * decay), by = static_cast<T>(rate);
  for (std::size_t i = 0; i < parameters.size(); ++i)
    parameters[i] = keep * parameters[i] - by * direction.data()[i];
}

template <class T>
Points<T> inverse_fourth_root(const Eigen::MatrixXd& m, double epsilon) {
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> modes(m);
  const double largest = modes.eigenvalues().size() > 0 ? std::max(0.0, modes.eigenvalues().maxCoeff()) : 0;
  if (largest == 0) return Points<T>::Zero(m.rows(), m.cols());
  const Eigen::VectorXd roots = modes.eigenvalues().unaryExpr(
      [&](double value) { return std::pow(std::max(value, 0.0) + epsilon * largest, -0.25); });
  return (modes.eigenvectors() * roots.asDiagonal() * modes.eigenvectors().transpose()).template cast<T>();
}

template <class T>
Points<T> eigenbasis(const Eigen::MatrixXd& m) {
  return Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>(m).eigenvectors().template cast<T>();
}

// Young means change with every step, and directions that they have not seen would be blown up: all steps
// before the first period is over renew the decomposition.
bool due(std::int64_t step, int every) {
  return step <= every || step % every == 0;
}

template <class T>
std::vector<std::span<T>> spans(std::initializer_list<Points<T>*> parts) {
  std::vector<std::span<T>> out;
  for (Points<T>* part : parts) out.emplace_back(part->data(), static_cast<std::size_t>(part->size()));
  return out;
}

}  // namespace

template <class T>
Shampoo<T>::Shampoo(const ShampooSpec& spec, Index rows, Index columns)
    : spec_(spec),
      momentum_(Points<T>::Zero(rows, columns)),
      left_root_(Points<T>::Zero(rows, rows)),
      right_root_(Points<T>::Zero(columns, columns)),
      left_(rows),
      right_(columns) {
  require_share("momentum", spec.momentum);
  require_share("second", spec.second);
  require("every", spec.every, spec.every >= 1, "at least 1");
  require("epsilon", spec.epsilon, spec.epsilon > 0, "a positive number");
}

template <class T>
void Shampoo<T>::step(double rate, std::span<T> parameters, std::span<const T> gradient) {
  const Points<T> g = checked("shampoo", momentum_.rows(), momentum_.cols(), parameters.size(), gradient);
  take_in(g, spec_.second, left_, right_);
  const T beta = static_cast<T>(spec_.momentum);
  momentum_ = beta * momentum_ + (T(1) - beta) * g;
  ++steps_;
  const auto n = static_cast<double>(steps_);
  const bool fresh = due(steps_, spec_.every);
  if (fresh) renew();
  const T scale = static_cast<T>(1 / (1 - std::pow(spec_.momentum, n)));
  Points<T> direction = left_root_ * (scale * momentum_) * right_root_;
  // L holds (1 - second) G Gᵀ, so that G under fresh roots is no longer than this in any direction. A longer
  // step is the work of stale ones, which grow without bound where gradients have shrunk since.
  const double longest = std::sqrt(static_cast<double>(std::min(g.rows(), g.cols())) / (1 - spec_.second));
  if (!fresh && !(static_cast<double>(direction.norm()) <= longest)) {
    renew();
    direction = left_root_ * (scale * momentum_) * right_root_;
  }
  move<T>(rate, spec_.decay, direction, parameters);
}

template <class T>
void Shampoo<T>::renew() {
  const double correction = 1 - std::pow(spec_.second, static_cast<double>(steps_));
  left_root_ = inverse_fourth_root<T>(left_.value() / correction, spec_.epsilon);
  right_root_ = inverse_fourth_root<T>(right_.value() / correction, spec_.epsilon);
}

template <class T>
Soap<T>::Soap(const SoapSpec& spec, Index rows, Index columns)
    : spec_(spec),
      first_(Points<T>::Zero(rows, columns)),
      second_(Points<T>::Zero(rows, columns)),
      left_basis_(Points<T>::Zero(rows, rows)),
      right_basis_(Points<T>::Zero(columns, columns)),
      left_(rows),
      right_(columns) {
  require_share("beta1", spec.beta1);
  require_share("beta2", spec.beta2);
  require("every", spec.every, spec.every >= 1, "at least 1");
  require("epsilon", spec.epsilon, spec.epsilon > 0, "a positive number");
}

// The first moment lives in the parameters' own basis, the second in the eigenbasis; a new basis keeps it as
// it is, as SOAP does.
template <class T>
void Soap<T>::step(double rate, std::span<T> parameters, std::span<const T> gradient) {
  const Points<T> g = checked("soap", first_.rows(), first_.cols(), parameters.size(), gradient);
  take_in(g, spec_.beta2, left_, right_);
  ++steps_;
  if (due(steps_, spec_.every)) {
    left_basis_ = eigenbasis<T>(left_.value());
    right_basis_ = eigenbasis<T>(right_.value());
  }
  const T b1 = static_cast<T>(spec_.beta1), b2 = static_cast<T>(spec_.beta2);
  const auto n = static_cast<double>(steps_);
  const T first_scale = static_cast<T>(1 / (1 - std::pow(spec_.beta1, n)));
  const T second_scale = static_cast<T>(1 / (1 - std::pow(spec_.beta2, n)));
  first_ = b1 * first_ + (T(1) - b1) * g;
  const Points<T> turned = left_basis_.transpose() * g * right_basis_;
  second_ = b2 * second_ + (T(1) - b2) * turned.cwiseAbs2();
  Points<T> direction = left_basis_.transpose() * (first_scale * first_) * right_basis_;
  direction.array() /= (second_scale * second_.array()).sqrt() + static_cast<T>(spec_.epsilon);
  move<T>(rate, spec_.decay, left_basis_ * direction * right_basis_.transpose(), parameters);
}

template <class T>
std::vector<std::span<T>> Shampoo<T>::state() {
  return spans<T>(
      {&momentum_, &left_root_, &right_root_, &left_.high, &left_.low, &right_.high, &right_.low});
}
template <class T>
std::vector<std::span<T>> Soap<T>::state() {
  return spans<T>(
      {&first_, &second_, &left_basis_, &right_basis_, &left_.high, &left_.low, &right_.high, &right_.low});
}

template class Shampoo<float>;
template class Shampoo<double>;
template class Soap<float>;
template class Soap<double>;

}  // namespace starling::optim
