#include "starling/systems/drift/judge.h"

#include <gtest/gtest.h>

#include "starling/math/statistics.h"

namespace starling::drift {
namespace {

using base::Index;
using base::Points;

double mean(const std::vector<double>& values) {
  return math::mean_interval(values).mean;
}

Spec toy() {
  Spec spec;
  spec.data.source = Source::checkerboard;
  spec.train.evaluation = 1000;
  return spec;
}

Spec digits() {
  Spec spec;
  spec.data.source = Source::file;
  spec.data.file.path = STARLING_SOURCE_DIR "/data/digits.npz";
  spec.data.rescale = Rescale::unit;
  spec.generator.conditional = true;
  return spec;
}

// Training points are a draw of the law itself: they must lie within the floor's own scatter.
TEST(Judge, GivesDataItsFloor) {
  for (const Spec& spec : {toy(), digits()}) {
    const Problem problem(spec);
    const Judge judge(spec, problem);
    const auto floor = judge.floor(6);
    const Points<double> training = problem.training().cast<double>();
    const Distances distances = judge.distances(training, 0);
    for (const char* name : {"energy_distance", "sliced_wasserstein", "mmd"}) {
      EXPECT_GT(distances.at(name), 0.4 * mean(floor.at(name))) << name;
      EXPECT_LT(distances.at(name), 2.5 * mean(floor.at(name))) << name;
    }
    EXPECT_GT(mean(floor.at("coverage")), 0.9);
  }
}

TEST(Judge, SeesALawThatMissesHalfOfTheModes) {
  const Spec spec = toy();
  const Problem problem(spec);
  const Judge judge(spec, problem);
  Points<double> half = problem.training().cast<double>();
  half.col(0) = half.col(0).cwiseAbs();
  const auto floor = judge.floor(4);
  const Distances distances = judge.distances(half, 0);
  EXPECT_GT(distances.at("energy_distance"), 20 * mean(floor.at("energy_distance")));
  EXPECT_LT(distances.at("coverage"), 0.8 * mean(floor.at("coverage")));
  EXPECT_LT(distances.at("recall"), 0.8);
}

TEST(Judge, SeesMemorisationAndClasses) {
  const Spec spec = digits();
  const Problem problem(spec);
  const Judge judge(spec, problem);
  const Points<double> training = problem.training().cast<double>(),
                       held_out = problem.held_out().cast<double>();
  EXPECT_EQ(judge.distance_to_training(training), 0);
  EXPECT_DOUBLE_EQ(judge.distance_to_training(held_out), 1);
  EXPECT_GT(judge.class_agreement(held_out), 0.95);
  EXPECT_LT(judge.class_agreement(held_out.colwise().reverse()), 0.2);
}

}  // namespace
}  // namespace starling::drift
