#include "starling/optim/orthogonalize.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "starling/base/error.h"
#include "starling/base/parallel.h"
#include "starling/base/random.h"
#include "starling/optim/newton_schulz.h"

namespace starling::optim {
namespace {

using base::Index;
using Table = base::Points<double>;

Table b() {
  Table out(4, 3);
  for (Index i = 0; i < 4; ++i) {
    for (Index j = 0; j < 3; ++j) out(i, j) = std::cos(static_cast<double>((i + 1) * (j + 1)));
  }
  return out;
}

template <class T>
base::Points<T> mapped(const base::Points<T>& m, const OrthogonalizeSpec& spec, double* error = nullptr) {
  base::Points<T> out(m.rows(), m.cols());
  const double found = Orthogonalizer<T>(spec, m.rows(), m.cols())(m.data(), out.data());
  if (error != nullptr) *error = found;
  return out;
}

template <class T>
base::Points<T> normal(Index rows, Index columns, std::uint64_t seed) {
  base::Points<T> out(rows, columns);
  base::Stream(seed, 0, "test").fill_normal(std::span<T>(out.data(), static_cast<std::size_t>(out.size())));
  return out;
}

double spectral_norm(const Table& m) {
  return m.size() == 0 ? 0 : math::singular_values(m)[0];
}

TEST(NewtonSchulz, GivesTheFiguresOfAnIndependentComputation) {
  const auto values = [](const Table& x) { return math::singular_values(x); };
  const auto off = [](const Table& x) { return (x.transpose() * x - Table::Identity(3, 3)).norm(); };
  const Table jordan = mapped(b(), {.method = Orthogonalization::jordan});
  EXPECT_NEAR(jordan(0, 0), 0.087672996253796, 1e-14);
  EXPECT_NEAR(jordan(1, 2), 0.412592054633856, 1e-14);
  EXPECT_NEAR(values(jordan)[0], 1.060042548526, 1e-12);
  EXPECT_NEAR(values(jordan)[1], .728742995553, 1e-12);
  EXPECT_NEAR(values(jordan)[2], .697935462983, 1e-12);
  EXPECT_NEAR(off(jordan), .705868381715, 1e-12);
  const Table express = mapped(b(), {.method = Orthogonalization::polar_express});
  EXPECT_NEAR(express(0, 0), .104123185278802, 1e-14);
  EXPECT_NEAR(values(express)[0], 1.070106032833, 1e-12);
  EXPECT_NEAR(values(express)[1], .944972638562, 1e-12);
  EXPECT_NEAR(values(express)[2], .901972479875, 1e-12);
  EXPECT_NEAR(off(express), .259381031015, 1e-12);
  const Table eight = mapped(b(), {.method = Orthogonalization::polar_express, .steps = 8});
  EXPECT_LT((eight - math::polar_factor(b())).norm(), 3e-15);
  const Table nanochat = mapped(b(), {.method = Orthogonalization::nanochat});
  EXPECT_NEAR(values(nanochat)[0], 1.061241409105, 1e-12);
  EXPECT_NEAR(values(nanochat)[1], 1.046550801036, 1e-12);
  EXPECT_NEAR(values(nanochat)[2], .887670504028, 1e-12);
}

// Least and largest image of [lowest, 1] under the steps of a table.
std::pair<double, double> range(NewtonSchulzTable table, int steps, double lowest) {
  double least = 1e9, most = 0;
  const auto triples = newton_schulz_steps(table, steps);
  for (int i = 0; i <= 400000; ++i) {
    double x = lowest * std::pow(1 / lowest, i / 400000.0);
    for (const math::OddQuintic& p : triples) x = p(x);
    least = std::min(least, x);
    most = std::max(most, x);
  }
  return {least, most};
}

TEST(NewtonSchulz, TablesSendSingularValuesWhereTheyAreKnownTo) {
  const struct {
    NewtonSchulzTable table;
    int steps;
    double lowest, least, most;
  } rows[] = {{NewtonSchulzTable::jordan, 5, .01, .68183, 1.13436},
              {NewtonSchulzTable::jordan, 5, .001, .47054, 1.20237},
              {NewtonSchulzTable::polar_express, 5, .001, .84618, 1.12356},
              {NewtonSchulzTable::nanochat, 5, .001, .85887, 1.14113},
              {NewtonSchulzTable::you, 5, .01, .97775, 1.03178},
              {NewtonSchulzTable::you, 5, .001, .47498, 1.14502},
              {NewtonSchulzTable::cans, 7, .001, .70247, 1.29753},
              {NewtonSchulzTable::polar_express, 8, .001, 1, 1}};
  for (const auto& row : rows) {
    const auto [least, most] = range(row.table, row.steps, row.lowest);
    EXPECT_NEAR(least, row.least, 1e-5) << static_cast<int>(row.table);
    EXPECT_NEAR(most, row.most, 1e-5) << static_cast<int>(row.table);
  }
}

TEST(Orthogonalize, TheGramFormOfPolarExpressIsPolarExpress) {
  const Table m = normal<double>(5, 9, 1);
  Table x = m / (1.05 * m.norm() + 1e-7);
  for (const math::OddQuintic& p : newton_schulz_steps(NewtonSchulzTable::polar_express, 6, 1.05)) {
    const Table a = x * x.transpose();
    x = (p.a * x + (p.b * a + p.c * a * a) * x).eval();
  }
  EXPECT_LT((mapped(m, {.method = Orthogonalization::gram, .steps = 6}) - x).norm(), 1e-12);
  const Table tall = m.transpose();
  EXPECT_LT((mapped(tall, {.method = Orthogonalization::gram, .steps = 6}) - Table(x.transpose())).norm(),
            1e-12);
}

TEST(Orthogonalize, AlmostOrthogonalScalingBoundsTheNormAndMovesTheLimit) {
  const Table m = normal<double>(8, 20, 2);
  const Table end = mapped(m, {.method = Orthogonalization::aol, .steps = 7});
  EXPECT_LT((end * end.transpose() - Table::Identity(8, 8)).norm(), 1e-6);
  EXPECT_GT((end - Table(math::polar_factor(m))).norm(), 0.01);
  Table with_empty_row = m;
  with_empty_row.row(3).setZero();
  EXPECT_EQ(mapped(with_empty_row, {.method = Orthogonalization::aol}).row(3).norm(), 0);
}

// One typed body over all shapes, scales and ranks: the answer is the decomposition's within the bound that
// comes with it, or an error.
template <class T>
void agrees_with_the_decomposition(std::uint64_t seed) {
  base::Stream stream(seed, 0, "shapes");
  const auto pick = [&](double most) {
    return static_cast<Index>(std::floor(std::pow(most + 1, stream.uniform())));
  };
  const Index rows = stream.uniform() < 0.02 ? 0 : pick(90), columns = stream.uniform() < 0.02 ? 0 : pick(90);
  base::Points<T> m = normal<T>(rows, columns, seed);
  if (stream.uniform() < 0.3) {
    const Index rank = pick(6);
    m = normal<T>(rows, rank, seed) * normal<T>(rank, columns, seed + 1);
  }
  if (stream.uniform() < 0.05) m.setZero();
  const double scales[] = {1, 1, 1, 1e-3, 1e3, 1e-30, 1e30};
  const double scale = scales[static_cast<std::size_t>(stream.uniform() * 7)];
  m *= static_cast<T>(scale);
  const double epsilon = std::pow(10, -4 * stream.uniform()) * (stream.uniform() < 0.7 ? scale : 1);
  const bool lost = m.size() > 0 && stream.uniform() < 0.05;
  if (lost)
    m(rows / 2, columns / 2) =
        stream.uniform() < 0.5 ? std::numeric_limits<T>::quiet_NaN() : std::numeric_limits<T>::infinity();
  const OrthogonalizeSpec spec{.epsilon = epsilon};
  if (lost) {
    EXPECT_THROW(mapped(m, spec), base::Error);
    return;
  }
  double bound = 0;
  const base::Points<T> found = mapped(m, spec, &bound);
  EXPECT_LE(bound, sizeof(T) == 4 ? 2.01e-5 : 2.01e-12);
  // The map itself carries the rounding of M: by 1/e where M is far above e.
  const Table wide = m.template cast<double>();
  const double rounding =
      40 * std::numeric_limits<double>::epsilon() * (1 + std::min(spectral_norm(wide) / epsilon, 1e14)) +
      (sizeof(T) == 4 ? 1e-6 : 0);
  const double error = spectral_norm(found.template cast<double>() - Table(math::SpectralMap(epsilon)(wide)));
  EXPECT_LE(error, bound + rounding) << rows << " x " << columns << " e " << epsilon << " scale " << scale
                                     << " seed " << seed;
}

TEST(Orthogonalize, RegularizedAgreesWithTheDecompositionOverRandomShapesScalesAndRanks) {
  for (std::uint64_t seed = 0; seed < 5000; ++seed) {
    agrees_with_the_decomposition<float>(seed);
    agrees_with_the_decomposition<double>(seed);
  }
}

TEST(Orthogonalize, OfAWideMatrixIsTheTransposeOfTheTallOnes) {
  for (const auto method :
       {Orthogonalization::regularized, Orthogonalization::jordan, Orthogonalization::polar}) {
    for (const auto& [rows, columns] : std::vector<std::pair<Index, Index>>{{3, 17}, {80, 100}}) {
      const Table m = normal<double>(rows, columns, 3), turned = m.transpose();
      EXPECT_LT(
          (mapped(m, {.method = method}) - Table(mapped(turned, {.method = method}).transpose())).norm(),
          1e-11);
    }
  }
}

// A batch of small matrices goes by lanes, one by itself by rows: the same to rounding.
TEST(Orthogonalize, ABatchIsItsMatricesOneByOneInPlaceAndForAnyNumberOfThreads) {
  for (const auto& [rows, columns] :
       std::vector<std::pair<Index, Index>>{{5, 7}, {30, 40}, {34, 40}, {70, 70}}) {
    const bool in_lanes = rows <= 32;
    for (const auto method : {Orthogonalization::regularized, Orthogonalization::jordan}) {
      const OrthogonalizeSpec spec{.method = method, .epsilon = 0.3, .scale = EpsilonScale::relative};
      const Index batch = 37;
      const base::Points<float> all = normal<float>(batch * rows, columns, 4);
      base::Points<float> together = all, by_one_thread = all, alone = all;
      Orthogonalizer<float>(spec, rows, columns, batch)(together.data(), together.data());
      {
        const base::ThreadLimit one(1);
        Orthogonalizer<float>(spec, rows, columns, batch)(all.data(), by_one_thread.data());
      }
      EXPECT_TRUE(together == by_one_thread);
      for (Index i = 0; i < batch; ++i) {
        float* matrix = alone.data() + i * rows * columns;
        Orthogonalizer<float>(spec, rows, columns)(matrix, matrix);
      }
      EXPECT_LT((together - alone).cwiseAbs().maxCoeff(), in_lanes ? 1e-5 : 1e-30);
    }
  }
}

TEST(Orthogonalize, RelativeEpsilonIsFreeOfUnits) {
  const Table m = normal<double>(6, 9, 5);
  const OrthogonalizeSpec spec{.epsilon = 0.5, .scale = EpsilonScale::relative};
  EXPECT_LT((mapped(Table(1e9 * m), spec) - mapped(m, spec)).norm(), 1e-12);
  EXPECT_LT((mapped(m, spec) - Table(math::SpectralMap(0.5 * m.norm() / std::sqrt(6.0))(m))).norm(), 1e-11);
}

TEST(Orthogonalize, AZeroMatrixStaysZeroUnderEveryMethod) {
  for (const char* name :
       {"regularized", "polar", "jordan", "polar_express", "nanochat", "you", "cans", "gram", "aol"}) {
    for (const auto scale : {EpsilonScale::absolute, EpsilonScale::relative})
      EXPECT_EQ(
          mapped(Table(Table::Zero(3, 4)), {.method = parse_orthogonalization(name), .scale = scale}).norm(),
          0)
          << name;
  }
}

TEST(Orthogonalize, NamesWhatItRefuses) {
  EXPECT_THROW(parse_orthogonalization("jordon"), base::Error);
  EXPECT_THROW(mapped(b(), {.epsilon = 0}), base::Error);
  EXPECT_THROW(mapped(b(), {.epsilon = std::nan("")}), base::Error);
  EXPECT_THROW(mapped(b(), {.method = Orthogonalization::you, .steps = 6}), base::Error);
  EXPECT_THROW(Orthogonalizer<double>({}, -1, 2), base::Error);
  Table bad = b();
  bad(1, 1) = std::nan("");
  for (const char* name : {"regularized", "polar", "jordan", "gram", "aol"})
    EXPECT_THROW(mapped(bad, {.method = parse_orthogonalization(name)}), base::Error) << name;
}

}  // namespace
}  // namespace starling::optim
