// The landscape of one student in every lane. Included once per target, inside foreach_target.
#if defined(STARLING_STUDENTS_LANE_LANDSCAPE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STARLING_STUDENTS_LANE_LANDSCAPE_INL_H_
#undef STARLING_STUDENTS_LANE_LANDSCAPE_INL_H_
#else
#define STARLING_STUDENTS_LANE_LANDSCAPE_INL_H_
#endif

#include <algorithm>
#include <vector>

#include "starling/simd/cholesky-inl.h"
#include "starling/simd/lane_vector.h"
#include "starling/systems/students/lane_kernels-inl.h"
#include "starling/systems/students/lane_problem.h"

HWY_BEFORE_NAMESPACE();
namespace starling::students::HWY_NAMESPACE {

/// Gradient and Hessian of the loss for as many students as a vector has lanes, all of one shape and against
/// one teacher. Parameter p of the students is the vector at `y + p * lanes`: w row by row, then a where it
/// is free. Formulas: landscape.h, curvature.h; this is their twin for speed, and tests hold the two
/// together.
template <LaneActivation kind>
class LaneLandscape {
  using D = hn::ScalableTag<double>;
  using V = hn::Vec<D>;
  using Pair = LanePair<D>;
  using Index = std::ptrdiff_t;

 public:
  /// `problem` must outlive this.
  explicit LaneLandscape(const LaneProblem& problem)
      : problem_(problem),
        lanes_(static_cast<Index>(hn::Lanes(d_))),
        radius_(room(2 * problem.students)),
        force_(room(problem.parameters() + problem.students)),
        mixed_(room(problem.students * problem.dimension)),
        onto_(room(2 * problem.students)),
        left_(room(problem.dimension)),
        right_(room(problem.dimension)),
        fixed_(room(problem.students)),
        alive_(static_cast<std::size_t>(problem.students * lanes_), 1.0) {}

  Index size() const { return problem_.parameters(); }
  Index lanes() const { return lanes_; }

  /// Where outgoing weights that do not move are kept: vector i for student i.
  double* fixed_outgoing() { return fixed_.data(); }
  /// 1, or 0 for a neuron that has died: with w = 0 and a = 0 it then stays where it is.
  double* alive() { return alive_.data(); }

  /// out = dL/dy.
  HWY_NOINLINE void gradient(const double* y, double* out) {
    const Index n = problem_.students, dim = problem_.dimension;
    const double* a = outgoing(y);
    double* value = force_.data() + n * dim * lanes_;  // dL/da_i / 2
    collect_forces(y, a, force_.data(), value);
    for (Index i = 0; i < n; ++i) {
      const V twice = hn::Mul(hn::Set(d_, 2.0), load(a, i));
      for (Index r = 0; r < dim; ++r)
        store(hn::Mul(twice, load(force_.data(), i * dim + r)), out, i * dim + r);
    }
    if (!problem_.free) return;
    for (Index i = 0; i < n; ++i) store(hn::Mul(hn::Set(d_, 2.0), load(value, i)), out, n * dim + i);
  }

  /// The Hessian's lower triangle, packed as simd/cholesky-inl.h has it.
  HWY_NOINLINE void hessian(const double* y, double* out) {
    const Index n = problem_.students, dim = problem_.dimension;
    const double* a = outgoing(y);
    prepare(y);
    std::fill(force_.data(), force_.data() + (n * dim + n) * lanes_, 0.0);
    std::fill(mixed_.data(), mixed_.data() + n * dim * lanes_, 0.0);
    std::fill(onto_.data(), onto_.data() + 2 * n * lanes_, 0.0);
    for (Index i = 0; i < n; ++i) add_teachers(y, a, i, out);
    for (Index i = 0; i < n; ++i) {
      for (Index j = 0; j < i; ++j) add_pair(y, a, i, j, out);
    }
    for (Index i = 0; i < n; ++i) finish_own(y, a, i, out);
  }

 private:
  simd::LaneVector room(Index vectors) const {
    return simd::LaneVector(static_cast<std::size_t>(vectors * lanes_));
  }
  const double* outgoing(const double* y) const {
    return problem_.free ? y + problem_.students * problem_.dimension * lanes_ : fixed_.data();
  }
  HWY_INLINE V load(const double* p, Index i) const { return hn::Load(d_, p + i * lanes_); }
  HWY_INLINE void store(V v, double* p, Index i) const { hn::Store(v, d_, p + i * lanes_); }
  HWY_INLINE void add(V v, double* p, Index i) const { store(hn::Add(load(p, i), v), p, i); }
  HWY_INLINE void add_product(V x, V y, double* p, Index i) const {
    store(hn::MulAdd(x, y, load(p, i)), p, i);
  }

  HWY_INLINE LaneRadius<D> radius(Index i) const {
    return {load(radius_.data(), 2 * i), load(radius_.data(), 2 * i + 1)};
  }

  HWY_INLINE void prepare(const double* y) {
    const Index dim = problem_.dimension;
    for (Index i = 0; i < problem_.students; ++i) {
      V q = hn::Zero(d_);
      for (Index r = 0; r < dim; ++r) q = hn::MulAdd(load(y, i * dim + r), load(y, i * dim + r), q);
      const LaneRadius<D> made = make_radius<kind>(d_, q);
      store(made.q, radius_.data(), 2 * i);
      store(made.inverse, radius_.data(), 2 * i + 1);
    }
  }

  HWY_INLINE Pair student_pair(const double* y, Index i, Index j) const {
    const Index dim = problem_.dimension;
    Pair pair{radius(i), radius(j), hn::Zero(d_), hn::Zero(d_)};
    for (Index r = 0; r < dim; ++r) pair.c = hn::MulAdd(load(y, i * dim + r), load(y, j * dim + r), pair.c);
    if constexpr (kind == LaneActivation::relu) {
      // |w_i|² |w_j - (c/q_i) w_i|²: the difference of products loses all digits where the two align.
      const V share = hn::Mul(pair.c, pair.one.inverse);
      for (Index r = 0; r < dim; ++r) {
        const V rest = hn::NegMulAdd(share, load(y, i * dim + r), load(y, j * dim + r));
        pair.gram = hn::MulAdd(rest, rest, pair.gram);
      }
      pair.gram = hn::Mul(pair.gram, pair.one.q);
    } else {
      pair.gram = hn::NegMulAdd(pair.c, pair.c, hn::Mul(pair.one.q, pair.two.q));
    }
    return pair;
  }

  HWY_INLINE Pair self_pair(Index i) const { return {radius(i), radius(i), radius(i).q, hn::Zero(d_)}; }

  HWY_INLINE Pair teacher_pair(const double* y, Index i, Index j) const {
    const Index dim = problem_.dimension;
    const LaneTeacher& teacher = problem_.teachers[static_cast<std::size_t>(j)];
    const V q = hn::Set(d_, teacher.square);
    Pair pair{radius(i), make_radius<kind>(d_, q), hn::Zero(d_), hn::Zero(d_)};
    for (const LaneEntry& entry : teacher.entries)
      pair.c = hn::MulAdd(load(y, i * dim + entry.index), hn::Set(d_, entry.value), pair.c);
    if constexpr (kind == LaneActivation::relu) {
      const V share = hn::Mul(pair.c, pair.two.inverse);
      auto entry = teacher.entries.begin();
      for (Index r = 0; r < dim; ++r) {
        V rest = load(y, i * dim + r);
        if (entry != teacher.entries.end() && entry->index == r)
          rest = hn::NegMulAdd(share, hn::Set(d_, (entry++)->value), rest);
        pair.gram = hn::MulAdd(rest, rest, pair.gram);
      }
      pair.gram = hn::Mul(pair.gram, q);
    } else {
      pair.gram = hn::NegMulAdd(pair.c, pair.c, hn::Mul(pair.one.q, q));
    }
    return pair;
  }

  // force_i = R_i, value_i = Σ_j a_j g_ij - Σ_j b_j g(w_i, v_j).
  HWY_INLINE void collect_forces(const double* y, const double* a, double* force, double* value) {
    const Index n = problem_.students, dim = problem_.dimension;
    prepare(y);
    for (Index i = 0; i < n; ++i) {
      const LaneFirst<D> self = first<kind>(d_, self_pair(i));
      const V weight = load(a, i);
      const V along = hn::Mul(weight, hn::MulAdd(hn::Set(d_, 2.0), self.d1, self.dc));
      for (Index r = 0; r < dim; ++r) store(hn::Mul(along, load(y, i * dim + r)), force, i * dim + r);
      V sum = hn::Mul(weight, self.value), radial = hn::Zero(d_);
      for (Index j = 0; j < static_cast<Index>(problem_.teachers.size()); ++j) {
        const LaneTeacher& teacher = problem_.teachers[static_cast<std::size_t>(j)];
        const LaneFirst<D> k = first<kind>(d_, teacher_pair(y, i, j));
        const V minus = hn::Set(d_, -teacher.outgoing);
        sum = hn::MulAdd(minus, k.value, sum);
        radial = hn::MulAdd(minus, k.d1, radial);
        const V pull = hn::Mul(minus, k.dc);
        for (const LaneEntry& entry : teacher.entries)
          add_product(pull, hn::Set(d_, entry.value), force, i * dim + entry.index);
      }
      store(sum, value, i);
      add_own(radial, y, i, force);
      for (Index j = 0; j < i; ++j) {
        const LaneFirst<D> k = first<kind>(d_, student_pair(y, i, j));
        add_forces(k, y, a, i, j, force);
        add_forces(swapped(k), y, a, j, i, force);
        add_product(load(a, j), k.value, value, i);
        add_product(load(a, i), k.value, value, j);
      }
    }
  }

  HWY_INLINE void add_own(V radial, const double* y, Index i, double* force) {
    const Index dim = problem_.dimension;
    const V twice = hn::Add(radial, radial);
    for (Index r = 0; r < dim; ++r) add_product(twice, load(y, i * dim + r), force, i * dim + r);
  }

  // R_i += a_j (2 κ_1 w_i + κ_c w_j).
  HWY_INLINE void add_forces(const LaneFirst<D>& k, const double* y, const double* a, Index i, Index j,
                             double* force) {
    const Index dim = problem_.dimension;
    const V weight = load(a, j), own = hn::Mul(weight, hn::Add(k.d1, k.d1)), other = hn::Mul(weight, k.dc);
    for (Index r = 0; r < dim; ++r) {
      const V sum = hn::MulAdd(own, load(y, i * dim + r), load(force, i * dim + r));
      store(hn::MulAdd(other, load(y, j * dim + r), sum), force, i * dim + r);
    }
  }

  HWY_INLINE Index at(Index row, Index column) const { return simd::HWY_NAMESPACE::packed_row(row) + column; }

  // Starts block (w_i, w_i) with the teachers' part: -b_j κ_cc v_j v_j', and gathers the rest of theirs.
  HWY_INLINE void add_teachers(const double* y, const double* a, Index i, double* out) {
    const Index dim = problem_.dimension;
    for (Index r = 0; r < dim; ++r) {
      for (Index c = 0; c <= r; ++c) store(hn::Zero(d_), out, at(i * dim + r, i * dim + c));
    }
    const V twice = hn::Mul(hn::Set(d_, 2.0), load(a, i));
    for (Index j = 0; j < static_cast<Index>(problem_.teachers.size()); ++j) {
      const LaneTeacher& teacher = problem_.teachers[static_cast<std::size_t>(j)];
      const Pair pair = teacher_pair(y, i, j);
      const LaneFirst<D> k = first<kind>(d_, pair);
      const LaneSecond<D> s = second<kind>(d_, pair);
      const V minus = hn::Set(d_, -teacher.outgoing);
      gather(minus, k, s, i);
      const V pull = hn::Mul(minus, k.dc), mix = hn::Mul(minus, hn::Add(s.d1c, s.d1c));
      const V square = hn::Mul(twice, hn::Mul(minus, s.dcc));
      for (std::size_t e = 0; e < teacher.entries.size(); ++e) {
        const LaneEntry& row = teacher.entries[e];
        const V scaled = hn::Set(d_, row.value);
        add_product(pull, scaled, force_.data(), i * dim + row.index);
        add_product(mix, scaled, mixed_.data(), i * dim + row.index);
        const V product = hn::Mul(square, scaled);
        for (std::size_t f = 0; f <= e; ++f) {
          const LaneEntry& column = teacher.entries[f];
          add_product(product, hn::Set(d_, column.value), out,
                      at(i * dim + row.index, i * dim + column.index));
        }
      }
    }
  }

  // What one neuron adds to the multiples of I and of w w' in block (w_i, w_i).
  HWY_INLINE void gather(V weight, const LaneFirst<D>& k, const LaneSecond<D>& s, Index i) {
    add_product(weight, hn::Add(k.d1, k.d1), onto_.data(), 2 * i);
    add_product(weight, hn::Mul(hn::Set(d_, 4.0), s.d11), onto_.data(), 2 * i + 1);
  }

  // Everything that students i > j owe to each other.
  HWY_INLINE void add_pair(const double* y, const double* a, Index i, Index j, double* out) {
    const Pair pair = student_pair(y, i, j);
    const LaneFirst<D> k = first<kind>(d_, pair);
    const LaneSecond<D> s = second<kind>(d_, pair);
    add_exchange(k, s, y, a, i, j, out);
    add_seen(k, s, y, a, i, j, out);
    add_seen(swapped(k), swapped(s), y, a, j, i, out);
    if (!problem_.free) return;
    const Index n = problem_.students, dim = problem_.dimension;
    store(hn::Add(k.value, k.value), out, at(n * dim + i, n * dim + j));
    add_coupling(k, y, a, i, j, out);
    add_coupling(swapped(k), y, a, j, i, out);
  }

  // (w_i, w_j) = 2 a_i a_j H_wv(w_i, w_j).
  HWY_INLINE void add_exchange(const LaneFirst<D>& k, const LaneSecond<D>& s, const double* y,
                               const double* a, Index i, Index j, double* out) {
    const Index dim = problem_.dimension;
    const V scale = hn::Mul(hn::Set(d_, 2.0), hn::Mul(load(a, i), load(a, j)));
    const V cc = hn::Mul(scale, s.dcc), one = hn::Mul(scale, hn::Add(s.d1c, s.d1c));
    const V two = hn::Mul(scale, hn::Add(s.d2c, s.d2c)), diagonal = hn::Mul(scale, k.dc);
    for (Index c = 0; c < dim; ++c) {
      const V w = load(y, i * dim + c), v = load(y, j * dim + c);
      store(hn::MulAdd(cc, v, hn::Mul(one, w)), left_.data(), c);  // 4 κ_12 = κ_cc
      store(hn::MulAdd(cc, w, hn::Mul(two, v)), right_.data(), c);
    }
    for (Index r = 0; r < dim; ++r) {
      const V w = load(y, i * dim + r), v = load(y, j * dim + r);
      double* row = out + at(i * dim + r, j * dim) * lanes_;
      for (Index c = 0; c < dim; ++c)
        store(hn::MulAdd(w, load(left_.data(), c), hn::Mul(v, load(right_.data(), c))), row, c);
      add(diagonal, row, r);
    }
  }

  // What block (w_i, w_i) and R_i owe to student j.
  HWY_INLINE void add_seen(const LaneFirst<D>& k, const LaneSecond<D>& s, const double* y, const double* a,
                           Index i, Index j, double* out) {
    const Index dim = problem_.dimension;
    const V weight = load(a, j);
    gather(weight, k, s, i);
    const V pull = hn::Mul(weight, k.dc), mix = hn::Mul(weight, hn::Add(s.d1c, s.d1c));
    const V square = hn::Mul(hn::Mul(hn::Set(d_, 2.0), load(a, i)), hn::Mul(weight, s.dcc));
    for (Index r = 0; r < dim; ++r) {
      const V v = load(y, j * dim + r), scaled = hn::Mul(square, v);
      add_product(pull, v, force_.data(), i * dim + r);
      add_product(mix, v, mixed_.data(), i * dim + r);
      double* row = out + at(i * dim + r, i * dim) * lanes_;
      for (Index c = 0; c <= r; ++c) add_product(scaled, load(y, j * dim + c), row, c);
    }
  }

  // (w_i, a_j) = 2 a_i ∂_w g(w_i, w_j), for j ≠ i.
  HWY_INLINE void add_coupling(const LaneFirst<D>& k, const double* y, const double* a, Index i, Index j,
                               double* out) {
    const Index n = problem_.students, dim = problem_.dimension;
    const V twice = hn::Mul(hn::Set(d_, 2.0), load(a, i));
    const V own = hn::Mul(twice, hn::Add(k.d1, k.d1)), other = hn::Mul(twice, k.dc);
    double* row = out + at(n * dim + j, i * dim) * lanes_;
    for (Index c = 0; c < dim; ++c)
      store(hn::MulAdd(own, load(y, i * dim + c), hn::Mul(other, load(y, j * dim + c))), row, c);
  }

  // Completes block (w_i, w_i), its neuron's pair with itself included, and (w_i, a_i), (a_i, a_i).
  HWY_INLINE void finish_own(const double* y, const double* a, Index i, double* out) {
    const Index n = problem_.students, dim = problem_.dimension;
    const Pair pair = self_pair(i);
    const LaneFirst<D> k = first<kind>(d_, pair);
    const LaneSecond<D> s = second<kind>(d_, pair);
    const V weight = load(a, i), twice = hn::Add(weight, weight);
    const V cross = hn::Add(s.d1c, s.d1c), both = hn::Add(cross, s.dcc);
    // With itself: H_ww = 2κ_1 I + (4κ_11 + 4κ_1c + κ_cc) ww', H_wv = κ_c I + (4κ_12 + 2κ_1c + 2κ_2c + κ_cc)
    // ww'.
    const V radial = load(onto_.data(), 2 * i),
            self = hn::MulAdd(hn::Set(d_, 4.0), s.d11, hn::Add(cross, both));
    const V exchange = hn::Add(hn::Add(cross, both), s.dcc);
    V identity = hn::MulAdd(weight, hn::Add(hn::Add(k.d1, k.d1), k.dc), radial);
    V onto = hn::MulAdd(weight, hn::Add(self, exchange), load(onto_.data(), 2 * i + 1));
    identity = hn::Mul(twice, identity);
    onto = hn::Mul(twice, onto);
    for (Index r = 0; r < dim; ++r) {
      const V w = load(y, i * dim + r), m = hn::Mul(twice, load(mixed_.data(), i * dim + r));
      const V slope = hn::MulAdd(onto, w, m), wide = hn::Mul(twice, w);
      double* row = out + at(i * dim + r, i * dim) * lanes_;
      for (Index c = 0; c <= r; ++c) {
        const V sum = hn::MulAdd(slope, load(y, i * dim + c), load(row, c));
        store(hn::MulAdd(wide, load(mixed_.data(), i * dim + c), sum), row, c);
      }
      add(identity, row, r);
    }
    if (!problem_.free) return;
    const V along = hn::MulAdd(hn::Set(d_, 2.0), k.d1, k.dc), slope = hn::Mul(twice, along);
    const V own = hn::MulAdd(weight, along, radial);  // the multiple of w_i in R_i
    const V lively = hn::Mul(hn::Set(d_, 2.0), load(alive_.data(), i));
    double* row = out + at(n * dim + i, i * dim) * lanes_;
    for (Index c = 0; c < dim; ++c) {
      const V w = load(y, i * dim + c), force = hn::MulAdd(own, w, load(force_.data(), i * dim + c));
      store(hn::MulAdd(slope, w, hn::Mul(lively, force)), row, c);
    }
    store(hn::Add(k.value, k.value), out, at(n * dim + i, n * dim + i));
  }

  const LaneProblem& problem_;
  D d_;
  Index lanes_;
  simd::LaneVector radius_;        // per student: q, then its inverse
  simd::LaneVector force_;         // R, then the sums of values
  simd::LaneVector mixed_;         // 2 Σ weight κ_1c x
  simd::LaneVector onto_;          // per student: 2 Σ weight κ_1, then 4 Σ weight κ_11
  simd::LaneVector left_, right_;  // of add_exchange
  simd::LaneVector fixed_, alive_;
};

}  // namespace starling::students::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
