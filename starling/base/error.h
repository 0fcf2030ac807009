#pragma once
#include <initializer_list>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

namespace starling::base {

/// What went wrong, as a user sees it. The value is the exit code of the command line.
enum class ErrorKind : int {
  usage = 2,         ///< a wrong argument or a wrong spec
  input = 3,         ///< the user's data: missing, malformed, empty, not finite
  numerical = 4,     ///< divergence: the message names step, quantity and last good checkpoint
  interrupted = 130  ///< stopped by a signal; the run can be resumed
};

/// One failure with its whole story: the message names the file, the place, the value, the constraint and the
/// remedy.
class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}
  ErrorKind kind() const { return kind_; }
  int exit_code() const { return static_cast<int>(kind_); }

 private:
  ErrorKind kind_;
};

/// The candidate nearest to `word` in edit distance (transpositions count once), or an empty string when none
/// is near enough to be a likely slip of the hand: at most a third of the letters, at least one.
std::string nearest_name(std::string_view word, std::span<const std::string> candidates);

/// "; did you mean 'temperature'?" or, without a near candidate, "; expected one of a, b, c" (at most twelve
/// are listed).
std::string suggestion(std::string_view word, std::span<const std::string> candidates);

}  // namespace starling::base
