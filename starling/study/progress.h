#pragma once
#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace starling::study {

/// Tells a person, a log or a program how far a run is. Never part of the results.
class Progress {
 public:
  enum class Style {
    terminal,  ///< one line, rewritten, with rate and time left
    plain,     ///< a line now and then
    json,      ///< JSON lines
    quiet      ///< nothing
  };

  explicit Progress(Style style) : style_(style) {}
  /// The style for standard error: terminal when it is one.
  static Style detect();

  void begin(const std::string& label, std::int64_t total, std::int64_t already_done = 0);
  void update(std::int64_t done, const std::vector<std::pair<std::string, double>>& values);
  void end();
  void message(const std::string& text) const;  ///< a line of its own; a warning or a milestone

 private:
  using Clock = std::chrono::steady_clock;
  Style style_;
  std::string label_;
  std::int64_t total_ = 0, start_ = 0;
  Clock::time_point began_, shown_;
};

}  // namespace starling::study
