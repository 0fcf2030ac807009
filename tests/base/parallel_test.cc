#include "starling/base/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>
#include <vector>

namespace starling::base {
namespace {

TEST(ParallelChunks, CoversEveryIndexOnceForAnySizeAndThreadCount) {
  for (const int threads : {1, 2, 5}) {
    const ThreadLimit limit(threads);
    ASSERT_EQ(thread_count(), threads);
    for (const std::ptrdiff_t n : {0, 1, 7, 64, 65, 1000}) {
      std::vector<std::atomic<int>> visits(static_cast<std::size_t>(n));
      parallel_chunks(n, 64, [&](std::ptrdiff_t begin, std::ptrdiff_t end) {
        EXPECT_EQ(begin % 64, 0);
        for (std::ptrdiff_t i = begin; i < end; ++i) ++visits[static_cast<std::size_t>(i)];
      });
      for (const auto& count : visits) EXPECT_EQ(count, 1);
    }
  }
}

TEST(ParallelChunks, HandsAnExceptionToTheCaller) {
  EXPECT_THROW(parallel_chunks(100, 1,
                               [](std::ptrdiff_t i, std::ptrdiff_t) {
                                 if (i == 57) throw std::runtime_error("no");
                               }),
               std::runtime_error);
}

TEST(ParallelChunks, FlushesDenormalsInsideAndRestoresTheModeOutside) {
  volatile double tiny = 1e-310;
  bool flushed = false;
  parallel_chunks(1, 1, [&](std::ptrdiff_t, std::ptrdiff_t) { flushed = tiny * 1.0 == 0; });
  EXPECT_TRUE(flushed);
  EXPECT_GT(tiny * 1.0, 0);
}

TEST(ParallelTasks, RunsEachOnceBesideTheLoopsInsideThem) {
  for (const int threads : {1, 2, 5}) {
    const ThreadLimit limit(threads);
    for (const std::ptrdiff_t n : {0, 1, 3, 40}) {
      std::vector<std::atomic<int>> visits(static_cast<std::size_t>(n));
      thread_local std::ptrdiff_t inside = -1;  // a task that waits must not take up another
      parallel_tasks(n, [&](std::ptrdiff_t task) {
        EXPECT_EQ(inside, -1);
        inside = task;
        std::atomic<int> sum = 0;
        parallel_chunks(100, 1, [&](std::ptrdiff_t i, std::ptrdiff_t) { sum += static_cast<int>(i); });
        EXPECT_EQ(sum, 4950);
        EXPECT_EQ(inside, task);
        inside = -1;
        ++visits[static_cast<std::size_t>(task)];
      });
      for (const auto& count : visits) EXPECT_EQ(count, 1);
    }
  }
}

TEST(ParallelTasks, BeginsNoTaskAfterAnException) {
  const ThreadLimit limit(1);
  std::ptrdiff_t last = -1;
  EXPECT_THROW(parallel_tasks(10,
                              [&](std::ptrdiff_t task) {
                                last = task;
                                if (task == 3) throw std::runtime_error("no");
                              }),
               std::runtime_error);
  EXPECT_EQ(last, 3);
}

TEST(ParallelTasks, AnExceptionOfOneLeavesTheLoopsOfTheOthersWhole) {
  using namespace std::chrono_literals;
  const ThreadLimit limit(2);
  std::atomic<bool> began = false, thrown = false;
  std::atomic<int> sum = 0;
  const auto wait_for = [](const std::atomic<bool>& sign) {
    for (int i = 0; i < 5000 && !sign; ++i) std::this_thread::sleep_for(1ms);
  };
  const auto task = [&](std::ptrdiff_t number) {
    if (number == 0) {
      wait_for(began);
      thrown = true;
      throw std::runtime_error("no");
    }
    began = true;
    wait_for(thrown);
    std::this_thread::sleep_for(20ms);  // until all know
    for (int loop = 0; loop < 50; ++loop)
      parallel_chunks(100, 1, [&](std::ptrdiff_t i, std::ptrdiff_t) { sum += static_cast<int>(i); });
  };
  EXPECT_THROW(parallel_tasks(2, task), std::runtime_error);
  if (!began) GTEST_SKIP() << "one thread took both";
  EXPECT_EQ(sum, 50 * 4950);
}

}  // namespace
}  // namespace starling::base
