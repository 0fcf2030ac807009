#include "starling/systems/drift/release.h"

#include <gtest/gtest.h>

#include "starling/base/error.h"
#include "systems/drift/figures.h"

namespace starling::drift {
namespace {

using figures::cloud;
using figures::x;
using figures::y;
const base::Points<double> no_points(0, 2);

TEST(Release, HasThePrintedValuesForThreeTemperatures) {
  const auto result = release_drift<double>({}, x, y, no_points, {});
  EXPECT_NEAR(result.loss, 7.942581044570, 6e-12);
  EXPECT_NEAR(result.scale, 1.215193123079, 6e-13);
  EXPECT_NEAR(result.mean_square_fields[0], 7.004928100590e-05, 6e-17);
  EXPECT_NEAR(result.mean_square_fields[1], 7.894442339212e-03, 6e-15);
  EXPECT_NEAR(result.mean_square_fields[2], 4.136930171745e-02, 6e-14);
  const std::vector<double> printed = {-0.612347850890, -0.407429029295, 0.810503330618,  0.495534929603,
                                       -0.793738941367, 7.588961001155,  -0.911563374800, -1.744680820778};
  for (std::size_t i = 0; i < printed.size(); ++i) EXPECT_NEAR(result.drift.data()[i], printed[i], 2e-12);
}

TEST(Release, HasThePrintedValuesWithWeightedNegatives) {
  const auto negatives = cloud(2, {.4, -.3, -.8, .6});
  const base::Vector<double> weights = base::Vector<double>::Constant(2, 1.5);
  const auto result = release_drift<double>({.temperatures = {.2}}, x, y, negatives, weights);
  EXPECT_NEAR(result.loss, 1.000000000000, 6e-13);
  EXPECT_NEAR(result.scale, 1.190834280339, 6e-13);
  EXPECT_NEAR(result.mean_square_fields[0], .1010439416652, 6e-14);
  const std::vector<double> printed = {-1.010425891160, 0.555966088354, 0.475858935408,  0.417253356399,
                                       1.441083456832,  1.637791472444, -0.757420963869, -0.967796561249};
  for (std::size_t i = 0; i < printed.size(); ++i) EXPECT_NEAR(result.drift.data()[i], printed[i], 2e-12);
}

TEST(Release, LossIsOneForOneTemperatureWhateverTheClouds) {
  EXPECT_NEAR(release_drift<double>({.temperatures = {.05}}, 3 * x, y, no_points, {}).loss, 1, 1e-12);
}

TEST(Release, FloorCanBeSwitchedOff) {
  const auto with = release_drift<double>({.temperatures = {.02}}, x, y, no_points, {});
  const auto without =
      release_drift<double>({.temperatures = {.02}, .affinity_floor = false}, x, y, no_points, {});
  EXPECT_GT((with.drift - without.drift).cwiseAbs().maxCoeff(), .1);
}

TEST(Release, RefusesEmptyTemperaturesAndWrongWeights) {
  EXPECT_THROW(release_drift<double>({.temperatures = {}}, x, y, no_points, {}), base::Error);
  EXPECT_THROW(release_drift<double>({}, x, y, x, base::Vector<double>::Ones(3)), base::Error);
  EXPECT_THROW(release_drift<double>({}, x, y, x, base::Vector<double>::Constant(4, -1)), base::Error);
}

}  // namespace
}  // namespace starling::drift
