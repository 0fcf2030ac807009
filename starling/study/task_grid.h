#pragma once
#include <functional>
#include <string>
#include <vector>

#include "starling/study/system.h"

namespace starling::study {

/// What a task may use while it is measured, by whichever rank. What it leaves reaches the run's database and
/// directory at once, when it has ended well.
struct TaskContext {
  Store& store;        ///< holds what the task needs; what it records is kept
  Progress& progress;  ///< quiet where several ranks work
  std::function<bool()> interrupted;
  std::function<void(const std::string& name, const std::string& bytes)> write;  ///< a file of the run
  std::function<void(const std::string& text)> tell;                             ///< a line for the user
};

/// One task of a study. What it records is a function of the spec and of what its `needs` recorded, of
/// nothing else that the store may hold: then the result does not depend on who measured what, and when.
struct Task {
  std::string name;
  std::function<void(TaskContext&)> measure;
  std::vector<std::string> needs{};  ///< names of tasks of the same grid that come first
  /// Relative: over several ranks the costliest begin first, so that none waits long for the last. 0:
  /// unknown.
  double cost = 0;
};

/// Measures what is not done yet, each task in a transaction of its own, over the ranks of
/// context.communicator; in one process in their order. Every rank calls it with the same tasks; when it
/// returns, rank 0's store holds all of them, and only rank 0's. With an empty `label` the tasks show their
/// own progress. After an error of a task no further one begins; those that run are kept, and the first error
/// reaches rank 0's caller. Error{interrupted} between tasks once the user asked to stop.
void run_tasks(RunContext& context, const std::string& label, const std::vector<Task>& tasks);

}  // namespace starling::study
