// A stiff gradient flow in every lane. Included once per target, inside foreach_target.
#if defined(STARLING_FLOWS_LANE_ROSENBROCK_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STARLING_FLOWS_LANE_ROSENBROCK_INL_H_
#undef STARLING_FLOWS_LANE_ROSENBROCK_INL_H_
#else
#define STARLING_FLOWS_LANE_ROSENBROCK_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include "starling/flows/rodas.h"
#include "starling/simd/cholesky-inl.h"
#include "starling/simd/lane_vector.h"

HWY_BEFORE_NAMESPACE();
namespace starling::flows::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// dy/dt = -∇L(y) for as many y as a vector has lanes, each with a time, a step length and an error control
/// of its own: no lane's bytes depend on its neighbours. The system offers
///   size(), gradient(y, out), hessian(y, out): the lower triangle, packed as simd/cholesky-inl.h has it.
/// A step is refused where I + γ h ∇²L is not positive definite: there it would be longer than the time in
/// which neighbouring trajectories part.
template <class System>
class LaneRosenbrock {
  using D = hn::ScalableTag<double>;
  using V = hn::Vec<D>;
  using Index = std::ptrdiff_t;

 public:
  /// Errors of a step are measured relative to `atol + rtol |y|`, the largest entry counts. `system` must
  /// outlive this.
  LaneRosenbrock(System& system, double rtol, double atol)
      : system_(system),
        rtol_(rtol),
        atol_(atol),
        lanes_(static_cast<Index>(hn::Lanes(d_))),
        size_(system.size()),
        padded_((size_ + tile - 1) / tile * tile),
        y_(room(size_)),
        next_(room(size_)),
        gradient_(room(size_)),
        stages_(room(Rodas::stages * padded_)),
        matrix_(room(simd::HWY_NAMESPACE::packed_row(padded_))),
        time_(room(1)),
        step_(room(1)) {}

  Index lanes() const { return lanes_; }
  double* y() { return y_.data(); }                            ///< entry p of lane l at p * lanes() + l
  const double* gradient() const { return gradient_.data(); }  ///< at y, once evaluate() has run
  double time(Index lane) const { return time_[static_cast<std::size_t>(lane)]; }
  double step(Index lane) const { return step_[static_cast<std::size_t>(lane)]; }

  /// After y of a lane was set anew.
  void restart(Index lane, double step) {
    time_[static_cast<std::size_t>(lane)] = 0;
    step_[static_cast<std::size_t>(lane)] = step;
  }

  void evaluate() { system_.gradient(y_.data(), gradient_.data()); }

  /// max |∇L| of each lane, after evaluate(); NaN where an entry is.
  HWY_NOINLINE void largest_gradient(double* out) const {
    V most = hn::Zero(d_);
    auto lost = hn::Ne(most, most);
    for (Index p = 0; p < size_; ++p) {
      const V g = hn::Abs(load(gradient_, p));
      lost = hn::Or(lost, hn::Ne(g, g));
      most = hn::Max(most, g);
    }
    hn::Store(hn::IfThenElse(lost, hn::Set(d_, std::numeric_limits<double>::quiet_NaN()), most), d_, out);
  }

  /// One step in every lane, accepted or refused; the gradient must be that at y.
  HWY_NOINLINE void advance() {
    const V h = hn::Load(d_, step_.data()), one = hn::Set(d_, 1.0);
    const V inverse = hn::Div(one, h);
    system_.hessian(y_.data(), matrix_.data());
    shift(hn::Mul(inverse, hn::Set(d_, 1 / Rodas::gamma)));
    const auto definite = simd::HWY_NAMESPACE::factorise(d_, padded_, matrix_.data());
    for (int stage = 0; stage < Rodas::stages; ++stage) solve_stage(stage, inverse);
    const V error = finish();
    // NaN compares false: such a step is refused.
    const auto accepted = hn::And(definite, hn::Le(error, one));
    for (Index p = 0; p < size_; ++p) store(hn::IfThenElse(accepted, load(next_, p), load(y_, p)), y_, p);
    hn::Store(hn::Add(hn::Load(d_, time_.data()), hn::IfThenElseZero(accepted, h)), d_, time_.data());
    alignas(64) double errors[max_lanes], fits[max_lanes];
    hn::Store(error, d_, errors);
    hn::Store(hn::IfThenElseZero(definite, one), d_, fits);
    for (Index lane = 0; lane < lanes_; ++lane)
      step_[static_cast<std::size_t>(lane)] *= fits[lane] > 0 ? step_growth(errors[lane]) : shrink;
  }

 private:
  static constexpr Index tile = simd::HWY_NAMESPACE::cholesky_tile;
  static constexpr Index max_lanes = 32;
  static constexpr double shrink = 0.2;  // of a step whose matrix is not positive definite

  simd::LaneVector room(Index vectors) const {
    return simd::LaneVector(static_cast<std::size_t>(vectors * lanes_));
  }
  HWY_INLINE V load(const simd::LaneVector& p, Index i) const { return hn::Load(d_, p.data() + i * lanes_); }
  HWY_INLINE void store(V v, simd::LaneVector& p, Index i) const { hn::Store(v, d_, p.data() + i * lanes_); }
  double* stage(int i) { return stages_.data() + i * padded_ * lanes_; }

  // H + s I, and ones on the diagonal of the padding.
  HWY_INLINE void shift(V s) {
    for (Index r = 0; r < padded_; ++r) {
      const Index row = simd::HWY_NAMESPACE::packed_row(r);
      if (r < size_) {
        store(hn::Add(load(matrix_, row + r), s), matrix_, row + r);
        continue;
      }
      for (Index c = 0; c < r; ++c) store(hn::Zero(d_), matrix_, row + c);
      store(hn::Set(d_, 1.0), matrix_, row + r);
    }
  }

  // (I/γh + H) k_i = -∇L(y + Σ_j a_ij k_j) + Σ_j (c_ij/h) k_j.
  HWY_INLINE void solve_stage(int i, V inverse) {
    double* k = stage(i);
    if (i == 0) {
      for (Index p = 0; p < size_; ++p) hn::Store(hn::Neg(load(gradient_, p)), d_, k + p * lanes_);
    } else {
      combine(i);
      system_.gradient(next_.data(), k);
      for (Index p = 0; p < size_; ++p) {
        V sum = hn::Zero(d_);
        for (int j = 0; j < i; ++j)
          sum = hn::MulAdd(hn::Set(d_, Rodas::c[i][j]), hn::Load(d_, stage(j) + p * lanes_), sum);
        hn::Store(hn::MulSub(sum, inverse, hn::Load(d_, k + p * lanes_)), d_, k + p * lanes_);
      }
    }
    std::fill(k + size_ * lanes_, k + padded_ * lanes_, 0.0);
    simd::HWY_NAMESPACE::solve(d_, padded_, matrix_.data(), k);
  }

  HWY_INLINE void combine(int i) {
    for (Index p = 0; p < size_; ++p) {
      V sum = load(y_, p);
      for (int j = 0; j < i; ++j)
        sum = hn::MulAdd(hn::Set(d_, Rodas::a[i][j]), hn::Load(d_, stage(j) + p * lanes_), sum);
      store(sum, next_, p);
    }
  }

  // The new value, from the argument of the last stage, and the largest scaled error.
  HWY_INLINE V finish() {
    V most = hn::Zero(d_);
    auto lost = hn::Ne(most, most);
    for (Index p = 0; p < size_; ++p) {
      const V error = hn::Load(d_, stage(Rodas::stages - 1) + p * lanes_);
      const V value = hn::Add(load(next_, p), error);
      store(value, next_, p);
      const V size = hn::Max(hn::Abs(value), hn::Abs(load(y_, p)));
      const V scaled = hn::Div(hn::Abs(error), hn::MulAdd(size, hn::Set(d_, rtol_), hn::Set(d_, atol_)));
      lost = hn::Or(lost, hn::Ne(scaled, scaled));
      most = hn::Max(most, scaled);
    }
    return hn::IfThenElse(lost, hn::Set(d_, std::numeric_limits<double>::quiet_NaN()), most);
  }

  System& system_;
  double rtol_, atol_;
  D d_;
  Index lanes_, size_, padded_;
  simd::LaneVector y_, next_, gradient_, stages_, matrix_, time_, step_;
};

}  // namespace starling::flows::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
