#pragma once
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <string>

#include "starling/base/error.h"

namespace starling::study::testing {

/// An empty folder of this test, removed with it.
class Scratch : public ::testing::Test {
 protected:
  Scratch() {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = std::filesystem::temp_directory_path() /
              ("starling-" + std::string(test->test_suite_name()) + "-" + test->name());
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  ~Scratch() override { std::filesystem::remove_all(folder_); }
  std::filesystem::path folder_;
};

/// "KIND: message" of the Error that `body` throws, where KIND is the exit code; "" when it throws none.
inline std::string error_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const base::Error& error) {
    return std::to_string(error.exit_code()) + ": " + error.what();
  }
  return {};
}

}  // namespace starling::study::testing
