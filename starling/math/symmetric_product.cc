#include "starling/math/symmetric_product.h"

#include <algorithm>

#include "starling/math/openblas.h"

namespace starling::math {
namespace {

void gemm_nt(blasint n, blasint m, blasint k, float alpha, const float* a, const float* b, blasint stride,
             float beta, float* out, blasint out_stride) {
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, n, m, k, alpha, a, stride, b, stride, beta, out,
              out_stride);
}
void gemm_nt(blasint n, blasint m, blasint k, double alpha, const double* a, const double* b, blasint stride,
             double beta, double* out, blasint out_stride) {
  cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, n, m, k, alpha, a, stride, b, stride, beta, out,
              out_stride);
}

// Square tiles stay in the nearest cache while they are read across.
template <class T>
void mirror_upper(std::ptrdiff_t n, T* matrix) {
  constexpr std::ptrdiff_t tile = 16;
  for (std::ptrdiff_t top = 0; top < n; top += tile) {
    for (std::ptrdiff_t left = 0; left <= top; left += tile) {
      const std::ptrdiff_t bottom = std::min(top + tile, n);
      for (std::ptrdiff_t i = top; i < bottom; ++i) {
        const std::ptrdiff_t right = std::min(left + tile, i);
        for (std::ptrdiff_t j = left; j < right; ++j) matrix[i * n + j] = matrix[j * n + i];
      }
    }
  }
}

}  // namespace

template <class T>
void symmetric_product_nt(std::ptrdiff_t n, std::ptrdiff_t k, T alpha, const T* a, const T* b, T beta,
                          T* out) {
  hold_openblas_to_one_thread();
  // Narrow panels compute less below the diagonal, wide ones run closer to the machine's speed.
  const std::ptrdiff_t panel = n <= 256 ? 32 : 64;
  const auto narrow = [](std::ptrdiff_t value) { return static_cast<blasint>(value); };
  for (std::ptrdiff_t top = 0; top < n; top += panel) {
    const std::ptrdiff_t rows = std::min(panel, n - top);
    gemm_nt(narrow(rows), narrow(n - top), narrow(k), alpha, a + top * k, b + top * k,
            std::max<blasint>(1, narrow(k)), beta, out + top * n + top, narrow(n));
  }
  mirror_upper(n, out);
}

template void symmetric_product_nt(std::ptrdiff_t, std::ptrdiff_t, float, const float*, const float*, float,
                                   float*);
template void symmetric_product_nt(std::ptrdiff_t, std::ptrdiff_t, double, const double*, const double*,
                                   double, double*);

}  // namespace starling::math
