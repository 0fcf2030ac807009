#pragma once
#include <filesystem>
#include <nlohmann/json.hpp>

namespace starling::study {

/// Where a run lives: manifest.json, run.db, checkpoint.safetensors, report.html and what the system exports.
class RunDirectory {
 public:
  /// A new directory (parents are made). One that holds a run is refused with Error{usage} unless `resume`;
  /// with `resume` a missing run is refused; so is a directory of other files. Error{input} when it cannot be
  /// made.
  static RunDirectory open(const std::filesystem::path& path, bool resume);
  /// A directory that must already hold a run.
  static RunDirectory existing(const std::filesystem::path& path);

  /// Not looked at: of a rank that does not own it, and neither reads nor writes there.
  static RunDirectory elsewhere(const std::filesystem::path& path) { return RunDirectory(path); }

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path database() const { return path_ / "run.db"; }
  std::filesystem::path manifest() const { return path_ / "manifest.json"; }
  std::filesystem::path checkpoint() const { return path_ / "checkpoint.safetensors"; }
  std::filesystem::path report() const { return path_ / "report.html"; }

  /// An object with an object `config`; Error{input} when the file is damaged.
  nlohmann::json read_manifest() const;
  void write_manifest(const nlohmann::json& manifest) const;

 private:
  explicit RunDirectory(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

}  // namespace starling::study
