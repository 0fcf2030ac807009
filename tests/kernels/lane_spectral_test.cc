#include "starling/kernels/lane_spectral.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <vector>

#include "starling/base/random.h"
#include "starling/kernels/small_spectral.h"

namespace starling::kernels {
namespace {

// Five steps of K. Jordan's.
const std::vector<math::OddQuintic> jordan(5, {3.4445, -4.7750, 2.0315});

template <class T>
struct Batch {
  SmallShape shape;
  std::ptrdiff_t count;
  std::vector<T> in, epsilon;

  Batch(SmallShape s, std::ptrdiff_t c, std::uint64_t seed) : shape(s), count(c) {
    in.resize(static_cast<std::size_t>(size() * count));
    base::Stream(seed, 0, "test").fill_normal(std::span<T>(in));
    const double root = std::sqrt(static_cast<double>(std::max(s.rows, s.columns)));
    epsilon.assign(static_cast<std::size_t>(count), static_cast<T>(0.5 * root));
  }
  std::ptrdiff_t size() const { return shape.rows * shape.columns; }
  std::span<T> matrix(std::ptrdiff_t i) {
    return std::span<T>(in).subspan(static_cast<std::size_t>(i * size()), static_cast<std::size_t>(size()));
  }
};

template <class T>
struct Mapped {
  std::vector<T> out, lower;
  std::vector<char> finite;
};

template <class T>
const math::MinimaxTable& table() {
  static const math::MinimaxTable made(1e-2, sizeof(T) == sizeof(float) ? 1e-6 : 1e-13);
  return made;
}

template <class T, class Workspace, class Regularise, class NewtonSchulz>
std::pair<Mapped<T>, Mapped<T>> both(const Batch<T>& batch, Regularise regularise,
                                     NewtonSchulz newton_schulz) {
  Workspace workspace(batch.shape);
  const auto count = static_cast<std::size_t>(batch.count);
  Mapped<T> regular{std::vector<T>(batch.in.size(), T(7)), std::vector<T>(count), {}};
  regularise(batch.count, batch.in.data(), batch.epsilon.data(), table<T>(), regular.out.data(),
             regular.lower.data(), workspace);
  Mapped<T> schulz{std::vector<T>(batch.in.size(), T(7)), {}, {}};
  const std::unique_ptr<bool[]> finite(new bool[count]);
  newton_schulz(batch.count, batch.in.data(), 1.0, 1e-7, jordan, schulz.out.data(), finite.get(), workspace);
  schulz.finite.assign(finite.get(), finite.get() + batch.count);
  return {regular, schulz};
}
template <class T>
auto in_lanes(const Batch<T>& batch) {
  return both<T, LaneWorkspace<T>>(batch, regularise_lanes<T>, newton_schulz_lanes<T>);
}
template <class T>
auto one_by_one(const Batch<T>& batch) {
  return both<T, SmallWorkspace<T>>(batch, regularise_small<T>, newton_schulz_small<T>);
}

template <class T>
void expect_close(const std::vector<T>& a, const std::vector<T>& b, double tolerance) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], tolerance) << "entry " << i;
}

template <class T>
void expect_lanes_to_agree_with_one_by_one() {
  const double rounding = 64 * static_cast<double>(std::numeric_limits<T>::epsilon());
  base::Stream shapes(1, 0, "shapes");
  for (std::uint64_t i = 0; i < 60; ++i) {
    const SmallShape shape{1 + static_cast<std::ptrdiff_t>(shapes.uniform() * 48),
                           1 + static_cast<std::ptrdiff_t>(shapes.uniform() * 32)};
    const Batch<T> batch(shape, 1 + static_cast<std::ptrdiff_t>(shapes.uniform() * 40), i);
    SCOPED_TRACE(::testing::Message() << batch.count << " of " << shape.rows << " x " << shape.columns);
    const auto [regular, schulz] = in_lanes(batch);
    const auto [regular_alone, schulz_alone] = one_by_one(batch);
    expect_close(regular.out, regular_alone.out, rounding);
    expect_close(regular.lower, regular_alone.lower, rounding);
    expect_close(schulz.out, schulz_alone.out, 8 * rounding);
  }
}

TEST(SpectralMapsInLanes, AgreeWithThoseOfOneMatrixAtATime) {
  expect_lanes_to_agree_with_one_by_one<float>();
  expect_lanes_to_agree_with_one_by_one<double>();
}

// Neighbours of all kinds, and any place in a group.
TEST(SpectralMapsInLanes, DependOnNoNeighbour) {
  Batch<float> batch({7, 5}, 37, 3);
  std::ranges::fill(batch.matrix(3), 0.0F);
  batch.matrix(4)[11] = std::numeric_limits<float>::quiet_NaN();
  batch.matrix(5)[0] = std::numeric_limits<float>::infinity();
  for (float& x : batch.matrix(6)) x *= 1e-30F;
  for (float& x : batch.matrix(7)) x *= 1e30F;
  for (float& x : batch.matrix(8)) x = 1e-42F;  // a denormal: its inverse is infinite
  batch.epsilon[6] *= 1e-30F;
  batch.epsilon[7] *= 1e30F;
  batch.epsilon[9] = 1e-6F;  // beyond the table
  batch.epsilon[10] = 1e30F;
  const auto [regular, schulz] = in_lanes(batch);
  for (std::ptrdiff_t i = 0; i < batch.count; ++i) {
    SCOPED_TRACE(i);
    Batch<float> lone(batch.shape, 1, 0);
    std::ranges::copy(batch.matrix(i), lone.in.begin());
    lone.epsilon[0] = batch.epsilon[static_cast<std::size_t>(i)];
    const auto [regular_alone, schulz_alone] = in_lanes(lone);
    const auto begin = static_cast<std::size_t>(i * batch.size());
    EXPECT_TRUE(std::equal(regular_alone.out.begin(), regular_alone.out.end(), regular.out.data() + begin));
    EXPECT_TRUE(std::equal(schulz_alone.out.begin(), schulz_alone.out.end(), schulz.out.data() + begin));
    EXPECT_EQ(regular_alone.lower[0], regular.lower[static_cast<std::size_t>(i)]);
    const bool served = i != 4 && i != 5 && (i < 8 || i > 10);
    EXPECT_EQ(regular_alone.lower[0] > 0, served);
    if (!served) {
      EXPECT_EQ(regular_alone.out[0], 7.0F) << "what is not served is left alone";
    }
    EXPECT_EQ(schulz.finite[static_cast<std::size_t>(i)] != 0, i != 4 && i != 5);
  }
  EXPECT_EQ(regular.out[static_cast<std::size_t>(3 * batch.size())], 0.0F);
  EXPECT_EQ(schulz.out[static_cast<std::size_t>(3 * batch.size())], 0.0F);
}

}  // namespace
}  // namespace starling::kernels
