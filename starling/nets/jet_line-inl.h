// The activation of a layer whose streams have the shape of JetLine, with all of a neuron in registers.
// Included once per target, inside foreach_target; never from a plain header.
#if defined(STARLING_NETS_JET_LINE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STARLING_NETS_JET_LINE_INL_H_
#undef STARLING_NETS_JET_LINE_INL_H_
#else
#define STARLING_NETS_JET_LINE_INL_H_
#endif

#include <hwy/highway.h>

#include <cstddef>

#include "starling/nets/activation_jets-inl.h"
#include "starling/nets/jet_layer.h"

HWY_BEFORE_NAMESPACE();
namespace starling::nets::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// The coefficients of a line as vectors, and one neuron's streams at one vector.
template <int order, class T>
class LineAt {
 public:
  using D = hn::ScalableTag<T>;
  using V = hn::Vec<D>;

  explicit LineAt(const JetHidden<T>& layer) : line_(layer.line), stride_(layer.stride) {
    for (std::size_t s = 0; s < line_.slopes; ++s) square_[s] = set(line_.square[s]);
    cubic_ = set(line_.cubic);
    quartic_ = set(line_.quartic);
  }

  /// h of every stream but 0 from z; f the derivatives of the activation.
  HWY_INLINE void forward(const V* f, const T* z, T* h) const {
    V squares = set(0);
    for (std::size_t s = 0; s < line_.slopes; ++s) {
      const V slope = at(z, line_.slope[s]);
      put(hn::Mul(f[1], slope), h, line_.slope[s]);
      squares = hn::MulAdd(hn::Mul(square_[s], slope), slope, squares);
    }
    V top = hn::MulAdd(f[2], squares, hn::Mul(f[1], at(z, line_.top)));
    if constexpr (order >= 3) {
      const Products p(*this, z);
      put(hn::MulAdd(f[2], p.z11, hn::Mul(f[1], p.z2)), h, line_.second);
      const V rest3 = hn::MulAdd(hn::Mul(set(3), f[2]), p.z12, hn::Mul(f[3], p.z111));
      top = hn::MulAdd(cubic_, rest3, top);
      if constexpr (order >= 4) {
        put(hn::MulAdd(f[1], p.z3, rest3), h, line_.third);
        const V rest4 =
            hn::MulAdd(f[2], p.quadratic, hn::MulAdd(hn::Mul(set(6), f[3]), p.z112, hn::Mul(f[4], p.z1111)));
        top = hn::MulAdd(quartic_, rest4, top);
      }
    }
    put(top, h, line_.top);
  }

  /// The bars of z, stream 0 too, from those of h.
  HWY_INLINE void reverse(const V* f, const T* z, const T* h, T* out) const {
    const V top = at(h, line_.top), top2 = hn::Mul(f[2], hn::Add(top, top));
    V value = hn::Mul(f[1], at(h, 0)), slopes = set(0), squares = set(0);
    V first = set(0);
    for (std::size_t s = 0; s < line_.slopes; ++s) {
      const V slope = at(z, line_.slope[s]), bar = at(h, line_.slope[s]), scaled = hn::Mul(square_[s], slope);
      slopes = hn::MulAdd(slope, bar, slopes);
      squares = hn::MulAdd(scaled, slope, squares);
      const V own = hn::MulAdd(scaled, top2, hn::Mul(f[1], bar));
      if (order >= 3 && s == 0) {
        first = own;
      } else {
        put(own, out, line_.slope[s]);
      }
    }
    slopes = hn::MulAdd(at(z, line_.top), top, slopes);
    put(hn::Mul(f[1], top), out, line_.top);
    V curved = hn::Mul(squares, top);  // what f₃ multiplies
    if constexpr (order >= 3) {
      const Products p(*this, z);
      const V bar2 = at(h, line_.second), cubic = hn::Mul(cubic_, top);
      // g_k, the derivatives of f₁ along the line
      const V g1 = hn::Mul(f[2], p.z1), g2 = hn::MulAdd(f[3], p.z11, hn::Mul(f[2], p.z2));
      slopes = hn::MulAdd(p.z2, bar2, slopes);
      curved = hn::MulAdd(p.z11, bar2, curved);
      V third = cubic;  // what the third derivative's own terms count, in T and beside it
      if constexpr (order >= 4) third = hn::Add(third, at(h, line_.third));
      curved = hn::MulAdd(hn::Mul(set(3), p.z12), third, curved);
      V fourth = hn::Mul(p.z111, third);  // what f₄ multiplies
      first = hn::MulAdd(hn::Add(g1, g1), bar2, first);
      first = hn::MulAdd(hn::Mul(set(3), g2), third, first);
      V second = hn::MulAdd(hn::Mul(set(3), g1), third, hn::Mul(f[1], bar2));
      if constexpr (order >= 4) {
        const V bar3 = at(h, line_.third), quartic = hn::Mul(quartic_, top), four = hn::Mul(set(4), quartic);
        slopes = hn::MulAdd(p.z3, bar3, slopes);
        curved = hn::MulAdd(p.quadratic, quartic, curved);
        fourth = hn::MulAdd(hn::Mul(set(6), p.z112), quartic, fourth);
        const V g3 = hn::MulAdd(f[2], p.z3, hn::MulAdd(hn::Mul(set(3), f[3]), p.z12, hn::Mul(f[4], p.z111)));
        first = hn::MulAdd(g3, four, first);
        second = hn::MulAdd(hn::Mul(set(6), g2), quartic, second);
        put(hn::MulAdd(g1, four, hn::Mul(f[1], bar3)), out, line_.third);
        value = hn::MulAdd(hn::Mul(f[5], p.z1111), quartic, value);
      }
      value = hn::MulAdd(f[4], fourth, value);
      put(first, out, line_.slope[0]);
      put(second, out, line_.second);
    }
    put(hn::MulAdd(f[2], slopes, hn::MulAdd(f[3], curved, value)), out, 0);
  }

 private:
  struct Products {
    V z1, z2, z3, z11, z12, z111, z112, z1111, quadratic;  // quadratic: 4 z₁ z₃ + 3 z₂²
    Products(const LineAt& own, const T* z)
        : z1(own.at(z, own.line_.slope[0])), z2(own.at(z, own.line_.second)) {
      z11 = hn::Mul(z1, z1);
      z12 = hn::Mul(z1, z2);
      z111 = hn::Mul(z11, z1);
      if constexpr (order >= 4) {
        z3 = own.at(z, own.line_.third);
        z112 = hn::Mul(z11, z2);
        z1111 = hn::Mul(z11, z11);
        quadratic = hn::MulAdd(hn::Mul(set(4), z1), z3, hn::Mul(hn::Mul(set(3), z2), z2));
      }
    }
  };

  static V set(double value) { return hn::Set(D(), static_cast<T>(value)); }
  V at(const T* streams, std::uint16_t s) const { return hn::Load(D(), streams + s * stride_); }
  void put(V value, T* streams, std::uint16_t s) const { hn::Store(value, D(), streams + s * stride_); }

  const JetLine& line_;
  std::ptrdiff_t stride_;
  V square_[most_axes], cubic_, quartic_;
};

/// As `activate`, for a line of that order.
template <JetActivation kind, int order, class T>
HWY_NOINLINE void activate_line(const JetHidden<T>& layer, const T* z, T* kept, T* out) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<std::ptrdiff_t>(hn::Lanes(d));
  const LineAt<order, T> line(layer);
  for (std::ptrdiff_t n = 0; n < layer.neurons; ++n) {
    for (std::ptrdiff_t v = 0; v < layer.width * lanes; v += lanes) {
      const std::ptrdiff_t at = n * row_length<T> + v;
      const auto value = hn::Load(d, z + at);
      const auto both = evaluate<kind>(d, value);
      hn::Store(both.first, d, kept + n * row_length<T> + at);
      if constexpr (keeps_second<kind>) hn::Store(both.second, d, kept + (n + 1) * row_length<T> + at);
      hn::Vec<decltype(d)> f[6];
      derivatives<kind>(d, value, both, order, f);
      hn::Store(f[0], d, out + at);
      line.forward(f, z + at, out + at);
    }
  }
}

/// As `activate_reverse`, for a line of that order.
template <JetActivation kind, int order, class T>
HWY_NOINLINE void reverse_line(const JetHidden<T>& layer, const T* z, const T* kept, const T* bar, T* out) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<std::ptrdiff_t>(hn::Lanes(d));
  const LineAt<order, T> line(layer);
  for (std::ptrdiff_t n = 0; n < layer.neurons; ++n) {
    for (std::ptrdiff_t v = 0; v < layer.width * lanes; v += lanes) {
      const std::ptrdiff_t at = n * row_length<T> + v;
      const auto first = hn::Load(d, kept + n * row_length<T> + at);
      const auto second = keeps_second<kind> ? hn::Load(d, kept + (n + 1) * row_length<T> + at) : first;
      hn::Vec<decltype(d)> f[6];
      derivatives<kind>(d, hn::Load(d, z + at), {first, second}, order + 1, f);
      line.reverse(f, z + at, bar + at, out + at);
    }
  }
}

}  // namespace starling::nets::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
