#include "starling/study/run_directory.h"

#include <fmt/format.h>

#include "starling/base/atomic_file.h"
#include "starling/base/error.h"

namespace starling::study {

using base::Error;
using base::ErrorKind;

namespace {

bool only_unfinished_manifests(const std::filesystem::path& path) {
  std::error_code code;
  for (const auto& entry : std::filesystem::directory_iterator(path, code)) {
    const std::string name = entry.path().filename();
    if (!name.starts_with(".manifest.json.") || !name.ends_with(".tmp")) return false;
  }
  return true;
}

}  // namespace

RunDirectory RunDirectory::open(const std::filesystem::path& path, bool resume) {
  RunDirectory directory(path);
  std::error_code code;
  const bool there = std::filesystem::exists(directory.manifest(), code);
  if (there && !resume) {
    throw Error(ErrorKind::usage,
                fmt::format("{}: already holds a run; continue it with --resume or choose another --out",
                            path.string()));
  }
  if (!there && resume) {
    throw Error(ErrorKind::usage,
                fmt::format("{}: holds no run to resume; leave --resume out to start one", path.string()));
  }
  // A kill in the middle of a write leaves its temporary file; before the first manifest it may be all there
  // is.
  if (there) base::remove_unfinished(path);
  if (!there && only_unfinished_manifests(path)) base::remove_unfinished(path);
  const auto first =
      std::filesystem::directory_iterator(path, code);  // the end when there is no such directory
  if (!there && first != std::filesystem::directory_iterator()) {
    throw Error(ErrorKind::usage,
                fmt::format("{}: holds other files and no run; choose another --out", path.string()));
  }
  std::filesystem::create_directories(path, code);
  if (code || !std::filesystem::is_directory(path)) {
    throw Error(ErrorKind::input, fmt::format("{}: cannot make the run directory: {}", path.string(),
                                              code ? code.message() : "a file of that name is in the way"));
  }
  return directory;
}

RunDirectory RunDirectory::existing(const std::filesystem::path& path) {
  RunDirectory directory(path);
  std::error_code code;
  if (!std::filesystem::exists(directory.manifest(), code)) {
    throw Error(
        ErrorKind::usage,
        fmt::format("{}: holds no run (no manifest.json); name the directory given to --out", path.string()));
  }
  return directory;
}

nlohmann::json RunDirectory::read_manifest() const {
  const auto damaged = [&](std::string_view reason) {
    return Error(ErrorKind::input, fmt::format("{}: damaged: {}", manifest().string(), reason));
  };
  nlohmann::json content;
  try {
    content = nlohmann::json::parse(base::read_file(manifest()));
  } catch (const nlohmann::json::exception& error) {
    throw damaged(error.what());
  }
  if (!content.is_object() || !content.contains("config") || !content.at("config").is_object())
    throw damaged("it holds no config");
  return content;
}

void RunDirectory::write_manifest(const nlohmann::json& content) const {
  base::write_file_atomically(manifest(), content.dump(2) + "\n");
}

}  // namespace starling::study
