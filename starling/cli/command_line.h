#pragma once
#include <functional>
#include <string>
#include <vector>

#include "starling/study/engine.h"

namespace starling::cli {

/// One self-test of `doctor`.
struct Check {
  std::string name;
  std::function<bool()> passes;
};

/// What main hands to the verbs: nothing here is global.
struct Toolbox {
  std::vector<const study::System*> systems;
  std::function<void(const study::RunDirectory&)> report;
  std::string vector_target;
  std::vector<Check> checks;
  /// The ranks of this process, joined when a run or a sweep first asks.
  std::function<comm::Communicator&()> ranks = []() -> comm::Communicator& { return comm::alone(); };
  std::function<bool()> interrupted = [] { return false; };
};

/// Runs `starling ARGS` (without the program's name) and returns the exit code: 0 done, 1 a claim failed
/// under --strict, 2 usage or spec, 3 input data, 4 numerical failure, 130 interrupted and resumable. Errors
/// go to standard error, one line.
int run_command(std::vector<std::string> args, const Toolbox& toolbox);

}  // namespace starling::cli
