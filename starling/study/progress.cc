#include "starling/study/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <nlohmann/json.hpp>

namespace starling::study {
namespace {

// A log that cannot be written, on a full disk say, must not end the run: no exception, unlike fmt::print.
void show(std::FILE* stream, const std::string& text) {
  std::fputs(text.c_str(), stream);
  std::fflush(stream);
}

}  // namespace

Progress::Style Progress::detect() {
  return ::isatty(STDERR_FILENO) != 0 ? Style::terminal : Style::plain;
}

void Progress::begin(const std::string& label, std::int64_t total, std::int64_t already_done) {
  label_ = label;
  total_ = total;
  start_ = already_done;
  began_ = shown_ = Clock::now();
}

void Progress::update(std::int64_t done, const std::vector<std::pair<std::string, double>>& values) {
  if (style_ == Style::quiet) return;
  const auto now = Clock::now();
  const std::chrono::duration<double> pause =
      style_ == Style::terminal ? std::chrono::duration<double>(0.2) : std::chrono::duration<double>(5);
  if (now - shown_ < pause && done < total_) return;
  shown_ = now;
  const double seconds = std::chrono::duration<double>(now - began_).count();
  const double rate = seconds > 0 ? static_cast<double>(done - start_) / seconds : 0;
  const double left = rate > 0 ? static_cast<double>(total_ - done) / rate : 0;
  if (style_ == Style::json) {
    nlohmann::json line = {{"event", "progress"}, {"label", label_}, {"done", done},
                           {"total", total_},     {"rate", rate},    {"seconds_left", left}};
    for (const auto& [name, value] : values) line["values"][name] = value;
    show(stdout, line.dump() + "\n");
    return;
  }
  std::string text = fmt::format("{} {}/{}  {:.1f}/s  {:.0f} s left", label_, done, total_, rate, left);
  for (const auto& [name, value] : values) text += fmt::format("  {} {:.4g}", name, value);
  show(stderr, style_ == Style::terminal ? "\r\x1b[K" + text : text + "\n");
}

void Progress::end() {
  if (style_ == Style::terminal) show(stderr, "\n");
}

void Progress::message(const std::string& text) const {
  if (style_ == Style::quiet) return;
  if (style_ == Style::json) {
    show(stdout, nlohmann::json{{"event", "message"}, {"text", text}}.dump() + "\n");
    return;
  }
  show(stderr, (style_ == Style::terminal ? "\r\x1b[K" : "") + text + "\n");
}

}  // namespace starling::study
