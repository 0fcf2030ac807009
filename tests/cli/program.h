#pragma once
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "starling/base/atomic_file.h"

extern char** environ;

namespace starling::cli::testing_program {

struct Result {
  int code = 0;  ///< the exit code, or minus the signal
  std::string output, errors;
};

/// Starts the built program in `folder`, after the words of a launcher; its output goes to files there.
inline pid_t start(const std::filesystem::path& folder, const std::vector<std::string>& args,
                   std::vector<std::string> words = {}) {
  words.emplace_back(STARLING_BINARY);
  words.insert(words.end(), args.begin(), args.end());
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const std::string out = folder / "stdout", err = folder / "stderr";
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  pid_t pid = -1;
  posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  return pid;
}

inline Result wait(const std::filesystem::path& folder, pid_t pid) {
  int status = 0;
  waitpid(pid, &status, 0);
  Result result;
  result.code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  result.output = base::read_file(folder / "stdout");
  result.errors = base::read_file(folder / "stderr");
  return result;
}

inline Result run(const std::filesystem::path& folder, const std::vector<std::string>& args) {
  return wait(folder, start(folder, args));
}

/// A folder of this test alone, removed at the end.
class Folder {
 public:
  explicit Folder(const std::string& name)
      : path(std::filesystem::temp_directory_path() /
             ("starling-cli-" + name + "-" + std::to_string(::getpid()))) {
    std::filesystem::remove_all(path);
    std::filesystem::create_directories(path);
  }
  ~Folder() { std::filesystem::remove_all(path); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  const std::filesystem::path path;
};

}  // namespace starling::cli::testing_program
