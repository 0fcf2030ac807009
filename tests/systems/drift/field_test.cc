#include "starling/systems/drift/field.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "starling/base/error.h"
#include "systems/drift/figures.h"

namespace starling::drift {
namespace {

using figures::cloud;
using figures::expect_printed;
using figures::x;
using figures::y;

TEST(Displacement, HasThePrintedValues) {
  expect_printed(velocity<double>({.field = Field::displacement, .scale = .7}, x, y),
                 {-0.111938640555, 0.095679606433, -0.235232288696, -0.011262882512, 0.020130657424,
                  0.035808953679, -0.189978519049, 0.346379647294});
  expect_printed(
      velocity<double>({.field = Field::displacement, .scale = .7, .self_interaction = false}, x, y),
      {-0.241721763932, -0.000600025460, 0.512110989456, 0.283959055220, -0.391318108036, 0.557259465785,
       -0.171198533588, -0.665115100342});
}

TEST(Toy, HasThePrintedValuesWithAndWithoutItsClamp) {
  expect_printed(velocity<double>({.field = Field::toy, .scale = .7}, x, y),
                 {-0.206506213351, -0.002537710592, 0.238884878894, 0.104229309263, -0.250168928614,
                  0.285013264647, -0.055576306934, -0.275659947345});
  expect_printed(velocity<double>({.field = Field::toy, .scale = .05}, x, y),
                 {0.003643177041, -0.001403254038, 0.000074694750, 0.000072548932, 0.003421658577,
                  0.048672452363, -0.000008024922, -0.000012038244});
}

TEST(Paper, EqualsToyWithoutTheClampAndDiffersWhereItBites) {
  const auto paper = velocity<double>({.field = Field::paper, .scale = .7}, x, y);
  EXPECT_LT((paper - velocity<double>({.field = Field::toy, .scale = .7}, x, y)).cwiseAbs().maxCoeff(),
            1e-15);
  expect_printed(velocity<double>({.field = Field::paper, .scale = .05}, x, y),
                 {0.018042901196, -0.007501990843, 0.000074760537, 0.000072522680, 0.005072646220,
                  0.148980846842, -0.002247789399, -0.003396899960});
}

TEST(Conservative, HasThePrintedValues) {
  FieldSpec gaussian{.field = Field::conservative, .kernel = Kernel::gaussian, .scale = .6};
  expect_printed(velocity<double>(gaussian, x, y),
                 {-0.329188406008, 0.301560919705, -0.640654614295, 0.143734626110, 0.237767177185,
                  0.536469964471, -1.144572685929, 0.401011439979});
  gaussian.self_interaction = false;
  expect_printed(velocity<double>(gaussian, x, y),
                 {-0.561518633850, -0.116260416847, 1.726678042944, 0.797645648090, -0.697482787179,
                  1.910245304575, -0.803705013456, -2.277399214567});
  expect_printed(velocity<double>({.field = Field::conservative, .scale = .7}, x, y),
                 {-0.084990722837, 0.183798156400, -0.646471039756, 0.026499213373, 0.191536920658,
                  0.255672509310, -0.412645671652, 0.308068879034});
}

TEST(Sharp, HasThePrintedValues) {
  expect_printed(velocity<double>({.field = Field::sharp, .scale = .7}, x, y),
                 {-0.133926907347, 0.048847341663, -0.064126345510, 0.045559177964, -0.072697690054,
                  0.146592211170, -0.135201406831, 0.042154878126});
  const auto left_out =
      velocity<double>({.field = Field::sharp, .scale = .7, .self_interaction = false}, x, y);
  expect_printed(left_out.topRows(1), {-0.202143093548, -0.001758847536});
}

TEST(Field, GaussianDisplacementIsTheSquaredBandwidthTimesTheConservativeField) {
  const auto shift = velocity<double>({.kernel = Kernel::gaussian, .scale = .6}, x, y);
  const auto gradient =
      velocity<double>({.field = Field::conservative, .kernel = Kernel::gaussian, .scale = .6}, x, y);
  EXPECT_LT((shift - .36 * gradient).cwiseAbs().maxCoeff(), 1e-15);
}

TEST(Field, VanishesWhenModelEqualsData) {
  for (const Field field : {Field::displacement, Field::conservative, Field::sharp}) {
    EXPECT_LT(velocity<double>({.field = field}, x, x).cwiseAbs().maxCoeff(), 1e-15);
  }
}

TEST(Field, ChangesSignWhenModelAndDataAreSwapped) {
  const auto z = cloud(2, {.3, -.2, 1.1, .9, -2, .4});
  for (const Field field : {Field::displacement, Field::conservative, Field::sharp}) {
    const FieldSpec spec{.field = field};
    EXPECT_LT((velocity_at(spec, z, x, y) + velocity_at(spec, z, y, x)).cwiseAbs().maxCoeff(), 1e-15);
  }
}

TEST(Field, HasThePrintedValueCurlAndDivergenceOffTheSample) {
  struct Row {
    FieldSpec spec;
    double vx, vy, divergence, curl;
  };
  const Row rows[] = {
      {{.scale = .7}, -0.017580928277, 0.093972332095, 0.540457322997, -7.421959410158e-02},
      {{.field = Field::conservative, .kernel = Kernel::gaussian, .scale = .6},
       0.197750874852,
       0.487575746112,
       3.203651231351,
       0},
      {{.field = Field::conservative, .scale = .7}, 0.398579159650, 0.037295181230, 1.376063171569, 0},
      {{.field = Field::sharp, .scale = .7}, 0.010878190868, 0.036405020895, 0.637581320756, 0}};
  const auto z = cloud(2, {.3, -.2});
  for (const Row& row : rows) {
    expect_printed(velocity_at(row.spec, z, x, y), {row.vx, row.vy});
    EXPECT_NEAR(divergence_at(row.spec, z, x, y)(0), row.divergence, 6e-13);
    const auto jacobian = jacobian_at(row.spec, z.row(0).transpose(), x, y);
    const double curl = jacobian(1, 0) - jacobian(0, 1);
    EXPECT_NEAR(curl, row.curl, row.curl == 0 ? 1e-12 : 6e-14);
  }
}

TEST(Jacobian, AgreesWithDifferencesOfTheVelocity) {
  const double step = 1e-6;
  for (const FieldSpec& spec :
       {FieldSpec{.scale = .7}, FieldSpec{.kernel = Kernel::gaussian, .scale = .6},
        FieldSpec{.field = Field::conservative, .scale = .7}, FieldSpec{.field = Field::sharp}}) {
    const base::Vector<double> z = base::Vector<double>::LinSpaced(2, .3, -.4);
    const auto jacobian = jacobian_at(spec, z, x, y);
    for (base::Index b = 0; b < 2; ++b) {
      base::Points<double> up = z.transpose(), down = up;
      up(0, b) += step;
      down(0, b) -= step;
      const base::Points<double> slope =
          (velocity_at(spec, up, x, y) - velocity_at(spec, down, x, y)) / (2 * step);
      for (base::Index a = 0; a < 2; ++a) EXPECT_NEAR(jacobian(a, b), slope(0, a), 1e-8);
    }
  }
}

// Two data points and a model that sits between them: the field is zero at the centre although the laws
// differ.
TEST(Field, IsBlindAtTheCentreOfTwoModes) {
  const auto data = cloud(1, {-1, 1}), model = cloud(1, {0});
  const auto at = [&](const FieldSpec& spec, double z) {
    return velocity_at(spec, cloud(1, {z}), model, data)(0, 0);
  };
  const FieldSpec gaussian{.kernel = Kernel::gaussian, .scale = .5}, laplace{.scale = .5};
  EXPECT_NEAR(at(gaussian, .1), 0.379948962255, 6e-13);
  EXPECT_NEAR(at(laplace, .1), std::tanh(.1 / .5), 1e-12);
  EXPECT_EQ(at(gaussian, 0), 0);
  EXPECT_EQ(at(laplace, 0), 0);
}

TEST(Field, SaysWhichValueIsNotFinite) {
  auto bad = x;
  bad(2, 1) = std::numeric_limits<double>::quiet_NaN();
  try {
    velocity<double>({}, bad, y);
    FAIL();
  } catch (const base::Error& error) {
    EXPECT_STREQ(error.what(), "x: value at row 2, column 1 is nan; expected finite numbers");
    EXPECT_EQ(error.kind(), base::ErrorKind::input);
  }
}

TEST(Field, RefusesBadScalesWidthsAndEmptyClouds) {
  for (const double scale :
       {0.0, -1.0, std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()}) {
    EXPECT_THROW(velocity<double>({.scale = scale}, x, y), base::Error);
  }
  EXPECT_THROW(velocity<double>({}, x, cloud(1, {1, 2})), base::Error);
  EXPECT_THROW(velocity<double>({}, base::Points<double>(0, 2), y), base::Error);
}

TEST(Field, NamesTheNearestField) {
  try {
    parse_field("displacment");
    FAIL();
  } catch (const base::Error& error) {
    EXPECT_STREQ(error.what(), "unknown field 'displacment'; did you mean 'displacement'?");
  }
  EXPECT_EQ(parse_kernel("gaussian"), Kernel::gaussian);
}

}  // namespace
}  // namespace starling::drift
