// Eigen packs both factors before it multiplies. Packs up to this size live on the stack: for rows and widths
// up to 256 a product then allocates nothing, which alone saves a quarter of its time (docs/decisions/0001).
#define EIGEN_STACK_ALLOCATION_LIMIT (512 * 1024)
#include "starling/math/matrix_product.h"

namespace starling::math {
namespace {

template <class T>
using In = Eigen::Map<const base::Points<T>>;
template <class T>
using Out = Eigen::Map<base::Points<T>>;

template <class T, class Product>
void store(Out<T> out, const Product& value, Into into) {
  if (into == Into::add) {
    out.noalias() += value;
  } else {
    out.noalias() = value;
  }
}

}  // namespace

template <class T>
void product(base::Index n, base::Index k, base::Index m, const T* a, const T* b, T* out, Into into) {
  store<T>(Out<T>(out, n, m), In<T>(a, n, k) * In<T>(b, k, m), into);
}

template <class T>
void product_nt(base::Index n, base::Index k, base::Index m, const T* a, const T* b, T* out, Into into) {
  store<T>(Out<T>(out, n, m), In<T>(a, n, k) * In<T>(b, m, k).transpose(), into);
}

template <class T>
void product_tn(base::Index n, base::Index k, base::Index m, const T* a, const T* b, T* out, Into into) {
  store<T>(Out<T>(out, n, m), In<T>(a, k, n).transpose() * In<T>(b, k, m), into);
}

template void product(base::Index, base::Index, base::Index, const float*, const float*, float*, Into);
template void product(base::Index, base::Index, base::Index, const double*, const double*, double*, Into);
template void product_nt(base::Index, base::Index, base::Index, const float*, const float*, float*, Into);
template void product_nt(base::Index, base::Index, base::Index, const double*, const double*, double*, Into);
template void product_tn(base::Index, base::Index, base::Index, const float*, const float*, float*, Into);
template void product_tn(base::Index, base::Index, base::Index, const double*, const double*, double*, Into);

}  // namespace starling::math
