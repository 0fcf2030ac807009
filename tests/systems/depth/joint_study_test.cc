#include "starling/systems/depth/joint_study.h"

#include <gtest/gtest.h>

#include "starling/base/error.h"
#include "starling/base/parallel.h"
#include "starling/systems/depth/limit.h"

namespace starling::depth {
namespace {

using Numbers = std::vector<double>;

TEST(DepthJointStudy, DoesNotDependOnThreads) {
  const HeadLaw law = formula_law(4, 2, 4, 1, .5);
  const Numbers x = formula_tokens(5, 4, 2), y = formula_targets(x, 4);
  const JointStudySpec spec{.layers = {2, 4},
                            .heads = {1, 3},
                            .watch = {0, 2},
                            .replicas = 19,
                            .reference_layers = 4,
                            .resamples = 20};
  const JointStudy many = study_jointly(spec, law, 5, x, y);
  const base::ThreadLimit one(1);
  const JointStudy alone = study_jointly(spec, law, 5, x, y);
  ASSERT_EQ(many.cells.size(), 4U);
  for (std::size_t c = 0; c < 4; ++c) {
    for (std::size_t s = 0; s < 2; ++s) {
      EXPECT_EQ(many.cells[c].hidden[s].squares, alone.cells[c].hidden[s].squares);
      EXPECT_EQ(many.cells[c].adjoint[s].squares, alone.cells[c].adjoint[s].squares);
    }
  }
  for (std::size_t s = 0; s < 2; ++s) {
    EXPECT_EQ(many.hidden[s].layers.standard_error, alone.hidden[s].layers.standard_error);
    EXPECT_LT(many.hidden[s].layers.lower, many.hidden[s].layers.value);
    EXPECT_GT(many.hidden[s].layers.upper, many.hidden[s].layers.value);
  }
}

TEST(DepthJointStudy, OfAllAtomsFindsTheirNetworkItself) {
  // One atom: every drawn network is the stratified one.
  const HeadLaw law = formula_law(1, 2, 4, 1, .5);
  const Numbers x = formula_tokens(5, 4, 2), y = formula_targets(x, 4);
  const JointStudySpec spec{.layers = {4}, .heads = {2}, .watch = {0, 3}, .replicas = 3};
  const JointCell cell = measure_cell(spec, law, 4, 2, 0, 5, stratified_network(spec, law, 4, 5, x, y), x, y);
  for (std::size_t s = 0; s < 2; ++s) {
    EXPECT_LT(cell.hidden[s].mean.value, 1e-28);
    EXPECT_LT(cell.adjoint[s].mean_largest, 1e-28);
  }
}

TEST(DepthJointStudy, TakesNeuronsAsASecondSpecies) {
  HeadLaw law = formula_law(4, 2, 4, 1, .5);
  for (int i = 0; i < 5 * 8; ++i) law.neurons.push_back(2 * split_mix(7, static_cast<std::uint64_t>(i)) - 1);
  const Numbers x = formula_tokens(5, 4, 2), y = formula_targets(x, 4);
  const JointStudySpec spec{.layers = {4, 16},
                            .heads = {1, 4},
                            .watch = {0, 5},
                            .replicas = 64,
                            .neurons_per_head = 2,
                            .reference_layers = 16};
  const JointStudy study = study_jointly(spec, law, 5, x, y);
  for (std::size_t s = 0; s < 2; ++s) {
    EXPECT_NEAR(study.hidden[s].layers.value, -1, .3);
    EXPECT_NEAR(study.hidden[s].heads.value, -1, .3);
  }
  EXPECT_THROW(study_jointly({.watch = {0}}, law, 5, x, y), base::Error);
  EXPECT_THROW(rate_constants(law, 5, x), base::Error);
}

TEST(DepthJointStudy, NamesWhatDoesNotFit) {
  const HeadLaw law = formula_law(2, 2, 4, 1, .5);
  const Numbers x = formula_tokens(5, 4, 2), y = formula_targets(x, 4);
  EXPECT_THROW(study_jointly({.layers = {}}, law, 5, x, y), base::Error);
  EXPECT_THROW(study_jointly({.heads = {0}}, law, 5, x, y), base::Error);
  EXPECT_THROW(study_jointly({.watch = {3, 1}}, law, 5, x, y), base::Error);
  EXPECT_THROW(study_jointly({.replicas = 1}, law, 5, x, y), base::Error);
  EXPECT_THROW(study_jointly({}, law, 4, x, y), base::Error);
  EXPECT_THROW(largest_error(law, 4, 1, 8, 3, x, 1), base::Error);
}

}  // namespace
}  // namespace starling::depth
