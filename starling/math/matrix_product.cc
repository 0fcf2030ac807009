#include "starling/math/matrix_product.h"

#include <algorithm>

#include "starling/math/openblas.h"

namespace starling::math {
namespace {

struct Factor {
  CBLAS_TRANSPOSE transposed;
  std::ptrdiff_t stride;
};

// A stride of an empty matrix is 0 here and at least 1 there.
blasint narrow(std::ptrdiff_t value) {
  return static_cast<blasint>(value);
}
blasint stride(const Factor& factor) {
  return narrow(std::max<std::ptrdiff_t>(1, factor.stride));
}

void gemm(Factor left, Factor right, std::ptrdiff_t n, std::ptrdiff_t k, std::ptrdiff_t m, const float* a,
          const float* b, float* out, std::ptrdiff_t out_stride, Into into) {
  hold_openblas_to_one_thread();
  cblas_sgemm(CblasRowMajor, left.transposed, right.transposed, narrow(n), narrow(m), narrow(k), 1.0F, a,
              stride(left), b, stride(right), into == Into::add ? 1.0F : 0.0F, out,
              stride({CblasNoTrans, out_stride}));
}
void gemm(Factor left, Factor right, std::ptrdiff_t n, std::ptrdiff_t k, std::ptrdiff_t m, const double* a,
          const double* b, double* out, std::ptrdiff_t out_stride, Into into) {
  hold_openblas_to_one_thread();
  cblas_dgemm(CblasRowMajor, left.transposed, right.transposed, narrow(n), narrow(m), narrow(k), 1.0, a,
              stride(left), b, stride(right), into == Into::add ? 1.0 : 0.0, out,
              stride({CblasNoTrans, out_stride}));
}

}  // namespace

template <class T>
void product(std::ptrdiff_t n, std::ptrdiff_t k, std::ptrdiff_t m, const T* a, const T* b, T* out,
             Into into) {
  gemm({CblasNoTrans, k}, {CblasNoTrans, m}, n, k, m, a, b, out, m, into);
}

template <class T>
void product_nt(std::ptrdiff_t n, std::ptrdiff_t k, std::ptrdiff_t m, const T* a, const T* b, T* out,
                Into into) {
  gemm({CblasNoTrans, k}, {CblasTrans, k}, n, k, m, a, b, out, m, into);
}

template <class T>
void product_nt(std::ptrdiff_t n, std::ptrdiff_t k, std::ptrdiff_t m, const T* a, const T* b, T* out,
                std::ptrdiff_t out_stride) {
  gemm({CblasNoTrans, k}, {CblasTrans, k}, n, k, m, a, b, out, out_stride, Into::overwrite);
}

template <class T>
void product_tn(std::ptrdiff_t n, std::ptrdiff_t k, std::ptrdiff_t m, const T* a, const T* b, T* out,
                Into into) {
  gemm({CblasTrans, n}, {CblasNoTrans, m}, n, k, m, a, b, out, m, into);
}

#define STARLING_INSTANTIATE(T)                                                                           \
  template void product(std::ptrdiff_t, std::ptrdiff_t, std::ptrdiff_t, const T*, const T*, T*, Into);    \
  template void product_nt(std::ptrdiff_t, std::ptrdiff_t, std::ptrdiff_t, const T*, const T*, T*, Into); \
  template void product_nt(std::ptrdiff_t, std::ptrdiff_t, std::ptrdiff_t, const T*, const T*, T*,        \
                           std::ptrdiff_t);                                                               \
  template void product_tn(std::ptrdiff_t, std::ptrdiff_t, std::ptrdiff_t, const T*, const T*, T*, Into)
STARLING_INSTANTIATE(float);
STARLING_INSTANTIATE(double);
#undef STARLING_INSTANTIATE

}  // namespace starling::math
