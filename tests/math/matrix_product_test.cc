#include "starling/math/matrix_product.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <thread>
#include <vector>

#include "starling/base/matrix.h"
#include "starling/base/random.h"

extern "C" {
int openblas_get_num_threads();
char* openblas_get_corename();
extern int blas_num_threads;
}

namespace starling::math {
namespace {

using base::Index;

template <class T>
class MatrixProduct : public ::testing::Test {
 protected:
  static std::vector<T> normals(Index n, std::uint64_t seed) {
    std::vector<T> values(static_cast<std::size_t>(n));
    base::Stream(seed, 0, "test").fill_normal(std::span<T>(values));
    return values;
  }
};
using Precisions = ::testing::Types<float, double>;
TYPED_TEST_SUITE(MatrixProduct, Precisions);

// A sum of k products, each rounded, is off by at most about k eps sum |a b| (Higham, "Accuracy and
// stability", 3.1).
TYPED_TEST(MatrixProduct, AgreesWithTheTripleLoopInAllThreeShapes) {
  using T = TypeParam;
  for (const std::array<Index, 3>& shape :
       std::vector<std::array<Index, 3>>{{1, 1, 1}, {3, 5, 7}, {33, 17, 2}, {65, 300, 31}}) {
    const Index n = shape[0], k = shape[1], m = shape[2];
    const auto a = TestFixture::normals(n * k, 1), b = TestFixture::normals(k * m, 2),
               start = TestFixture::normals(n * m, 3);
    for (const Into into : {Into::overwrite, Into::add}) {
      auto nn = start, nt = start, tn = start;
      product(n, k, m, a.data(), b.data(), nn.data(), into);
      product_nt(n, k, m, a.data(), b.data(), nt.data(), into);
      product_tn(n, k, m, a.data(), b.data(), tn.data(), into);
      for (Index i = 0; i < n; ++i) {
        for (Index j = 0; j < m; ++j) {
          const auto at = static_cast<std::size_t>(i * m + j);
          const double before = into == Into::add ? static_cast<double>(start[at]) : 0;
          const auto expect = [&](T value, auto left, auto right) {
            double sum = before, size = std::abs(before);
            for (Index l = 0; l < k; ++l) {
              const double term = static_cast<double>(a[static_cast<std::size_t>(left(l))]) *
                                  static_cast<double>(b[static_cast<std::size_t>(right(l))]);
              sum += term;
              size += std::abs(term);
            }
            const double bound =
                static_cast<double>(k + 2) * static_cast<double>(std::numeric_limits<T>::epsilon()) * size;
            EXPECT_NEAR(static_cast<double>(value), sum, bound);
          };
          expect(
              nn[at], [&](Index l) { return i * k + l; }, [&](Index l) { return l * m + j; });
          expect(
              nt[at], [&](Index l) { return i * k + l; }, [&](Index l) { return j * k + l; });
          expect(
              tn[at], [&](Index l) { return l * n + i; }, [&](Index l) { return l * m + j; });
        }
      }
    }
  }
}

// Products that begin in two threads at the same moment: a library that hands out its scratch memory without
// a lock gives both the same. One product in twenty was wrong with such a one.
TYPED_TEST(MatrixProduct, IsTheSameInThreadsThatMultiplyAtTheSameTime) {
  using T = TypeParam;
  constexpr Index rows = 64, inner = 8;
  constexpr int rounds = 20'000;
  const std::vector<T> a = TestFixture::normals(rows * inner, 3), b = TestFixture::normals(rows * inner, 4);
  std::vector<T> expected(rows * rows);
  product_nt(rows, inner, rows, a.data(), b.data(), expected.data());
  std::atomic<int> wrong = 0, arrived = 0;
  const auto multiply = [&](T factor) {
    std::vector<T> scaled = a, out(expected.size());
    for (T& value : scaled) value *= factor;
    for (int round = 0; round < rounds; ++round) {
      ++arrived;
      while (arrived.load() < 2 * (round + 1)) {
      }
      product_nt(rows, inner, rows, scaled.data(), b.data(), out.data());
      for (std::size_t i = 0; i < out.size(); ++i) {
        if (out[i] == factor * expected[i]) continue;  // powers of two scale exactly
        ++wrong;
        break;
      }
    }
  };
  std::thread one(multiply, T(1)), two(multiply, T(2));
  one.join();
  two.join();
  EXPECT_EQ(wrong.load(), 0) << "of " << 2 * rounds;
}

TYPED_TEST(MatrixProduct, IntoAPartOfAMatrixLeavesTheRestAlone) {
  using T = TypeParam;
  constexpr Index n = 5, k = 9, m = 7, stride = 12;
  const std::vector<T> a = TestFixture::normals(n * k, 5), b = TestFixture::normals(m * k, 6);
  std::vector<T> whole(n * m), part(n * stride, T(-77));
  product_nt(n, k, m, a.data(), b.data(), whole.data());
  product_nt(n, k, m, a.data(), b.data(), part.data() + 2, stride);
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j < stride; ++j) {
      const bool inside = j >= 2 && j < 2 + m;
      EXPECT_EQ(part[static_cast<std::size_t>(i * stride + j)],
                inside ? whole[static_cast<std::size_t>(i * m + j - 2)] : T(-77));
    }
  }
}

TYPED_TEST(MatrixProduct, OverwritesATargetThatHoldsNaN) {
  using T = TypeParam;
  const std::vector<T> a = {1, 2}, b = {3, 4};
  std::vector<T> out = {std::numeric_limits<T>::quiet_NaN()};
  product(1, 2, 1, a.data(), b.data(), out.data());
  EXPECT_EQ(out[0], T(11));
}

TEST(MatrixProduct, StartsNoThreadsOfOpenBlas) {
  EXPECT_EQ(openblas_get_num_threads(), 1);
  EXPECT_EQ(blas_num_threads, 1) << "those of the pool, which are started before main";
}

TEST(MatrixProduct, TakesKernelsWithTheVectorsThatTheProcessorHas) {
  if (std::getenv("OPENBLAS_CORETYPE") != nullptr) GTEST_SKIP() << "OPENBLAS_CORETYPE names the kernels";
  if (!__builtin_cpu_supports("avx2")) GTEST_SKIP() << "the processor has no AVX2";
  EXPECT_STRNE(openblas_get_corename(), "Prescott")
      << "kernels of SSE3, where OpenBLAS does not know the processor";
}

}  // namespace
}  // namespace starling::math
