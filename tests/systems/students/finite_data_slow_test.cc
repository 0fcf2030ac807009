#include <gtest/gtest.h>

#include <cmath>

#include "starling/math/statistics.h"
#include "starling/systems/students/finite_data.h"
#include "starling/systems/students/partitions.h"

namespace starling::students {
namespace {

using base::Index;

// Two erf neurons for three teachers; the population's best copies one and averages two.
TEST(FiniteData, SquaredDistanceToThePopulationSolutionFallsAsOneOverTheSamples) {
  const Landscape landscape(Activation::erf, orthonormal_teacher(3, 3));
  const std::vector<Index> groups = {1, 2};
  const CopyAverage population = copy_average(groups, 3, Activation::erf);
  ASSERT_EQ(population.index, 0);
  std::vector<double> x, y;
  constexpr std::uint64_t seeds = 40;
  for (const Index samples : {1000, 3162, 10000, 31623, 100000}) {
    double sum = 0;
    for (std::uint64_t seed = 0; seed < seeds; ++seed) {
      base::Stream stream(seed, static_cast<std::uint32_t>(samples), "finite data");
      const SampleFit found = fit_on_samples(landscape, population.student, samples, stream);
      ASSERT_TRUE(found.fit.converged) << samples << " samples, seed " << seed;
      sum += squared_distance(found.student, population.student);
    }
    x.push_back(std::log(static_cast<double>(samples)));
    y.push_back(std::log(sum / static_cast<double>(seeds)));
    std::printf("%8td samples: mean squared distance %.4g, times samples %.4g\n", samples, std::exp(y.back()),
                std::exp(y.back()) * static_cast<double>(samples));
  }
  const math::SlopeFit line = math::fit_slope(x, y);
  std::printf("slope %.4f in [%.4f, %.4f]\n", line.slope, line.lower, line.upper);
  // A mean over 40 seeds scatters by a quarter at most: the slope by 0.06 (one standard error).
  EXPECT_NEAR(line.slope, -1, 0.15);
  EXPECT_LT(line.lower, -0.9);
  EXPECT_GT(line.upper, -1.1);
}

}  // namespace
}  // namespace starling::students
