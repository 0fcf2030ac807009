#include "starling/kernels/panel_product.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "simd/each_target.h"
#include "starling/base/random.h"

namespace starling::kernels {
namespace {

using base::Index;

enum class Form { plain, right_transposed, left_transposed };

template <class T>
struct Factors {
  Index n, inner, columns;
  Form form;
  std::vector<T> a, b, addend;

  Factors(Index n, Index inner, Index columns, Form form, std::uint64_t seed)
      : n(n), inner(inner), columns(columns), form(form) {
    base::Stream stream(seed, 0, "test");
    for (auto [values, count] : {std::pair{&a, n * inner}, {&b, inner * columns}, {&addend, n * columns}}) {
      for (Index i = 0; i < count; ++i) values->push_back(static_cast<T>(stream.normal()));
    }
  }
  T left(Index i, Index k) const {
    return a[static_cast<std::size_t>(form == Form::left_transposed ? k * n + i : i * inner + k)];
  }
  T right(Index k, Index j) const {
    return b[static_cast<std::size_t>(form == Form::right_transposed ? j * inner + k : k * columns + j)];
  }
  void multiply(const T* add, T* out) const {
    if (form == Form::plain) panel_product(n, inner, columns, a.data(), b.data(), add, out);
    if (form == Form::right_transposed) panel_product_nt(n, inner, columns, a.data(), b.data(), add, out);
    if (form == Form::left_transposed) panel_product_tn(n, inner, columns, a.data(), b.data(), add, out);
  }
  // Each entry to the rounding of as many sums in any order.
  void expect_product(const std::vector<T>& out, bool added) const {
    for (Index i = 0; i < n; ++i) {
      for (Index j = 0; j < columns; ++j) {
        const auto at = static_cast<std::size_t>(i * columns + j);
        long double sum = added ? static_cast<long double>(addend[at]) : 0, size = std::abs(sum);
        for (Index k = 0; k < inner; ++k) {
          const auto term = static_cast<long double>(left(i, k)) * static_cast<long double>(right(k, j));
          sum += term;
          size += std::abs(term);
        }
        const auto unit = static_cast<long double>(std::numeric_limits<T>::epsilon());
        ASSERT_LE(std::abs(static_cast<long double>(out[at]) - sum),
                  2 * std::sqrt(inner + 4.0L) * unit * size)
            << i << ", " << j;
      }
    }
  }
};

template <class T>
class PanelProductOf : public ::testing::Test {};
using PanelReals = ::testing::Types<float, double>;
TYPED_TEST_SUITE(PanelProductOf, PanelReals);

TYPED_TEST(PanelProductOf, IsTheSumOfProductsForEveryShapeAndInstructionSet) {
  using T = TypeParam;
  const std::vector<std::vector<Index>> shapes{{0, 3, 5},     {4, 0, 5},      {4, 3, 0},     {1, 1, 1},
                                               {1, 7, 33},    {5, 16, 16},    {12, 2, 17},   {13, 31, 32},
                                               {25, 257, 48}, {64, 64, 31},   {37, 128, 76}, {535, 9, 3},
                                               {11, 600, 20}, {130, 300, 65}, {541, 270, 6}};
  simd::testing::on_each_target([&] {
    for (const Form form : {Form::plain, Form::right_transposed, Form::left_transposed}) {
      for (const auto& shape : shapes) {
        SCOPED_TRACE(::testing::PrintToString(shape) + " form " + std::to_string(static_cast<int>(form)));
        const Factors<T> f(shape[0], shape[1], shape[2], form, 11);
        std::vector<T> out(f.addend.size(), T(7)), added(f.addend.size(), T(7)), in_place = f.addend;
        f.multiply(nullptr, out.data());
        f.expect_product(out, false);
        f.multiply(f.addend.data(), added.data());
        f.expect_product(added, true);
        f.multiply(in_place.data(), in_place.data());
        EXPECT_EQ(in_place, added);
      }
    }
  });
}

TYPED_TEST(PanelProductOf, IsTheSumOfProductsForShapesDrawnAtRandom) {
  using T = TypeParam;
  base::Stream stream(5, 0, "test");
  for (int draw = 0; draw < 60; ++draw) {
    const auto extent = [&](double most) {
      return static_cast<Index>(std::exp(stream.uniform() * std::log(most)));
    };
    const Index n = extent(400), inner = extent(400), columns = extent(150);
    const auto form = static_cast<Form>(draw % 3);
    SCOPED_TRACE(std::to_string(n) + " x " + std::to_string(inner) + " x " + std::to_string(columns));
    const Factors<T> f(n, inner, columns, form, static_cast<std::uint64_t>(draw));
    std::vector<T> out(f.addend.size());
    f.multiply(f.addend.data(), out.data());
    f.expect_product(out, true);
  }
}

TYPED_TEST(PanelProductOf, WritesNothingBesideTheResult) {
  using T = TypeParam;
  simd::testing::on_each_target([] {
    for (const Form form : {Form::plain, Form::right_transposed, Form::left_transposed}) {
      const Factors<T> f(15, 6, 21, form, 3);
      std::vector<T> out(15 * 21 + 64, T(7));
      f.multiply(nullptr, out.data() + 32);
      for (std::size_t i = 0; i < 32; ++i) {
        EXPECT_EQ(out[i], T(7)) << i;
        EXPECT_EQ(out[32 + 15 * 21 + i], T(7)) << i;
      }
    }
  });
}

TYPED_TEST(PanelProductOf, KeepsWhatIsNotFiniteInItsRowAndColumn) {
  using T = TypeParam;
  for (const Form form : {Form::plain, Form::right_transposed, Form::left_transposed}) {
    Factors<T> f(17, 9, 35, form, 4);
    const Index row = 13, k = 5, column = 34;
    f.a[static_cast<std::size_t>(form == Form::left_transposed ? k * 17 + row : row * 9 + k)] =
        std::numeric_limits<T>::quiet_NaN();
    f.b[static_cast<std::size_t>(form == Form::right_transposed ? column * 9 + k : k * 35 + column)] =
        std::numeric_limits<T>::infinity();
    std::vector<T> out(f.addend.size());
    f.multiply(nullptr, out.data());
    for (Index i = 0; i < 17; ++i) {
      for (Index j = 0; j < 35; ++j) {
        const T value = out[static_cast<std::size_t>(i * 35 + j)];
        EXPECT_EQ(std::isnan(value), i == row) << i << ", " << j;
        EXPECT_EQ(std::isinf(value), i != row && j == column) << i << ", " << j;
      }
    }
  }
}

}  // namespace
}  // namespace starling::kernels
