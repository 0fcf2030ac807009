#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "cli/program.h"
#include "starling/study/store.h"

namespace starling::cli::testing_program {

/// A folder with a spec of four steps, and the program to run it.
class TinyRun : public ::testing::Test {
 protected:
  std::string write(const std::string& name, std::string_view bytes) const {
    base::write_file_atomically(folder_.path / name, bytes);
    return folder_.path / name;
  }
  std::string tiny(const std::string& more = "") const {
    return write(
        "tiny.toml",
        "system = \"drift\"\n[data]\nsource = \"moons\"\n[generator]\nwidth = 8\n[train]\nsteps = 4\nbatch = "
        "16\ndata_batch = 16\nevaluation = 20\nrepeats = 2\n" +
            more);
  }
  void expect(int code, const std::string& words, const std::vector<std::string>& args) const {
    const auto result = run(folder_.path, args);
    EXPECT_EQ(result.code, code) << result.output << result.errors;
    EXPECT_NE((result.output + result.errors).find(words), std::string::npos)
        << "no '" << words << "' in\n"
        << result.output << result.errors;
    if (code != 0) {
      EXPECT_LE(std::count(result.errors.begin(), result.errors.end(), '\n'), 2) << result.errors;
    }
  }
  // Runs `spec` into `where` by attempts that are killed, each after half as long again as the one before:
  // the moments fall into all that a run does.
  void run_through_kills(const std::string& spec, const std::filesystem::path& where) const {
    for (useconds_t moment = 2000;; moment += moment / 2) {
      std::vector<std::string> args = {"run", spec, "--out", where};
      if (std::filesystem::exists(where / "manifest.json")) args.emplace_back("--resume");
      const pid_t pid = start(folder_.path, args);
      ::usleep(moment);
      ::kill(pid, SIGKILL);
      const int code = testing_program::wait(folder_.path, pid).code;
      if (code == 0) return;
      ASSERT_EQ(code, -SIGKILL);
      if (!std::filesystem::exists(where / "manifest.json")) std::filesystem::remove_all(where);
    }
  }
  std::filesystem::path out() const { return folder_.path / "run"; }
  // `bytes` of a run, all that it leaves, whatever its threads and however often it is killed.
  template <class Bytes>
  void expect_any_number_of_threads(const std::string& spec, const Bytes& bytes) const {
    const auto with = [&](const std::string& threads) {
      const std::filesystem::path where = folder_.path / ("threads" + threads);
      expect(0, "", {"run", spec, "--out", where, "--threads", threads});
      return bytes(where);
    };
    const std::string one = with("1");
    EXPECT_TRUE(one == with("2"));
    EXPECT_TRUE(one == with("5"));
  }
  template <class Bytes>
  void expect_kills_to_leave_no_trace(const std::string& spec, const Bytes& bytes) const {
    expect(0, "", {"run", spec, "--out", out()});
    const std::filesystem::path where = folder_.path / "killed";
    run_through_kills(spec, where);
    EXPECT_TRUE(bytes(out()) == bytes(where));
  }

  Folder folder_{::testing::UnitTest::GetInstance()->current_test_info()->name()};
};

/// All that the database says, in order.
inline std::string content(const std::filesystem::path& database) {
  const study::Store store(database);
  std::string out;
  const auto number = [](const std::optional<double>& v) {
    return v ? std::to_string(*v) : std::string("-");
  };
  for (const auto& m : store.metrics()) {
    out += m.task + m.name + std::to_string(m.value) + number(m.lower) + number(m.upper) + number(m.floor) +
           m.note + "\n";
  }
  for (const auto& s : store.series_names()) {
    out += s.task + s.name + "\n";
    for (const auto& p : store.series(s.task, s.name)) {
      out += std::to_string(p.step);
      out.append(reinterpret_cast<const char*>(&p.value), sizeof p.value);
    }
  }
  for (const auto& f : store.figures()) out += f.id + f.title + f.drawing.dump() + "\n";
  for (const auto& w : store.warnings()) out += std::to_string(w.step) + w.text + "\n";
  return out;
}

}  // namespace starling::cli::testing_program
