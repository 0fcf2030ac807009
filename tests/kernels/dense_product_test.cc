#include "starling/kernels/dense_product.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "starling/base/random.h"
#include "starling/kernels/panel_product.h"

namespace starling::kernels {
namespace {

using base::Index;

template <class T>
class DenseProductOf : public ::testing::Test {};
using DenseReals = ::testing::Types<float, double>;
TYPED_TEST_SUITE(DenseProductOf, DenseReals);

template <class T>
std::vector<T> draws(Index count, const char* name) {
  base::Stream stream(3, 0, name);
  std::vector<T> values(static_cast<std::size_t>(count));
  for (T& value : values) value = static_cast<T>(stream.normal());
  return values;
}

// rows x columns as columns x rows.
template <class T>
std::vector<T> transposed(const std::vector<T>& of, Index rows, Index columns) {
  std::vector<T> out(of.size());
  for (Index i = 0; i < rows; ++i) {
    for (Index j = 0; j < columns; ++j)
      out[static_cast<std::size_t>(j * rows + i)] = of[static_cast<std::size_t>(i * columns + j)];
  }
  return out;
}

struct Shape {
  Index n, inner, columns;
};

// Small factors go by panels and large ones by OpenBLAS; none of the three ways of adding may tell which.
TYPED_TEST(DenseProductOf, IsTheSumOfProductsOnBothSidesOfTheBorder) {
  using T = TypeParam;
  constexpr Shape shapes[] = {{0, 3, 4}, {5, 0, 3}, {1, 1, 1}, {7, 33, 20}, {3, 700, 520}, {530, 3, 700}};
  EXPECT_TRUE(panels_pay(33, 20, sizeof(T)));
  EXPECT_FALSE(panels_pay(700, 520, sizeof(T)));
  EXPECT_FALSE(panels_pay(530, 700, sizeof(T)));
  for (const auto& [n, inner, columns] : shapes) {
    SCOPED_TRACE(std::to_string(n) + " x " + std::to_string(inner) + " x " + std::to_string(columns));
    const std::vector<T> a = draws<T>(n * inner, "a"), b = draws<T>(inner * columns, "b"),
                         addend = draws<T>(n * columns, "addend"), a_t = transposed(a, n, inner),
                         b_t = transposed(b, inner, columns);
    for (const bool in_place : {false, true}) {
      for (const bool adds : {false, true}) {
        if (in_place && !adds) continue;
        std::vector<T> plain = addend, right = addend, left = addend;
        const auto from = [&](std::vector<T>& out) {
          return !adds ? nullptr : in_place ? out.data() : addend.data();
        };
        dense_product(n, inner, columns, a.data(), b.data(), from(plain), plain.data());
        dense_product_nt(n, inner, columns, a.data(), b_t.data(), from(right), right.data());
        dense_product_tn(n, inner, columns, a_t.data(), b.data(), from(left), left.data());
        for (Index i = 0; i < n; ++i) {
          for (Index j = 0; j < columns; ++j) {
            const auto at = static_cast<std::size_t>(i * columns + j);
            double sum = adds ? static_cast<double>(addend[at]) : 0;
            for (Index k = 0; k < inner; ++k)
              sum += static_cast<double>(a[static_cast<std::size_t>(i * inner + k)]) *
                     static_cast<double>(b[static_cast<std::size_t>(k * columns + j)]);
            const double tolerance =
                (sizeof(T) == 4 ? 1e-4 : 1e-12) * std::sqrt(static_cast<double>(inner) + 1);
            ASSERT_NEAR(static_cast<double>(plain[at]), sum, tolerance) << i << ", " << j;
            ASSERT_NEAR(static_cast<double>(right[at]), sum, tolerance) << i << ", " << j;
            ASSERT_NEAR(static_cast<double>(left[at]), sum, tolerance) << i << ", " << j;
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace starling::kernels
