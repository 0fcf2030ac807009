#include "starling/study/run_record.h"

#include <chrono>
#include <fstream>
#include <thread>

#include "starling/base/error.h"
#include "starling/base/parallel.h"
#include "starling/base/version.h"

namespace starling::study {

using base::Error;
using base::ErrorKind;

std::string cpu_model() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown";
}

RunRecord::RunRecord(const RunDirectory& directory, const nlohmann::json& config, bool resume)
    : directory_(directory) {
  if (resume) {
    const nlohmann::json before = directory.read_manifest();
    if (before.contains("seconds") && before.at("seconds").is_number())
      seconds_before_ = before.at("seconds");
  }
  manifest_ = {{"version", base::version()},
               {"commit", base::git_commit()},
               {"build", base::build_summary()},
               {"system", config.at("system")},
               {"job", config.at("job")},
               {"seed", config.at("seed")},
               {"config", config},
               {"machine", {{"cpu", cpu_model()}, {"cores", std::thread::hardware_concurrency()}}},
               {"threads", base::thread_count()},
               {"status", "running"}};
  directory_.write_manifest(manifest_);
}

void RunRecord::fail(const std::exception& error, const std::string& status) {
  manifest_["error"] = error.what();
  manifest_["status"] = status;
  try {
    directory_.write_manifest(manifest_);
  } catch (const Error&) {  // a full disk, say: what the caller must read is the first error
  }
}

void RunRecord::during(const std::function<void()>& work) {
  const auto began = std::chrono::steady_clock::now();
  const auto clock = [&] {
    manifest_["seconds"] =
        seconds_before_ + std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  };
  try {
    work();
  } catch (const Error& error) {
    clock();
    fail(error, error.kind() == ErrorKind::interrupted ? "interrupted" : "failed");
    throw;
  } catch (const std::exception& error) {
    clock();
    fail(error, "failed");
    throw;
  }
  clock();
  manifest_["status"] = "done";
  directory_.write_manifest(manifest_);
}

}  // namespace starling::study
