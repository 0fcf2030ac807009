#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "starling/nets/jet_streams.h"

namespace starling::nets {

/// Streams of the common shape: first derivatives z_s; derivatives z₂, z₃ along one of them, z₁; and one more
/// stream T, a sum of derivatives of orders up to `order`:
///
///   h_T = f₁ z_T + f₂ Σ square_s z_s² + cubic (3 f₂ z₁ z₂ + f₃ z₁³)
///         + quartic (f₂ (4 z₁ z₃ + 3 z₂²) + 6 f₃ z₁² z₂ + f₄ z₁⁴).
///
/// Kernels that know it keep in registers what the general ones read of a list of terms.
struct JetLine {
  int order = 0;  ///< 2: T; 3: z₂ and T; 4: z₂, z₃ and T; 0 for streams of another shape
  std::size_t slopes = 0;
  std::array<std::uint16_t, most_axes> slope{};  ///< streams of first derivatives (or sums of them), z₁ first
  std::array<double, most_axes> square{};
  std::uint16_t second = 0, third = 0, top = 0;
  double cubic = 0, quartic = 0;
};

/// The shape of streams whose forward terms these are.
JetLine find_line(int streams, const std::vector<StreamTerm>& forward);

}  // namespace starling::nets
