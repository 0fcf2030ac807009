#include "starling/systems/students/trajectory.h"

#include <gtest/gtest.h>

#include <cmath>

#include "starling/base/error.h"
#include "starling/systems/students/partitions.h"

namespace starling::students {
namespace {

Neurons reference_start(double second) {
  Neurons start{base::Points<double>(2, 4), base::Vector<double>(2)};
  start.w << 0.3, 0.1, -0.2, 0.05, -0.1, 0.2, 0.25, -0.1;
  start.a << 0.5, second;
  return start;
}

Trajectory from(Activation activation, double second, const std::vector<double>& times) {
  const Landscape landscape(activation, orthonormal_teacher(3, 4));
  return follow(landscape, reference_start(second), times, Outgoing::free, 1e-12, 1e-14);
}

// Losses and outgoing weights of an independent integrator (DOP853, relative tolerance 1e-12).
TEST(Trajectory, IsTheReferenceForErf) {
  const Trajectory found = from(Activation::erf, -0.4, {0, 1, 10, 30, 100, 300, 1000});
  const double losses[] = {1.080352964641, 0.340963115958, 0.045326955015, 0.027544480339,
                           0.023458085696, 0.023228960483, 0.023221680770};
  const double a[][2] = {{0.5, -0.4},
                         {0.87281329, -0.33465355},
                         {1.43246078, -0.64995036},
                         {1.57099633, -0.90900911},
                         {1.78373854, -1.02300206},
                         {1.95985402, -1.00631345},
                         {1.99981955, -1.00003297}};
  for (std::size_t t = 0; t < 7; ++t) {
    EXPECT_NEAR(found.losses[t], losses[t], 1e-9) << t;
    EXPECT_NEAR(found.students[t].a[0], a[t][0], 1e-8) << t;
    EXPECT_NEAR(found.students[t].a[1], a[t][1], 1e-8) << t;
  }
  EXPECT_EQ(found.conserved.rows(), 0);
}

TEST(Trajectory, IsTheReferenceForReluAndKeepsItsConservationLaw) {
  const Trajectory found = from(Activation::relu, 0.4, {0, 1, 10, 100, 300});
  const double losses[] = {1.999273017567, 0.274367614974, 0.155102921121, 0.153863997703, 0.153667724387};
  for (std::size_t t = 0; t < 5; ++t) {
    EXPECT_NEAR(found.losses[t], losses[t], 1e-9) << t;
    EXPECT_NEAR(found.conserved(static_cast<base::Index>(t), 0), -0.1075, 1e-10);
    EXPECT_NEAR(found.conserved(static_cast<base::Index>(t), 1), -0.0375, 1e-10);
  }
  EXPECT_NEAR(found.students[4].a[0], 1.17423899, 1e-7);
  EXPECT_NEAR(found.students[4].a[1], 1.17439727, 1e-7);
}

// |w|² = 0.1225 < a² = 0.16 and a < 0: w vanishes while a is still -√0.0375.
TEST(Trajectory, HoldsAReluNeuronThatDies) {
  const Trajectory found = from(Activation::relu, -0.4, {0.1, 50, 300});
  EXPECT_TRUE(std::isinf(found.died[0]));
  EXPECT_GT(found.died[1], 0.1);
  EXPECT_LT(found.died[1], 50);
  EXPECT_TRUE(found.students[2].w.row(1).isZero(0));
  EXPECT_NEAR(found.students[2].a[1], -std::sqrt(0.0375), 1e-6);
  EXPECT_NEAR(found.losses[2], 0.484710060482, 1e-6);  // the best single neuron
}

TEST(Trajectory, LeavesFixedOutgoingWeightsAlone) {
  const Landscape landscape(Activation::erf, orthonormal_teacher(3, 4));
  const Trajectory found =
      follow(landscape, reference_start(-0.4), std::vector<double>{5}, Outgoing::fixed, 1e-10, 1e-12);
  EXPECT_EQ(found.students[0].a, reference_start(-0.4).a);
  EXPECT_LT(found.losses[0], landscape.mean_squared_error(reference_start(-0.4)));
}

TEST(Trajectory, RefusesAStartOnADeadNeuronAndTimesThatDescend) {
  const Landscape landscape(Activation::relu, orthonormal_teacher(3, 4));
  Neurons dead = reference_start(0.4);
  dead.w.row(1).setZero();
  try {
    follow(landscape, dead, std::vector<double>{1}, Outgoing::free, 1e-8, 1e-10);
    FAIL();
  } catch (const base::Error& error) {
    EXPECT_NE(std::string(error.what()).find("row 1 is zero: a dead relu neuron"), std::string::npos);
  }
  EXPECT_THROW(
      follow(landscape, reference_start(0.4), std::vector<double>{2, 1}, Outgoing::free, 1e-8, 1e-10),
      base::Error);
}

}  // namespace
}  // namespace starling::students
