#include <csignal>

#include "oscillators.h"
#include "starling/cli/command_line.h"
#include "starling/report/report.h"
#include "starling/simd/target.h"
#include "starling/systems/all/all.h"

namespace {
volatile std::sig_atomic_t stop_requested = 0;
}

int main(int argc, char** argv) {
  std::signal(SIGINT, [](int) { stop_requested = 1; });
  starling::cli::Toolbox toolbox;
  toolbox.systems = starling::all_systems();
  toolbox.systems.push_back(&oscillators::system());
  toolbox.report = starling::report::write_report;
  toolbox.vector_target = starling::simd::target_name();
  toolbox.interrupted = [] { return stop_requested != 0; };
  return starling::cli::run_command({argv + 1, argv + argc}, toolbox);
}
