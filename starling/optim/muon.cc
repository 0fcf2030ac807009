#include "starling/optim/muon.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "starling/base/error.h"
#include "starling/kernels/entries.h"

namespace starling::optim {
namespace {

using base::Error;
using base::ErrorKind;
using base::Index;

constexpr double tiny = 1e-8;  // keeps a mean of nothing from dividing by 0

// Not Eigen's: over memory that someone else allocated, its sums and the rounding of its vector ends depend
// on how that is aligned. Plain loops do not.
template <class T>
double length(const T* values, Index count) {
  return kernels::norm(values, count, kernels::largest_entry(values, count));
}

MuonSpec checked(const MuonSpec& spec) {
  const auto share = [](const char* name, double value) {
    if (!(value >= 0 && value < 1))
      throw Error(ErrorKind::usage, fmt::format("{} = {}; expected a number in [0, 1)", name, value));
  };
  share("momentum", spec.momentum);
  share("second_decay", spec.second_decay);
  if (!(spec.decay >= 0 && std::isfinite(spec.decay)))
    throw Error(ErrorKind::usage, fmt::format("weight decay = {}; expected at least 0", spec.decay));
  return spec;
}

}  // namespace

double shape_factor(ShapeScale scale, Index rows, Index columns) {
  const auto r = static_cast<double>(rows), c = static_cast<double>(std::max<Index>(1, columns));
  switch (scale) {
    case ShapeScale::none:
      return 1;
    case ShapeScale::spectral:
      return std::sqrt(std::max(1.0, r / c));
    case ShapeScale::rms:
      return 0.2 * std::sqrt(std::max(r, c));
    case ShapeScale::operator_norm:
      break;
  }
  return std::sqrt(r / c);
}

ShapeScale parse_shape_scale(const std::string& name) {
  static const std::array<std::pair<const char*, ShapeScale>, 4> names = {
      {{"none", ShapeScale::none},
       {"spectral", ShapeScale::spectral},
       {"rms", ShapeScale::rms},
       {"operator_norm", ShapeScale::operator_norm}}};
  std::vector<std::string> known;
  for (const auto& [text, scale] : names) {
    if (name == text) return scale;
    known.emplace_back(text);
  }
  throw Error(ErrorKind::usage, fmt::format("unknown scale '{}'{}", name, base::suggestion(name, known)));
}

template <class T>
Muon<T>::Muon(const MuonSpec& spec, Index rows, Index columns, Index batch)
    : spec_(checked(spec)),
      rows_(rows),
      columns_(columns),
      batch_(batch),
      map_(spec.map, rows, columns, batch) {
  const auto size = static_cast<std::size_t>(batch * rows * columns);
  momentum_.assign(size, T(0));
  direction_.assign(size, T(0));
  if (spec_.second == SecondMoment::rows) second_.assign(static_cast<std::size_t>(batch * rows), T(0));
  if (spec_.second == SecondMoment::entries) second_.assign(size, T(0));
}

template <class T>
void Muon<T>::take_direction(std::span<const T> gradient) {
  const T beta = static_cast<T>(spec_.momentum);
  const T take = spec_.convention == Momentum::average ? T(1) - beta : T(1);
  const bool ahead = spec_.nesterov;
  for (std::size_t i = 0; i < momentum_.size(); ++i) {
    const T m = beta * momentum_[i] + take * gradient[i];
    momentum_[i] = m;
    direction_[i] = ahead ? take * gradient[i] + beta * m : m;
  }
  if (spec_.second != SecondMoment::entries) return;
  for (T& u : direction_) u = static_cast<T>((u > T(0)) - (u < T(0)));
}

// Rows (or entries) over the root of their running mean square, and each matrix back at the size that it had.
template <class T>
void Muon<T>::normalise() {
  const T keep = static_cast<T>(spec_.second_decay);
  corrections_[0] = keep * corrections_[0] + (T(1) - keep);
  const Index size = rows_ * columns_, group = spec_.second == SecondMoment::rows ? columns_ : 1;
  T* mean = second_.data();
  for (T* matrix = direction_.data(); matrix != direction_.data() + batch_ * size; matrix += size) {
    const double before = length(matrix, size);
    for (T* part = matrix; part != matrix + size; part += group, ++mean) {
      const double norm = group == 1 ? static_cast<double>(*part) : length(part, group);
      *mean = keep * *mean + (T(1) - keep) * static_cast<T>(norm * norm / static_cast<double>(group));
      const T root = std::sqrt(*mean / corrections_[0]) + static_cast<T>(tiny);
      for (Index j = 0; j < group; ++j) part[j] /= root;
    }
    const double after = length(matrix, size);
    const T back = after > 0 ? static_cast<T>(before / after) : T(0);
    for (Index j = 0; j < size; ++j) matrix[j] *= back;
  }
}

template <class T>
void Muon<T>::step(double rate, std::span<T> parameters, std::span<const T> gradient) {
  if (parameters.size() != momentum_.size() || gradient.size() != momentum_.size()) {
    throw Error(ErrorKind::usage,
                fmt::format("muon: {} parameters and {} gradients; expected ({}, {}, {}) numbers",
                            parameters.size(), gradient.size(), batch_, rows_, columns_));
  }
  if (!std::isfinite(kernels::largest_entry(gradient.data(), static_cast<Index>(gradient.size()))))
    throw Error(ErrorKind::numerical, "muon: the gradient has entries that are not finite");
  take_direction(gradient);
  map_(direction_.data(), direction_.data());
  if (spec_.second != SecondMoment::none) normalise();
  const T keep = static_cast<T>(1 - rate * spec_.decay);
  const T by = static_cast<T>(rate * shape_factor(spec_.scale, rows_, columns_));
  for (std::size_t i = 0; i < direction_.size(); ++i)
    parameters[i] = keep * parameters[i] - by * direction_[i];
}

template <class T>
std::vector<std::span<T>> Muon<T>::state() {
  return {momentum_, second_, corrections_};
}

template class Muon<float>;
template class Muon<double>;

MuonSpec normuon() {
  MuonSpec spec;
  spec.second = SecondMoment::rows;
  spec.scale = ShapeScale::rms;
  return spec;
}

MuonSpec adamuon() {
  MuonSpec spec;
  spec.second = SecondMoment::entries;
  spec.scale = ShapeScale::rms;
  return spec;
}

MuonSpec scion() {
  MuonSpec spec;
  spec.nesterov = false;
  spec.momentum = 0.9;
  spec.scale = ShapeScale::operator_norm;
  return spec;
}

}  // namespace starling::optim
