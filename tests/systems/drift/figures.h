#pragma once
#include <gtest/gtest.h>

#include <vector>

#include "starling/base/matrix.h"

namespace starling::drift::figures {

/// Row-major literals as a cloud.
inline base::Points<double> cloud(base::Index d, const std::vector<double>& values) {
  return Eigen::Map<const base::Points<double>>(values.data(), static_cast<base::Index>(values.size()) / d,
                                                d);
}

/// The set on which the figures of the fields were computed, by two independent programs in double precision.
inline const base::Points<double> x = cloud(2, {0, 0, 1, .5, -.3, .8, .2, -1.1});
inline const base::Points<double> y = cloud(2, {.5, .5, -1, .2, 1.5, -.7, .1, 1.3, -.6, -.9});

/// All values to the twelve printed decimals.
inline void expect_printed(const base::Points<double>& measured, const std::vector<double>& printed) {
  ASSERT_EQ(measured.size(), static_cast<base::Index>(printed.size()));
  for (std::size_t i = 0; i < printed.size(); ++i) {
    EXPECT_NEAR(measured.data()[i], printed[i], 6e-13) << "value " << i;
  }
}

}  // namespace starling::drift::figures
