#include "starling/comm/communicator.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "starling/comm/farm.h"

namespace starling::comm {
namespace {

TEST(Alone, HearsItselfInEveryCollectiveCall) {
  std::array<int, 3> own{1, 2, 3}, all{}, back{};
  alone().allgather(std::as_bytes(std::span(own)), bytes_of(std::span(all)));
  alone().exchange(0, std::as_bytes(std::span(own)), 0, bytes_of(std::span(back)));
  EXPECT_EQ(all, own);
  EXPECT_EQ(back, own);
}

TEST(Alone, HasNobodyToWriteTo) {
  EXPECT_THROW(alone().send(1, "x"), std::logic_error);
  EXPECT_THROW(alone().receive(1), std::logic_error);
}

TEST(Farm, OfOneProcessWorksInTheOrderOfNext) {
  std::size_t begun = 0;
  std::vector<std::string> results;
  farm(alone(), {.next = [&]() -> std::optional<Parcel> {
                   if (begun == 4) return std::nullopt;
                   return Parcel{begun++, "x"};
                 },
                 .work = [](const Parcel& parcel) { return std::to_string(parcel.item) + parcel.needs; },
                 .finish = [&](std::size_t, const std::string& result) { results.push_back(result); },
                 .well = [] { return true; }});
  EXPECT_EQ(results, (std::vector<std::string>{"0x", "1x", "2x", "3x"}));
}

}  // namespace
}  // namespace starling::comm
