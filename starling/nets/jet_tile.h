#pragma once
#include <cstddef>

namespace starling::nets {

/// Samples that are worked on together: `count` of them from `begin` on, each array row `lanes` long. Rows
/// are padded to whole vectors with copies of the last sample.
template <class T>
struct JetTile {
  static constexpr std::ptrdiff_t lanes = 256 / static_cast<std::ptrdiff_t>(sizeof(T));
  std::ptrdiff_t begin = 0, count = 0;
  const T* streams = nullptr;  ///< row(streams, stream, unit)
  T* seeds = nullptr;          ///< what the caller fills, zero before: the same rows
  std::ptrdiff_t stride = 0;   ///< from one stream to the next

  const T* stream(int s, std::ptrdiff_t output) const { return streams + s * stride + output * lanes; }
  T* seed(int s, std::ptrdiff_t output) const { return seeds + s * stride + output * lanes; }
};

/// From one stream of a layer to the next: streams start a quarter of a page apart from powers of two, so
/// that those of one neuron do not share a set of the cache.
template <class T>
constexpr std::ptrdiff_t stream_stride(std::ptrdiff_t units) {
  return (units + 1) * JetTile<T>::lanes;
}

}  // namespace starling::nets
