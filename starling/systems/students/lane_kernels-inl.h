// κ(|w|², w.v, |v|²) and its partials, one pair of neurons in every lane. Included once per target, inside
// foreach_target. The formulas are those of kernel.h, where their sources stand.
#if defined(STARLING_STUDENTS_LANE_KERNELS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STARLING_STUDENTS_LANE_KERNELS_INL_H_
#undef STARLING_STUDENTS_LANE_KERNELS_INL_H_
#else
#define STARLING_STUDENTS_LANE_KERNELS_INL_H_
#endif

#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

#include <numbers>

#include "starling/systems/students/lane_problem.h"

HWY_BEFORE_NAMESPACE();
namespace starling::students::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// |w|² and the inverse that the kernels divide by: 1/(1 + |w|²), for relu 1/|w|².
template <class D>
struct LaneRadius {
  hn::Vec<D> q, inverse;
};

template <LaneActivation kind, class D>
HWY_INLINE LaneRadius<D> make_radius(D d, hn::Vec<D> q) {
  const auto one = hn::Set(d, 1.0);
  if constexpr (kind == LaneActivation::relu) return {q, hn::Div(one, hn::Max(q, hn::Set(d, 1e-300)))};
  return {q, hn::Div(one, hn::Add(one, q))};
}

template <class D>
struct LanePair {
  LaneRadius<D> one, two;
  hn::Vec<D> c, gram;  ///< w.v and q1 q2 - c²
};

template <class D>
struct LaneFirst {
  hn::Vec<D> value, d1, d2, dc;
};

/// κ_12 = κ_cc / 4 for every activation.
template <class D>
struct LaneSecond {
  hn::Vec<D> d11, d22, d1c, d2c, dcc;
};

template <class D>
HWY_INLINE LaneFirst<D> swapped(const LaneFirst<D>& k) {
  return {k.value, k.d2, k.d1, k.dc};
}
template <class D>
HWY_INLINE LaneSecond<D> swapped(const LaneSecond<D>& k) {
  return {k.d22, k.d11, k.d2c, k.d1c, k.dcc};
}

/// 1/D, D² = 1 + q1 + q2 + gram.
template <class D>
HWY_INLINE hn::Vec<D> inverse_root(D d, const LanePair<D>& p) {
  const auto one = hn::Set(d, 1.0);
  const auto square = hn::Add(hn::Add(one, p.gram), hn::Add(p.one.q, p.two.q));
  return hn::Div(one, hn::Sqrt(square));
}

/// S = √gram and π less the angle between w and v: a side of the half angle's triangle never cancels, so that
/// parallel, orthogonal and antiparallel neurons are exact to rounding alike.
template <class D>
HWY_INLINE void measure_angle(D d, const LanePair<D>& p, hn::Vec<D>* s, hn::Vec<D>* open) {
  const auto radii = hn::Sqrt(hn::Mul(p.one.q, p.two.q));
  *s = hn::Sqrt(p.gram);
  const auto adjacent = hn::Max(hn::Add(radii, hn::Abs(p.c)), hn::Set(d, 1e-300));
  const auto half = hn::Atan(d, hn::Div(*s, adjacent)), turn = hn::Add(half, half);
  *open = hn::IfThenElse(hn::Lt(p.c, hn::Zero(d)), turn, hn::Sub(hn::Set(d, std::numbers::pi), turn));
}

template <LaneActivation kind, class D>
HWY_INLINE LaneFirst<D> first(D d, const LanePair<D>& p) {
  constexpr double pi = std::numbers::pi;
  if constexpr (kind == LaneActivation::relu) {
    hn::Vec<D> s, open;
    measure_angle(d, p, &s, &open);
    const auto spread = hn::Mul(s, hn::Set(d, 1 / (4 * pi)));
    const auto part = hn::Set(d, 1 / (2 * pi));
    return {hn::Mul(hn::MulAdd(open, p.c, s), part), hn::Mul(spread, p.one.inverse),
            hn::Mul(spread, p.two.inverse), hn::Mul(open, part)};
  } else {
    // asin(c/√(AB)) = atan(c/D); phi is (1 + erf)/2.
    constexpr double part = kind == LaneActivation::phi ? 0.25 : 1.0;
    const auto root = inverse_root(d, p);
    const auto ratio = hn::Mul(p.c, root), slope = hn::Mul(ratio, hn::Set(d, -part / pi));
    auto value = hn::Mul(hn::Atan(d, ratio), hn::Set(d, part * 2 / pi));
    if constexpr (kind == LaneActivation::phi) value = hn::Add(value, hn::Set(d, 0.25));
    return {value, hn::Mul(slope, p.one.inverse), hn::Mul(slope, p.two.inverse),
            hn::Mul(root, hn::Set(d, part * 2 / pi))};
  }
}

template <LaneActivation kind, class D>
HWY_INLINE LaneSecond<D> second(D d, const LanePair<D>& p) {
  constexpr double pi = std::numbers::pi;
  if constexpr (kind == LaneActivation::relu) {
    const auto radii = hn::Sqrt(hn::Mul(p.one.q, p.two.q)), s = hn::Sqrt(p.gram);
    const auto apart = hn::Gt(s, hn::Mul(radii, hn::Set(d, 1e-5)));  // else coincident: see kernel.h
    const auto inverse =
        hn::IfThenElseZero(apart, hn::Div(hn::Set(d, 1 / (4 * pi)), hn::IfThenElse(apart, s, radii)));
    const auto sides = hn::IfThenElseZero(apart, hn::Mul(s, hn::Set(d, 1 / (4 * pi))));
    const auto minus = hn::Neg(hn::Mul(p.c, inverse)), half = hn::Mul(inverse, hn::Set(d, 0.5));
    const auto own = [&](const LaneRadius<D>& a, const LaneRadius<D>& b) {
      return hn::Mul(a.inverse, hn::NegMulAdd(sides, a.inverse, hn::Mul(half, b.q)));
    };
    return {own(p.one, p.two), own(p.two, p.one), hn::Mul(minus, p.one.inverse),
            hn::Mul(minus, p.two.inverse), hn::Add(inverse, inverse)};
  } else {
    constexpr double part = (kind == LaneActivation::phi ? 0.25 : 1.0) / pi;
    const auto one = hn::Set(d, 1.0), root = inverse_root(d, p), cube = hn::Mul(root, hn::Mul(root, root));
    const auto a = hn::Add(one, p.one.q), b = hn::Add(one, p.two.q), scale = hn::Set(d, part);
    const auto own = [&](hn::Vec<D> inverse, hn::Vec<D> other) {
      const auto sum = hn::MulAdd(inverse, root, hn::Mul(hn::Mul(other, cube), hn::Set(d, 0.5)));
      return hn::Mul(hn::Mul(scale, p.c), hn::Mul(inverse, sum));
    };
    const auto minus = hn::Neg(hn::Mul(scale, cube));
    return {own(p.one.inverse, b), own(p.two.inverse, a), hn::Mul(minus, b), hn::Mul(minus, a),
            hn::Mul(hn::Mul(hn::Set(d, 2.0), scale), hn::Mul(p.c, cube))};
  }
}

}  // namespace starling::students::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
