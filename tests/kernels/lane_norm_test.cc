#include "starling/kernels/lane_norm.h"

#include <gtest/gtest.h>

#include <boost/align/aligned_allocator.hpp>
#include <cmath>
#include <complex>
#include <vector>

#include "starling/kernels/lane_attention.h"

namespace starling::kernels {
namespace {

template <class T>
using Vectors = std::vector<T, boost::alignment::aligned_allocator<T, 64>>;

// N of one token by its formula; S may be complex.
template <class S>
std::vector<S> norm_of(Norm kind, const std::vector<S>& x) {
  S mean = 0, square = 0;
  const double share = kind == Norm::unit ? 1 : 1 / static_cast<double>(x.size());
  if (kind == Norm::none) return x;
  for (const S& v : x) mean += share * v;
  if (kind != Norm::layer) mean = 0;
  for (const S& v : x) square += share * (v - mean) * (v - mean);
  std::vector<S> out;
  for (const S& v : x) out.push_back((v - mean) / std::sqrt(square + (kind == Norm::unit ? 1e-30 : 1e-5)));
  return out;
}

template <class T>
class LaneNormOf : public ::testing::Test {};
using Reals = ::testing::Types<float, double>;
TYPED_TEST_SUITE(LaneNormOf, Reals);

TYPED_TEST(LaneNormOf, IsTheFormulaWithItsDerivative) {
  using T = TypeParam;
  constexpr double tolerance = sizeof(T) == 8 ? 4e-14 : 2e-5;  // neighbours that are nearly equal cancel
  const std::ptrdiff_t lanes = attention_lanes<T>(), tokens = 3;
  for (const Norm kind : {Norm::none, Norm::layer, Norm::rms, Norm::unit}) {
    for (const std::ptrdiff_t width : {1, 2, 5, 16}) {
      const auto size = static_cast<std::size_t>(tokens * width * lanes);
      Vectors<T> x(size), v(size), out(size), slope(size, T(2));
      for (std::size_t i = 0; i < size; ++i) {
        x[i] = static_cast<T>(std::sin(1.7 * static_cast<double>(i)));
        v[i] = static_cast<T>(std::cos(.9 * static_cast<double>(i)));
      }
      normalise_tokens(kind, tokens, width, x.data(), out.data());
      add_norm_derivative(kind, tokens, width, x.data(), v.data(), slope.data());
      for (std::ptrdiff_t i = 0; i < tokens; ++i) {
        for (std::ptrdiff_t lane = 0; lane < lanes; ++lane) {
          std::vector<std::complex<double>> token;
          const auto at = [&](std::ptrdiff_t a) {
            return static_cast<std::size_t>((i * width + a) * lanes + lane);
          };
          for (std::ptrdiff_t a = 0; a < width; ++a)
            token.emplace_back(x[at(a)], 1e-30 * static_cast<double>(v[at(a)]));
          const auto known = norm_of(kind, token);
          for (std::ptrdiff_t a = 0; a < width; ++a) {
            const auto& z = known[static_cast<std::size_t>(a)];
            ASSERT_NEAR(out[at(a)], z.real(), tolerance);
            // One number alone has no spread: the slope is that of the 1e-5, and large.
            ASSERT_NEAR(slope[at(a)], 2 + z.imag() / 1e-30,
                        100 * tolerance * (1 + std::abs(z.imag() / 1e-30)));
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace starling::kernels
