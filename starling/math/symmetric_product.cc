#include "starling/math/symmetric_product.h"

#include <algorithm>

#include "starling/math/openblas.h"

namespace starling::math {
namespace {

blasint blas_size(std::ptrdiff_t value) {
  return static_cast<blasint>(value);
}

void gemm(blasint n, blasint m, blasint k, float alpha, const float* a, blasint a_stride, const float* b,
          blasint stride, float beta, float* out) {
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n, m, k, alpha, a, a_stride, b, stride, beta, out,
              stride);
}
void gemm(blasint n, blasint m, blasint k, double alpha, const double* a, blasint a_stride, const double* b,
          blasint stride, double beta, double* out) {
  cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n, m, k, alpha, a, a_stride, b, stride, beta, out,
              stride);
}
void syrk(blasint n, blasint k, float alpha, const float* a, float beta, float* out) {
  cblas_ssyrk(CblasRowMajor, CblasUpper, CblasNoTrans, n, k, alpha, a, k, beta, out, n);
}
void syrk(blasint n, blasint k, double alpha, const double* a, double beta, double* out) {
  cblas_dsyrk(CblasRowMajor, CblasUpper, CblasNoTrans, n, k, alpha, a, k, beta, out, n);
}

}  // namespace

// Square tiles stay in the nearest cache while they are read across.
template <class T>
void mirror_upper(std::ptrdiff_t begin, std::ptrdiff_t end, std::ptrdiff_t stride, T* matrix) {
  constexpr std::ptrdiff_t tile = 16;
  for (std::ptrdiff_t top = begin; top < end; top += tile) {
    const std::ptrdiff_t bottom = std::min(top + tile, end);
    for (std::ptrdiff_t left = 0; left < bottom; left += tile) {
      for (std::ptrdiff_t i = top; i < bottom; ++i) {
        const std::ptrdiff_t right = std::min(left + tile, i);
        for (std::ptrdiff_t j = left; j < right; ++j) matrix[i * stride + j] = matrix[j * stride + i];
      }
    }
  }
}

template <class T>
void gram_product(std::ptrdiff_t n, std::ptrdiff_t k, T alpha, const T* a, T beta, T* out) {
  if (n == 0) return;
  hold_openblas_to_one_thread();
  if (k == 0) {
    std::for_each(out, out + n * n, [beta](T& value) { value = beta == 0 ? T(0) : beta * value; });
    return;
  }
  syrk(blas_size(n), blas_size(k), alpha, a, beta, out);
  mirror_upper<T>(0, n, n, out);
}

template <class T>
void symmetric_product(std::ptrdiff_t n, T alpha, const T* a, const T* b, T beta, T* out) {
  // Narrow panels compute less below the diagonal, wide ones run closer to the machine's speed; OpenBLAS's
  // own rank update overtakes them on squares of some size.
  constexpr std::ptrdiff_t wide_from = 256;
  if (a == b && n >= wide_from) return gram_product(n, n, alpha, a, beta, out);
  hold_openblas_to_one_thread();
  const std::ptrdiff_t panel = n <= wide_from ? 32 : 64;
  for (std::ptrdiff_t top = 0; top < n; top += panel) {
    const std::ptrdiff_t rows = std::min(panel, n - top);
    gemm(blas_size(rows), blas_size(n - top), blas_size(n), alpha, a + top * n, blas_size(n), b + top,
         blas_size(n), beta, out + top * n + top);
  }
  mirror_upper<T>(0, n, n, out);
}

template void mirror_upper(std::ptrdiff_t, std::ptrdiff_t, std::ptrdiff_t, float*);
template void mirror_upper(std::ptrdiff_t, std::ptrdiff_t, std::ptrdiff_t, double*);
template void gram_product(std::ptrdiff_t, std::ptrdiff_t, float, const float*, float, float*);
template void gram_product(std::ptrdiff_t, std::ptrdiff_t, double, const double*, double, double*);
template void symmetric_product(std::ptrdiff_t, float, const float*, const float*, float, float*);
template void symmetric_product(std::ptrdiff_t, double, const double*, const double*, double, double*);

}  // namespace starling::math
