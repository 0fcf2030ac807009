#include "starling/report/sample_sheet.h"

#include <gtest/gtest.h>

#include <limits>

#include "starling/base/error.h"

namespace starling::report {
namespace {

using base::Points;

TEST(SampleSheet, PlacesImagesRowByRowOnWhite) {
  Points<float> images(3, 32 * 32);
  images.row(0).setConstant(0);
  images.row(1).setConstant(0.5F);
  images.row(2).setConstant(2);  // beyond white
  const data::Image sheet = sample_sheet(images, 32, 32, 2);
  ASSERT_EQ(sheet.width, 2 * 36 + 4);
  ASSERT_EQ(sheet.height, 2 * 36 + 4);
  ASSERT_EQ(sheet.channels, 1);
  const auto at = [&](int x, int y) { return sheet.pixels[static_cast<std::size_t>(y * sheet.width + x)]; };
  EXPECT_EQ(at(0, 0), 255);
  EXPECT_EQ(at(4, 4), 0);
  EXPECT_EQ(at(35, 35), 0);
  EXPECT_EQ(at(36, 36), 255);
  EXPECT_EQ(at(40, 4), 128);
  EXPECT_EQ(at(4, 40), 255);
}

TEST(SampleSheet, EnlargesSmallImagesByAWholeFactorWithTheirTones) {
  Points<float> images(1, 2);
  images << -1, 1;  // one row of two pixels
  const data::Image sheet = sample_sheet(images, 1, 2, 8, {.black = 1, .white = -1});
  EXPECT_EQ(sheet.width, 64 + 8);
  EXPECT_EQ(sheet.height, 32 + 8);
  const auto row = static_cast<std::size_t>(4 * sheet.width);
  EXPECT_EQ(sheet.pixels[row + 4], 255);
  EXPECT_EQ(sheet.pixels[row + 35], 255);
  EXPECT_EQ(sheet.pixels[row + 36], 0);
}

TEST(SampleSheet, ShowsNotANumberAsBlack) {
  const Points<float> images = Points<float>::Constant(1, 4, std::numeric_limits<float>::quiet_NaN());
  const data::Image sheet = sample_sheet(images, 2, 2, 1);
  EXPECT_EQ(sheet.pixels[static_cast<std::size_t>(4 * sheet.width + 4)], 0);
}

TEST(SampleSheet, RefusesImagesOfAnotherSize) {
  const Points<float> images = Points<float>::Zero(2, 9);
  EXPECT_THROW((void)sample_sheet(images, 2, 4, 1), base::Error);
  EXPECT_THROW((void)sample_sheet(images, 3, 3, 0), base::Error);
  EXPECT_THROW((void)sample_sheet(images, 3, 3, 1, {.black = 1, .white = 1}), base::Error);
  EXPECT_THROW((void)sample_sheet(Points<float>(0, 9), 3, 3, 1), base::Error);
}

}  // namespace
}  // namespace starling::report
