#include <cerrno>
#include <cmath>
#include <csignal>
#include <cstdio>

#include <unistd.h>

#include "starling/base/error.h"
#include "starling/cli/command_line.h"
#include "starling/comm/launch.h"
#include "starling/report/report.h"
#include "starling/simd/target.h"
#include "starling/systems/all/all.h"
#include "starling/systems/drift/field.h"

namespace {

// The one thing a signal handler may touch.
volatile std::sig_atomic_t stop_requested = 0;

void request_stop(int) {
  stop_requested = 1;
}

// From the keyboard: a step may take minutes, so the second one ends at once. Files are replaced as a whole:
// what is lost is only what came after the last checkpoint.
void request_stop_once(int signal) {
  const int error = errno;  // of whatever was interrupted
  request_stop(signal);
  std::signal(signal, SIG_DFL);
  constexpr char text[] =
      "\nstopping after this step; interrupt again to end at once and keep the last checkpoint\n";
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text, sizeof text - 1);
  errno = error;
}

// One value of the displacement field against the formula, in both precisions.
template <class T>
bool field_is_right() {
  starling::base::Points<T> x(1, 1), y(2, 1);
  x << T(0.25);
  y << T(-1), T(1);
  const double near = std::exp(-0.75 / 0.5), far = std::exp(-1.25 / 0.5);
  const double expected = (0.75 * near - 1.25 * far) / (near + far);
  const auto v = starling::drift::velocity<T>({.scale = 0.5}, x, y);
  return std::abs(static_cast<double>(v(0, 0)) - expected) < (sizeof(T) == 4 ? 1e-6 : 1e-14);
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGINT, request_stop_once);
  std::signal(SIGTERM, request_stop);
  std::signal(SIGXFSZ,
              SIG_IGN);  // a limit on the size of files ends as an error of the write, with its reason
  starling::cli::Toolbox toolbox;
  toolbox.systems = starling::all_systems();
  toolbox.report = [](const starling::study::RunDirectory& directory) {
    starling::report::write_report(directory);
  };
  toolbox.vector_target = starling::simd::target_name();
  toolbox.checks = {{"drifting field in double precision", field_is_right<double>},
                    {"drifting field in single precision", field_is_right<float>}};
  toolbox.ranks = starling::comm::launched;
  toolbox.interrupted = [] { return stop_requested != 0; };
  const int code = starling::cli::run_command(std::vector<std::string>(argv + 1, argv + argc), toolbox);
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return code;
  std::fputs("starling: standard output cannot be written: what was printed is not complete\n", stderr);
  return code != 0 ? code : static_cast<int>(starling::base::ErrorKind::input);
}
