#include "starling/study/natural_order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace starling::study {
namespace {

TEST(NaturalOrder, CountsDigitsByTheirValueAndTheRestByBytes) {
  const std::vector<std::string> sorted = {"",
                                           "0.003",
                                           "0.01",
                                           "0.01b",
                                           "0.1",
                                           "0.10",
                                           "01",
                                           "1",
                                           "1 neuron",
                                           "1.25",
                                           "1.25.2",
                                           "1.25.10",
                                           "1.5",
                                           "2 neurons",
                                           "10 neurons",
                                           "010b",
                                           "100 neurons",
                                           "a",
                                           "a-1",
                                           "a1",
                                           "a1b1",
                                           "a1b9",
                                           "a1b10",
                                           "a2",
                                           "b",
                                           "start 99999999999999999999999",
                                           "start 100000000000000000000000",
                                           "\xc3\xa9"};
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    for (std::size_t j = 0; j < sorted.size(); ++j) {
      const int order = natural_order(sorted[i], sorted[j]);
      EXPECT_EQ(order < 0, i < j) << sorted[i] << " | " << sorted[j];
      EXPECT_EQ(order == 0, i == j) << sorted[i] << " | " << sorted[j];
    }
  }
}

}  // namespace
}  // namespace starling::study
