#pragma once
#include <cstddef>

namespace starling::kernels {

/// How tokens are normalised before a layer reads them, without gains: those belong to the layer's weights.
enum class Norm {
  none,
  layer,  ///< (x - mean) / √(variance + 1e-5), over the width (Ba, Kiros & Hinton, 2016)
  rms,    ///< x / √(mean square + 1e-5) (Zhang & Sennrich, 2019)
  unit    ///< x / √(|x|² + 1e-30), the point of the sphere below it
};

/// out = N(x), token by token, of one sequence in every lane, as lane_attention.h has them. `out` may be `x`.
template <class T>
void normalise_tokens(Norm kind, std::ptrdiff_t tokens, std::ptrdiff_t width, const T* x, T* out);

/// out += N'(x) v. The derivative is symmetric: this is the tangent and the adjoint in one.
template <class T>
void add_norm_derivative(Norm kind, std::ptrdiff_t tokens, std::ptrdiff_t width, const T* x, const T* v,
                         T* out);

}  // namespace starling::kernels
