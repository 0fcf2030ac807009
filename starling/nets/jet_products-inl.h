// The linear layers of a tile of samples, and their gradients. Included once per target, inside
// foreach_target; never from a plain header.
//
// A row is one number of every sample of a tile: 256 bytes, four vectors with AVX-512. A stream of a layer is
// an array [neuron][row]; the streams of a layer lie one after another.
#if defined(STARLING_NETS_JET_PRODUCTS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STARLING_NETS_JET_PRODUCTS_INL_H_
#undef STARLING_NETS_JET_PRODUCTS_INL_H_
#else
#define STARLING_NETS_JET_PRODUCTS_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstddef>

#include "starling/nets/jet_layer.h"

HWY_BEFORE_NAMESPACE();
namespace starling::nets::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class T>
using Wide = hn::ScalableTag<T>;

// How many vectors of a row a product holds in registers, beside its six rows of the left factor.
inline constexpr int held_vectors = HWY_MAX_BYTES >= 64 ? 4 : 2;

template <class T>
struct Factor {
  const T* data;
  std::ptrdiff_t row, column;  // strides
};

// out[r] (+)= Σ_k left[r, k] right[k], right and out rows of a tile; `bias` may be null.
template <int rows, int vectors, class T>
HWY_INLINE void product_block(Factor<T> left, std::ptrdiff_t depth, const T* right, const T* bias, T* out) {
  const Wide<T> d;
  const auto lanes = static_cast<std::ptrdiff_t>(hn::Lanes(d));
  hn::Vec<Wide<T>> sum[rows][vectors];
  for (int r = 0; r < rows; ++r) {
    for (int v = 0; v < vectors; ++v) sum[r][v] = bias == nullptr ? hn::Zero(d) : hn::Set(d, bias[r]);
  }
  for (std::ptrdiff_t k = 0; k < depth; ++k) {
    hn::Vec<Wide<T>> value[vectors];
    for (int v = 0; v < vectors; ++v) value[v] = hn::Load(d, right + k * row_length<T> + v * lanes);
    for (int r = 0; r < rows; ++r) {
      const auto weight = hn::Set(d, left.data[r * left.row + k * left.column]);
      for (int v = 0; v < vectors; ++v) sum[r][v] = hn::MulAdd(weight, value[v], sum[r][v]);
    }
  }
  for (int r = 0; r < rows; ++r) {
    for (int v = 0; v < vectors; ++v) hn::Store(sum[r][v], d, out + r * row_length<T> + v * lanes);
  }
}

template <int vectors, class T>
HWY_INLINE void product_columns(Factor<T> left, std::ptrdiff_t rows, std::ptrdiff_t depth, const T* right,
                                const T* bias, T* out) {
  std::ptrdiff_t r = 0;
  const auto block = [&]<int height>(std::integral_constant<int, height>) {
    for (; r + height <= rows; r += height) {
      const Factor<T> from{left.data + r * left.row, left.row, left.column};
      product_block<height, vectors>(from, depth, right, bias == nullptr ? nullptr : bias + r,
                                     out + r * row_length<T>);
    }
  };
  block(std::integral_constant<int, 6>());
  block(std::integral_constant<int, 4>());
  block(std::integral_constant<int, 2>());
  block(std::integral_constant<int, 1>());
}

// The first `width` vectors of the rows.
template <class T>
HWY_INLINE void product(Factor<T> left, std::ptrdiff_t rows, std::ptrdiff_t depth, std::ptrdiff_t width,
                        const T* right, const T* bias, T* out) {
  const auto lanes = static_cast<std::ptrdiff_t>(hn::Lanes(Wide<T>()));
  std::ptrdiff_t v = 0;
  for (; v + held_vectors <= width; v += held_vectors)
    product_columns<held_vectors>(left, rows, depth, right + v * lanes, bias, out + v * lanes);
  if constexpr (held_vectors > 2) {
    for (; v + 2 <= width; v += 2)
      product_columns<2>(left, rows, depth, right + v * lanes, bias, out + v * lanes);
  }
  for (; v < width; ++v) product_columns<1>(left, rows, depth, right + v * lanes, bias, out + v * lanes);
}

#if HWY_TARGET != HWY_SCALAR
// The sum of the lanes of v down to one block of 16 bytes.
template <class D, class V>
HWY_INLINE auto fold_to_block(D /*d*/, V v) {
  if constexpr (hn::MaxLanes(D()) * sizeof(hn::TFromD<D>) > 16) {
    const hn::Half<D> half;
    return fold_to_block(half, hn::Add(hn::LowerHalf(half, v), hn::UpperHalf(half, v)));
  } else {
    return v;
  }
}

// totals[i] += the sum of the lanes of v[i] for 16 / sizeof(T) vectors: neighbours first, then blocks.
template <class T>
HWY_INLINE void add_sums_of_block(const hn::Vec<Wide<T>>* v, T* const* totals) {
  const Wide<T> d;
  constexpr int block = 16 / static_cast<int>(sizeof(T));
  HWY_ALIGN T sums[block];
  const auto pair = [&](auto a, auto b) {
    return hn::Add(hn::InterleaveLower(d, a, b), hn::InterleaveUpper(d, a, b));
  };
  hn::Vec<Wide<T>> folded;
  if constexpr (block == 2) {
    folded = pair(v[0], v[1]);
  } else {
    folded = pair(pair(v[0], v[2]), pair(v[1], v[3]));
  }
  hn::StoreU(fold_to_block(d, folded), hn::CappedTag<T, static_cast<std::size_t>(block)>(), sums);
  for (int j = 0; j < block; ++j) *totals[j] += sums[j];
}
#endif

// totals[i] += the sum of the lanes of v[i].
template <int count, class T>
HWY_INLINE void add_sums(const hn::Vec<Wide<T>>* v, T* const* totals) {
  const Wide<T> d;
  int i = 0;
#if HWY_TARGET != HWY_SCALAR
  constexpr int block = 16 / static_cast<int>(sizeof(T));
  for (; i + block <= count; i += block) add_sums_of_block<T>(v + i, totals + i);
#endif
  for (; i < count; ++i) *totals[i] += hn::GetLane(hn::SumOfLanes(d, v[i]));
}

// Whether a block of as many columns as a vector has lanes fits the registers: its sums are one vector.
template <class T>
inline constexpr bool whole_rows = HWY_TARGET != HWY_SCALAR && sizeof(T) == 8;

#if HWY_TARGET != HWY_SCALAR
// The vector whose lane i is the sum of the lanes of v[i], for as many as it has lanes.
template <class D>
HWY_INLINE hn::Vec<D> sums_of(D d, const hn::Vec<D>* v) {
  const auto pair = [&](auto a, auto b) {
    return hn::Add(hn::InterleaveLower(d, a, b), hn::InterleaveUpper(d, a, b));
  };
  // Halves of two vectors: one vector of their sums.
  [[maybe_unused]] const auto halves = [&](auto a, auto b) {
    return hn::Add(hn::ConcatUpperLower(d, b, a), hn::ConcatLowerUpper(d, b, a));
  };
  constexpr std::size_t lanes = hn::MaxLanes(D());
  if constexpr (lanes == 2) {
    return pair(v[0], v[1]);
  } else if constexpr (lanes == 4) {
    return halves(pair(v[0], v[1]), pair(v[2], v[3]));
  } else {
    static_assert(lanes == 8);
    const auto quarters = [&](auto a, auto b) {
      return hn::Add(hn::OddEvenBlocks(b, a), hn::SwapAdjacentBlocks(hn::OddEvenBlocks(a, b)));
    };
    return halves(quarters(pair(v[0], v[1]), pair(v[2], v[3])), quarters(pair(v[4], v[5]), pair(v[6], v[7])));
  }
}
#endif

// sum[r][c] = Σ_s bar[s][r] input[s][c], lane by lane.
template <int rows, int columns, class T>
HWY_INLINE void outer_sums(const JetLayer<T>& layer, const T* bar, const T* input, hn::Vec<Wide<T>>* sum) {
  const Wide<T> d;
  const auto lanes = static_cast<std::ptrdiff_t>(hn::Lanes(d));
  for (int i = 0; i < rows * columns; ++i) sum[i] = hn::Zero(d);
  for (std::ptrdiff_t s = 0; s < layer.streams; ++s) {
    const T* left = bar + s * layer.output_stride;
    const T* right = input + s * layer.input_stride;
    for (std::ptrdiff_t v = 0; v < layer.width * lanes; v += lanes) {
      hn::Vec<Wide<T>> value[columns];
      for (int c = 0; c < columns; ++c) value[c] = hn::Load(d, right + c * row_length<T> + v);
      for (int r = 0; r < rows; ++r) {
        const auto weight = hn::Load(d, left + r * row_length<T> + v);
        for (int c = 0; c < columns; ++c)
          sum[r * columns + c] = hn::MulAdd(weight, value[c], sum[r * columns + c]);
      }
    }
  }
}

// gradient (rows, columns) += Σ_s Σ_lanes bar[s][r] input[s][c].
template <int rows, int columns, class T>
HWY_INLINE void outer_block(const JetLayer<T>& layer, const T* bar, const T* input, T* gradient) {
  hn::Vec<Wide<T>> sum[rows * columns];
  outer_sums<rows, columns>(layer, bar, input, sum);
  T* totals[rows * columns];
  for (int r = 0; r < rows; ++r) {
    for (int c = 0; c < columns; ++c) totals[r * columns + c] = gradient + r * layer.inputs + c;
  }
  add_sums<rows * columns, T>(sum, totals);
}

// The same for as many columns as a vector has lanes: whole vectors of the gradient.
template <int rows, class T>
HWY_INLINE void outer_vectors(const JetLayer<T>& layer, const T* bar, const T* input, T* gradient) {
  if constexpr (whole_rows<T>) {
    const Wide<T> d;
    constexpr int lanes = static_cast<int>(hn::MaxLanes(d));
    hn::Vec<Wide<T>> sum[rows * lanes];
    outer_sums<rows, lanes>(layer, bar, input, sum);
    for (int r = 0; r < rows; ++r) {
      T* to = gradient + r * layer.inputs;
      hn::StoreU(hn::Add(hn::LoadU(d, to), sums_of(d, sum + r * lanes)), d, to);
    }
  }
}

// The columns from `c` on.
template <int rows, class T>
HWY_INLINE void outer_rows(const JetLayer<T>& layer, const T* bar, std::ptrdiff_t c, T* gradient) {
  const auto block = [&]<int width>(std::integral_constant<int, width>) {
    for (; c + width <= layer.inputs; c += width)
      outer_block<rows, width>(layer, bar, layer.input + c * row_length<T>, gradient + c);
  };
  if constexpr (HWY_MAX_BYTES >= 64) block(std::integral_constant<int, 5>());
  block(std::integral_constant<int, 2>());
  block(std::integral_constant<int, 1>());
}

// use(height, r) for blocks of rows of those heights, the highest first.
template <int... heights, class Use>
HWY_INLINE void in_blocks(std::ptrdiff_t rows, const Use& use) {
  std::ptrdiff_t r = 0;
  const auto block = [&]<int height>(std::integral_constant<int, height> constant) {
    for (; r + height <= rows; r += height) use(constant, r);
  };
  (block(std::integral_constant<int, heights>()), ...);
}

/// The gradient of a layer from the bars of its output, added to `gradient`.
template <class T>
HWY_INLINE void add_layer_gradient(const JetLayer<T>& layer, const T* bar, T* weight, T* bias) {
  const auto width = static_cast<std::ptrdiff_t>(hn::Lanes(Wide<T>()));
  // Columns go outside: a few of the input stay in the first cache while the bars stream by.
  const std::ptrdiff_t whole = whole_rows<T> ? layer.inputs / width * width : 0;
  for (std::ptrdiff_t c = 0; c < whole; c += width) {
    in_blocks<2, 1>(layer.outputs, [&](auto height, std::ptrdiff_t r) {
      outer_vectors<decltype(height)::value>(layer, bar + r * row_length<T>, layer.input + c * row_length<T>,
                                             weight + r * layer.inputs + c);
    });
  }
  in_blocks<4, 2, 1>(whole < layer.inputs ? layer.outputs : 0, [&](auto height, std::ptrdiff_t r) {
    outer_rows<decltype(height)::value>(layer, bar + r * row_length<T>, whole, weight + r * layer.inputs);
  });
  const Wide<T> d;
  const auto lanes = static_cast<std::ptrdiff_t>(hn::Lanes(d));
  for (std::ptrdiff_t o = 0; o < layer.outputs; ++o) {
    auto sum = hn::Zero(d);
    for (std::ptrdiff_t v = 0; v < layer.width; ++v)
      sum = hn::Add(sum, hn::Load(d, bar + o * row_length<T> + v * lanes));
    bias[o] += hn::GetLane(hn::SumOfLanes(d, sum));
  }
}

/// The same for every sample apart: rows of samples, parameter after parameter.
template <class T>
HWY_INLINE void store_layer_jacobian(const JetLayer<T>& layer, const T* bar, std::ptrdiff_t count, T* weight,
                                     T* bias, std::ptrdiff_t stride) {
  const Wide<T> d;
  const auto lanes = static_cast<std::ptrdiff_t>(hn::Lanes(d));
  HWY_ALIGN T row[row_length<T>];
  for (std::ptrdiff_t o = 0; o < layer.outputs; ++o) {
    const T* left = bar + o * row_length<T>;
    for (std::ptrdiff_t i = 0; i < layer.inputs; ++i) {
      for (std::ptrdiff_t v = 0; v < layer.width * lanes; v += lanes) {
        auto sum = hn::Zero(d);
        for (std::ptrdiff_t s = 0; s < layer.streams; ++s) {
          sum = hn::MulAdd(hn::Load(d, left + s * layer.output_stride + v),
                           hn::Load(d, layer.input + s * layer.input_stride + i * row_length<T> + v), sum);
        }
        hn::Store(sum, d, row + v);
      }
      std::copy_n(row, count, weight + (o * layer.inputs + i) * stride);
    }
    std::copy_n(left, count, bias + o * stride);
  }
}

/// The pre-activations of a layer, every stream.
template <class T>
HWY_INLINE void apply_layer(const JetLayer<T>& layer, T* out) {
  for (std::ptrdiff_t s = 0; s < layer.streams; ++s) {
    product<T>({layer.weight, layer.inputs, 1}, layer.outputs, layer.inputs, layer.width,
               layer.input + s * layer.input_stride, s == 0 ? layer.bias : nullptr,
               out + s * layer.output_stride);
  }
}

/// The bars of a layer's input from those of its output.
template <class T>
HWY_INLINE void apply_transposed(const JetLayer<T>& layer, const T* bar, T* out) {
  for (std::ptrdiff_t s = 0; s < layer.streams; ++s) {
    product<T>({layer.weight, 1, layer.inputs}, layer.inputs, layer.outputs, layer.width,
               bar + s * layer.output_stride, nullptr, out + s * layer.input_stride);
  }
}

}  // namespace starling::nets::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
