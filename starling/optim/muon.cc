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
template <class T>
using Array = Eigen::Map<Eigen::Array<T, Eigen::Dynamic, 1>>;
template <class T>
using ConstArray = Eigen::Map<const Eigen::Array<T, Eigen::Dynamic, 1>>;

constexpr double tiny = 1e-8;  // keeps a mean of nothing from dividing by 0

template <class T>
Array<T> array(std::vector<T>& values) {
  return {values.data(), static_cast<Index>(values.size())};
}

double scale_of(ShapeScale scale, Index rows, Index columns) {
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
  const ConstArray<T> g(gradient.data(), static_cast<Index>(gradient.size()));
  Array<T> m = array(momentum_), u = array(direction_);
  const T beta = static_cast<T>(spec_.momentum);
  const T take = spec_.convention == Momentum::average ? T(1) - beta : T(1);
  m = beta * m + take * g;
  if (spec_.nesterov) {
    u = take * g + beta * m;
  } else {
    u = m;
  }
  if (spec_.second == SecondMoment::entries) u = u.sign();
}

// Each row over the root of its running mean square, and the matrix back at the size that it had.
template <class T>
void Muon<T>::normalise_rows() {
  const T keep = static_cast<T>(spec_.second_decay);
  for (Index b = 0; b < batch_; ++b) {
    Eigen::Map<base::Points<T>> o(direction_.data() + b * rows_ * columns_, rows_, columns_);
    const T before = o.norm();
    for (Index i = 0; i < rows_; ++i) {
      T& mean = second_[static_cast<std::size_t>(b * rows_ + i)];
      mean = keep * mean + (T(1) - keep) * o.row(i).squaredNorm() / static_cast<T>(columns_);
      o.row(i) /= std::sqrt(mean / corrections_[0]) + static_cast<T>(tiny);
    }
    const T after = o.norm();
    if (after > 0) o *= before / after;
  }
}

template <class T>
void Muon<T>::normalise_entries() {
  const T keep = static_cast<T>(spec_.second_decay);
  for (Index b = 0; b < batch_; ++b) {
    const Index size = rows_ * columns_;
    Array<T> o(direction_.data() + b * size, size), mean(second_.data() + b * size, size);
    const T before = o.matrix().norm();
    mean = keep * mean + (T(1) - keep) * o.square();
    o /= (mean / corrections_[0]).sqrt() + static_cast<T>(tiny);
    const T after = o.matrix().norm();
    if (after > 0) o *= before / after;
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
  if (spec_.second != SecondMoment::none) {
    corrections_[0] =
        static_cast<T>(spec_.second_decay) * corrections_[0] + T(1) - static_cast<T>(spec_.second_decay);
    if (spec_.second == SecondMoment::rows) {
      normalise_rows();
    } else {
      normalise_entries();
    }
  }
  Array<T> w(parameters.data(), static_cast<Index>(parameters.size()));
  const T keep = static_cast<T>(1 - rate * spec_.decay);
  const T by = static_cast<T>(rate * scale_of(spec_.scale, rows_, columns_));
  w = keep * w - by * array(direction_);
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
