#include "starling/systems/students/finite_data.h"

#include <gtest/gtest.h>

#include "starling/base/error.h"
#include "starling/systems/students/partitions.h"

namespace starling::students {
namespace {

using base::Index;

// The bias of a sample's minimum is of order 1/N; its loss at the population's solution is within the noise.
TEST(FiniteData, AFitOnManySamplesIsNearThePopulationSolution) {
  for (const Activation activation : {Activation::erf, Activation::linear}) {
    const Landscape landscape(activation, orthonormal_teacher(3, 3));
    const std::vector<Index> groups = {1, 2};
    const Neurons start = copy_average(groups, 3, Activation::erf).student;
    base::Stream stream(1, 0, "test");
    const SampleFit found = fit_on_samples(landscape, start, 20000, stream);
    EXPECT_TRUE(found.fit.converged);
    if (activation == Activation::linear) continue;  // any plane of solutions: no one point to be near
    EXPECT_LT(squared_distance(found.student, start), 0.05);
    EXPECT_NEAR(landscape.mean_squared_error(found.student), landscape.mean_squared_error(start), 1e-3);
  }
}

TEST(FiniteData, RefusesActivationsThatNetworksLackAndNoSamples) {
  base::Stream stream(1, 0, "test");
  const Neurons teacher = orthonormal_teacher(2, 2);
  EXPECT_THROW(fit_on_samples(Landscape(Activation::cos, teacher), teacher, 10, stream), base::Error);
  EXPECT_THROW(fit_on_samples(Landscape(Activation::erf, teacher), teacher, 0, stream), base::Error);
}

}  // namespace
}  // namespace starling::students
