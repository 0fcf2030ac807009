#include "starling/comm/communicator.h"

#include <gtest/gtest.h>

#include <vector>

#include "starling/comm/farm.h"
#include "starling/comm/shared_loop.h"

namespace starling::comm {
namespace {

TEST(SharedLoop, OfOneProcessIsTheParallelLoop) {
  const Sharing sharing(alone());
  std::vector<int> rows(10, 0), chunks(4, 0);
  const SharedLoop loop(10, 3);
  loop.run([&](std::ptrdiff_t begin, std::ptrdiff_t end) {
    for (std::ptrdiff_t i = begin; i < end; ++i) rows[static_cast<std::size_t>(i)] += 1;
    chunks[static_cast<std::size_t>(begin / 3)] = static_cast<int>(end - begin);
  });
  loop.gather_rows(rows.data());
  loop.gather_chunks(chunks.data(), 1);
  EXPECT_EQ(rows, std::vector<int>(10, 1));
  EXPECT_EQ(chunks, (std::vector<int>{3, 3, 3, 1}));
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
