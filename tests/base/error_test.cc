#include "starling/base/error.h"

#include <gtest/gtest.h>

#include <vector>

namespace starling::base {
namespace {

const std::vector<std::string> names = {"temperature", "bandwidth", "kernel", "field"};

TEST(NearestName, FindsASlipOfTheHand) {
  EXPECT_EQ(nearest_name("temprature", names), "temperature");
  EXPECT_EQ(nearest_name("temepratrue", names), "temperature");
  EXPECT_EQ(nearest_name("kernal", names), "kernel");
}

TEST(NearestName, KeepsSilentWhenNothingIsNear) {
  EXPECT_EQ(nearest_name("zebra", names), "");
  EXPECT_EQ(nearest_name(std::string(1000, 'k'), names), "");
  EXPECT_EQ(nearest_name("", {}), "");
}

TEST(Suggestion, ListsWhatIsExpectedWhenNothingIsNear) {
  EXPECT_EQ(suggestion("zebra", names), "; expected one of temperature, bandwidth, kernel, field");
  EXPECT_EQ(suggestion("feild", names), "; did you mean 'field'?");
}

TEST(Error, CarriesTheExitCodeOfTheCommandLine) {
  EXPECT_EQ(Error(ErrorKind::usage, "").exit_code(), 2);
  EXPECT_EQ(Error(ErrorKind::input, "").exit_code(), 3);
  EXPECT_EQ(Error(ErrorKind::numerical, "").exit_code(), 4);
  EXPECT_EQ(Error(ErrorKind::interrupted, "").exit_code(), 130);
}

}  // namespace
}  // namespace starling::base
