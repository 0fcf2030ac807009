#include "starling/systems/drift/field.h"

#include <fmt/format.h>

#include <cmath>
#include <string>
#include <vector>

#include "starling/base/error.h"
#include "starling/kernels/double_normalised.h"
#include "starling/kernels/mean_shift.h"

namespace starling::drift {
namespace {

using base::Error;
using base::ErrorKind;
using base::Index;
using base::Points;
using base::PointsRef;
using kernels::Radial;
using kernels::SelfPair;

// The profile of a row-normalised field and the factor in front of its mean shift.
struct Profile {
  Radial radial;
  double factor;
};

Profile profile(const FieldSpec& spec) {
  const bool gaussian = spec.kernel == Kernel::gaussian;
  switch (spec.field) {
    case Field::displacement:
      return {gaussian ? Radial::gaussian : Radial::laplace, 1};
    case Field::conservative:
      if (gaussian) return {Radial::gaussian, 1 / (spec.scale * spec.scale)};
      return {Radial::laplace_gradient, 1};
    case Field::sharp:
      return {Radial::sharp, 1};
    case Field::toy:
    case Field::paper:
      break;
  }
  throw Error(ErrorKind::usage,
              "field: toy and paper normalise over the model points and are not defined away from them; use "
              "displacement, "
              "conservative or sharp here");
}

template <class T>
Points<T> shift(const FieldSpec& spec, SelfPair self, const PointsRef<T>& z, const PointsRef<T>& y) {
  Points<T> out(z.rows(), z.cols());
  const Profile p = profile(spec);
  kernels::mean_shift<T>(p.radial, spec.scale, self, z.data(), z.rows(), y.data(), y.rows(), z.cols(),
                         out.data(), nullptr);
  return out * static_cast<T>(p.factor);
}

// The authors' fields always leave the self pair out: their notebook puts 1e6 on the diagonal of the
// distances.
kernels::AffinityRule affinity_rule(const FieldSpec& spec) {
  kernels::AffinityRule rule;
  rule.temperature = spec.scale;
  if (spec.field == Field::toy) rule.least_normaliser = 1e-12;
  return rule;
}

template <class T>
Points<T> double_normalised(const FieldSpec& spec, const PointsRef<T>& x, const PointsRef<T>& y) {
  Points<T> out(x.rows(), x.cols());
  kernels::double_normalised<T>(affinity_rule(spec), x.data(), x.rows(), y.data(), y.rows(), 0, x.cols(),
                                nullptr, out.data());
  return out;
}

// Sums over one cloud that give mean shift U/S and its Jacobian: with delta = y - z and r = |delta|,
// S = Σ a, U = Σ b delta, grad S = -Σ a' delta / r, dU/dz = -Σ (b I + (b'/r) delta delta^T).
struct ShiftJacobian {
  base::Vector<double> value;
  Points<double> jacobian;
};

struct Radials {
  double a, b, da_over_r, db_over_r;
};

// Values at distance r, times exp(+shift) to avoid underflow. At r = 0 every limit times delta is 0.
Radials radials(Radial radial, double scale, double r, double shift) {
  const double safe = r > 0 ? r : 1;
  switch (radial) {
    case Radial::gaussian: {
      const double e = std::exp(shift - r * r / (2 * scale * scale));
      return {e, e, -e / (scale * scale), -e / (scale * scale)};
    }
    case Radial::laplace: {
      const double e = std::exp(shift - r / scale), slope = r > 0 ? -e / (scale * safe) : 0;
      return {e, e, slope, slope};
    }
    case Radial::laplace_gradient: {
      const double e = std::exp(shift - r / scale);
      if (r == 0) return {e, 0, 0, 0};
      return {e, e / (scale * r), -e / (scale * r), -e / (scale * r * r) * (1 / scale + 1 / r)};
    }
    case Radial::sharp: {
      const double e = std::exp(shift - r / scale), push = e / (scale * scale);
      return {(1 + r / scale) * e, push, -push, r > 0 ? -push / (scale * safe) : 0};
    }
  }
  return {};
}

ShiftJacobian shift_jacobian(const Profile& p, double scale, const base::Vector<double>& z,
                             const PointsRef<double>& y) {
  const Index d = z.size();
  double nearest = std::numeric_limits<double>::infinity();
  for (Index j = 0; j < y.rows(); ++j) nearest = std::min(nearest, (y.row(j).transpose() - z).norm());
  const double shift =
      p.radial == Radial::gaussian ? nearest * nearest / (2 * scale * scale) : nearest / scale;
  double mass = 0;
  base::Vector<double> push = base::Vector<double>::Zero(d), mass_slope = push;
  Points<double> push_slope = Points<double>::Zero(d, d);
  for (Index j = 0; j < y.rows(); ++j) {
    const base::Vector<double> delta = y.row(j).transpose() - z;
    const Radials k = radials(p.radial, scale, delta.norm(), shift);
    mass += k.a;
    push += k.b * delta;
    mass_slope -= k.da_over_r * delta;
    push_slope.diagonal().array() -= k.b;
    push_slope -= k.db_over_r * delta * delta.transpose();
  }
  return {p.factor * push / mass,
          p.factor * (push_slope / mass - push * mass_slope.transpose() / (mass * mass))};
}

}  // namespace

Field parse_field(std::string_view name) {
  static const std::vector<std::string> names = {"displacement", "toy", "paper", "conservative", "sharp"};
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (name == names[i]) return static_cast<Field>(i);
  }
  throw Error(ErrorKind::usage, fmt::format("unknown field '{}'{}", name, base::suggestion(name, names)));
}

Kernel parse_kernel(std::string_view name) {
  static const std::vector<std::string> names = {"laplace", "gaussian"};
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (name == names[i]) return static_cast<Kernel>(i);
  }
  throw Error(ErrorKind::usage, fmt::format("unknown kernel '{}'{}", name, base::suggestion(name, names)));
}

template <class T>
void require_finite(const PointsRef<T>& points, std::string_view cloud) {
  if (points.size() == 0) {
    throw Error(ErrorKind::input,
                fmt::format("{}: empty, shape ({}, {}); expected at least one point of at least one "
                            "coordinate",
                            cloud, points.rows(), points.cols()));
  }
  for (Index i = 0; i < points.rows(); ++i) {
    for (Index k = 0; k < points.cols(); ++k) {
      if (std::isfinite(points(i, k))) continue;
      throw Error(ErrorKind::input,
                  fmt::format("{}: value at row {}, column {} is {}; expected finite numbers", cloud, i, k,
                              points(i, k)));
    }
  }
}

void require_compatible(const FieldSpec& spec, Index x_width, Index y_width) {
  if (!(spec.scale > 0) || !std::isfinite(spec.scale)) {
    throw Error(ErrorKind::usage,
                fmt::format("scale: {} is out of range; expected a positive, finite number", spec.scale));
  }
  if (x_width != y_width) {
    throw Error(
        ErrorKind::usage,
        fmt::format("x has {} columns and y has {}; expected points of one dimension", x_width, y_width));
  }
}

template <class T>
Points<T> velocity(const FieldSpec& spec, const PointsRef<T>& x, const PointsRef<T>& y) {
  require_compatible(spec, x.cols(), y.cols());
  require_finite<T>(x, "x");
  require_finite<T>(y, "y");
  if (spec.field == Field::toy || spec.field == Field::paper) return double_normalised<T>(spec, x, y);
  const SelfPair self = spec.self_interaction ? SelfPair::included : SelfPair::excluded;
  return shift<T>(spec, SelfPair::included, x, y) - shift<T>(spec, self, x, x);
}

template <class T>
Points<T> velocity_with_negatives(const FieldSpec& spec, const PointsRef<T>& x, const PointsRef<T>& y,
                                  const PointsRef<T>& negatives, const base::Vector<T>& weights) {
  if (spec.field != Field::toy && spec.field != Field::paper)
    throw Error(ErrorKind::usage, "field: only toy and paper take weighted negatives");
  require_compatible(spec, x.cols(), y.cols());
  require_compatible(spec, x.cols(), negatives.cols());
  require_finite<T>(x, "x");
  require_finite<T>(y, "y");
  require_finite<T>(negatives, "negatives");
  if (weights.size() != negatives.rows()) {
    throw Error(ErrorKind::usage,
                fmt::format("weights: {} values for {} negatives", weights.size(), negatives.rows()));
  }
  Points<T> others(negatives.rows() + y.rows(), x.cols()), out(x.rows(), x.cols());
  others << negatives, y;
  base::Vector<T> columns = base::Vector<T>::Ones(x.rows() + others.rows());
  columns.segment(x.rows(), weights.size()) = weights;
  kernels::double_normalised<T>(affinity_rule(spec), x.data(), x.rows(), others.data(), others.rows(),
                                negatives.rows(), x.cols(), columns.data(), out.data());
  return out;
}

base::Points<double> velocity_at(const FieldSpec& spec, const PointsRef<double>& z,
                                 const PointsRef<double>& x, const PointsRef<double>& y) {
  require_compatible(spec, x.cols(), y.cols());
  require_compatible(spec, z.cols(), y.cols());
  require_finite<double>(z, "z");
  require_finite<double>(x, "x");
  require_finite<double>(y, "y");
  return shift<double>(spec, SelfPair::included, z, y) - shift<double>(spec, SelfPair::included, z, x);
}

base::Points<double> jacobian_at(const FieldSpec& spec, const base::Vector<double>& z,
                                 const PointsRef<double>& x, const PointsRef<double>& y) {
  require_compatible(spec, x.cols(), y.cols());
  require_compatible(spec, z.size(), y.cols());
  require_finite<double>(x, "x");
  require_finite<double>(y, "y");
  const Profile p = profile(spec);
  return shift_jacobian(p, spec.scale, z, y).jacobian - shift_jacobian(p, spec.scale, z, x).jacobian;
}

base::Vector<double> divergence_at(const FieldSpec& spec, const PointsRef<double>& z,
                                   const PointsRef<double>& x, const PointsRef<double>& y) {
  require_finite<double>(z, "z");
  base::Vector<double> out(z.rows());
  for (Index i = 0; i < z.rows(); ++i) out(i) = jacobian_at(spec, z.row(i).transpose(), x, y).trace();
  return out;
}

template void require_finite<float>(const PointsRef<float>&, std::string_view);
template void require_finite<double>(const PointsRef<double>&, std::string_view);
template Points<float> velocity<float>(const FieldSpec&, const PointsRef<float>&, const PointsRef<float>&);
template Points<double> velocity<double>(const FieldSpec&, const PointsRef<double>&,
                                         const PointsRef<double>&);
template Points<float> velocity_with_negatives<float>(const FieldSpec&, const PointsRef<float>&,
                                                      const PointsRef<float>&, const PointsRef<float>&,
                                                      const base::Vector<float>&);
template Points<double> velocity_with_negatives<double>(const FieldSpec&, const PointsRef<double>&,
                                                        const PointsRef<double>&, const PointsRef<double>&,
                                                        const base::Vector<double>&);

}  // namespace starling::drift
