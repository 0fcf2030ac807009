// Attention heads with one sequence in every lane. Included once per target, inside foreach_target. The
// formulas stand in lane_attention.h.
#if defined(STARLING_KERNELS_LANE_ATTENTION_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STARLING_KERNELS_LANE_ATTENTION_INL_H_
#undef STARLING_KERNELS_LANE_ATTENTION_INL_H_
#else
#define STARLING_KERNELS_LANE_ATTENTION_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cmath>

#include "starling/kernels/lane_attention.h"
#include "starling/kernels/lane_rows-inl.h"
#include "starling/simd/exp-inl.h"

HWY_BEFORE_NAMESPACE();
namespace starling::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class D, bool shared>
class LaneAttention {
  using T = hn::TFromD<D>;
  using V = hn::Vec<D>;
  using Index = std::ptrdiff_t;

 public:
  LaneAttention(D d, const AttentionShape& shape, T* room)
      : d_(d),
        lanes_(static_cast<Index>(hn::Lanes(d))),
        n_(shape.tokens),
        width_(shape.width),
        r_(shape.head_width),
        causal_(shape.causal),
        beta_(static_cast<T>(1 / std::sqrt(static_cast<double>(shape.head_width)))),
        unit_(shared ? 1 : lanes_) {
    T* at = room;
    const auto take = [&at, this](Index vectors) {
      T* begin = at;
      at += vectors * lanes_;
      return begin;
    };
    for (T** part : {&q_, &k_, &v_, &z_, &dq_, &dk_, &dv_, &dz_}) *part = take(n_ * r_);
    weight_ = take(n_ * n_);
    slope_ = take(n_ * n_);
    gradient_ = take(4 * r_ * width_);
  }

  HWY_NOINLINE void forward(const T* head, T scale, const T* x, T* out) {
    attend(head, x);
    multiply(z_, n_ * r_, scale);
    add_outputs(head, z_, out);
  }

  HWY_NOINLINE void tangent(const T* head, T scale, const T* x, const T* dx, T* out) {
    attend(head, x);
    project(matrix(head, 0), dx, dq_);
    project(matrix(head, 1), dx, dk_);
    project(matrix(head, 2), dx, dv_);
    multiply(dq_, n_ * r_, beta_);
    lane_product<false, false>(d_, n_, n_, r_, tokens(dq_, r_), tokens(k_, r_), square(slope_));
    lane_product<false, true>(d_, n_, n_, r_, tokens(q_, r_), tokens(dk_, r_), square(slope_));
    centre();
    lane_product<false, false>(d_, n_, r_, n_, tokens(slope_, n_), columns(v_, r_), table(dz_, r_));
    lane_product<false, true>(d_, n_, r_, n_, tokens(weight_, n_), columns(dv_, r_), table(dz_, r_));
    multiply(dz_, n_ * r_, scale);
    add_outputs(head, dz_, out);
  }

  HWY_NOINLINE void adjoint(const T* head, T scale, const T* x, const T* p, T* out, T* gradient) {
    attend(head, x);
    // dz = p O, dv = wᵀ dz, and the slope of the loss in the weights w, then in the scores.
    lane_product<shared, false>(d_, n_, r_, width_, tokens(p, width_), transposed(matrix(head, 3), r_),
                                table(dz_, r_));
    lane_product<false, false>(d_, n_, r_, n_, columns(weight_, n_), columns(dz_, r_), table(dv_, r_));
    lane_product<false, false>(d_, n_, n_, r_, tokens(dz_, r_), tokens(v_, r_), square(slope_));
    centre();
    // q_ carries beta already; what flows back to Q x lacks it.
    lane_product<false, false>(d_, n_, r_, n_, tokens(slope_, n_), columns(k_, r_), table(dq_, r_));
    lane_product<false, false>(d_, n_, r_, n_, columns(slope_, n_), columns(q_, r_), table(dk_, r_));
    multiply(dq_, n_ * r_, beta_);
    if (gradient != nullptr) add_gradient(x, p, gradient);
    const T* flows[3] = {dq_, dk_, dv_};
    for (Index m = 0; m < 3; ++m) {
      multiply(const_cast<T*>(flows[m]), n_ * r_, scale);
      lane_product<shared, true>(d_, n_, width_, r_, tokens(flows[m], r_),
                                 transposed(matrix(head, m), width_), table(out, width_));
    }
  }

 private:
  const T* matrix(const T* head, Index m) const { return head + m * r_ * width_ * unit_; }

  // A table of vectors read row by row; column by column; a matrix of weights; its transpose.
  LaneOperand<T> tokens(const T* at, Index across) const { return {at, across * lanes_, lanes_}; }
  LaneOperand<T> columns(const T* at, Index across) const { return {at, lanes_, across * lanes_}; }
  LaneOperand<T> weights(const T* at, Index across) const { return {at, across * unit_, unit_}; }
  LaneOperand<T> transposed(const T* at, Index across) const { return {at, unit_, across * unit_}; }
  LaneTarget<T> table(T* at, Index across) const { return {at, across * lanes_, lanes_}; }
  LaneTarget<T> square(T* at) const { return table(at, n_); }

  HWY_INLINE void multiply(T* at, Index vectors, T factor) {
    const V f = hn::Set(d_, factor);
    for (Index i = 0; i < vectors; ++i)
      hn::Store(hn::Mul(hn::Load(d_, at + i * lanes_), f), d_, at + i * lanes_);
  }

  HWY_INLINE void project(const T* w, const T* x, T* out) {
    lane_product<shared, false>(d_, n_, r_, width_, tokens(x, width_), weights(w, width_), table(out, r_));
  }

  HWY_INLINE void add_outputs(const T* head, const T* z, T* out) {
    lane_product<shared, true>(d_, n_, width_, r_, tokens(z, r_), weights(matrix(head, 3), r_),
                               table(out, width_));
  }

  // q = beta Q x, k = K x, v = V x, weight = softmax(q k'), z = weight v.
  HWY_INLINE void attend(const T* head, const T* x) {
    project(matrix(head, 0), x, q_);
    project(matrix(head, 1), x, k_);
    project(matrix(head, 2), x, v_);
    multiply(q_, n_ * r_, beta_);
    lane_product<false, false>(d_, n_, n_, r_, tokens(q_, r_), tokens(k_, r_), square(weight_));
    for (Index i = 0; i < n_; ++i) normalise(weight_ + i * n_ * lanes_, causal_ ? i + 1 : n_);
    lane_product<false, false>(d_, n_, r_, n_, tokens(weight_, n_), columns(v_, r_), table(z_, r_));
  }

  // Softmax of the first `seen` scores of a row; the others weigh 0.
  HWY_INLINE void normalise(T* row, Index seen) {
    V most = hn::Load(d_, row);
    for (Index j = 1; j < seen; ++j) most = hn::Max(most, hn::Load(d_, row + j * lanes_));
    V total = hn::Zero(d_);
    for (Index j = 0; j < seen; ++j) {
      const V e = simd::HWY_NAMESPACE::exp_of_nonpositive(d_, hn::Sub(hn::Load(d_, row + j * lanes_), most));
      hn::Store(e, d_, row + j * lanes_);
      total = hn::Add(total, e);
    }
    const V share = hn::Div(hn::Set(d_, T(1)), total);
    for (Index j = 0; j < seen; ++j)
      hn::Store(hn::Mul(hn::Load(d_, row + j * lanes_), share), d_, row + j * lanes_);
    for (Index j = seen; j < n_; ++j) hn::Store(hn::Zero(d_), d_, row + j * lanes_);
  }

  // slope <- w (slope - Σ_j w slope), row by row: the derivative of softmax, which is symmetric.
  HWY_INLINE void centre() {
    for (Index i = 0; i < n_; ++i) {
      const Index seen = causal_ ? i + 1 : n_;
      const T* w = weight_ + i * n_ * lanes_;
      T* s = slope_ + i * n_ * lanes_;
      V mean = hn::Zero(d_);
      for (Index j = 0; j < seen; ++j)
        mean = hn::MulAdd(hn::Load(d_, w + j * lanes_), hn::Load(d_, s + j * lanes_), mean);
      for (Index j = 0; j < seen; ++j) {
        const V apart = hn::Sub(hn::Load(d_, s + j * lanes_), mean);
        hn::Store(hn::Mul(hn::Load(d_, w + j * lanes_), apart), d_, s + j * lanes_);
      }
      for (Index j = seen; j < n_; ++j) hn::Store(hn::Zero(d_), d_, s + j * lanes_);
    }
  }

  HWY_INLINE void add_gradient(const T* x, const T* p, T* gradient) {
    if constexpr (shared) {
      put_gradient<false>(x, p, gradient_);
      add_lane_sums(d_, 4 * r_ * width_, gradient_, gradient);
    } else {
      put_gradient<true>(x, p, gradient);
    }
  }

  template <bool add>
  HWY_INLINE void put_gradient(const T* x, const T* p, T* gradient) {
    const Index size = r_ * width_ * lanes_;
    const T* flows[3] = {dq_, dk_, dv_};
    for (Index m = 0; m < 3; ++m) {
      lane_product<false, add>(d_, r_, width_, n_, columns(flows[m], r_), columns(x, width_),
                               table(gradient + m * size, width_));
    }
    lane_product<false, add>(d_, width_, r_, n_, columns(p, width_), columns(z_, r_),
                             table(gradient + 3 * size, r_));
  }

  D d_;
  Index lanes_, n_, width_, r_;
  bool causal_;
  T beta_;
  Index unit_;  // numbers of an entry of the weights
  T *q_, *k_, *v_, *z_, *dq_, *dk_, *dv_, *dz_;
  T *weight_, *slope_, *gradient_;
};

}  // namespace starling::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
