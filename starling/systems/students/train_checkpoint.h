#pragma once
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "starling/systems/students/compression.h"

namespace starling::students {

/// What a compression has finished, by key: the fitted teacher, each start, each rival. Complete: a resumed
/// run does what is not here, and nothing else.
class TrainCheckpoint {
 public:
  explicit TrainCheckpoint(std::filesystem::path path) : path_(std::move(path)) {}
  /// Reads the file when there is one. Error{input} when it is damaged.
  void load();
  void save() const;

  bool has(const std::string& key) const { return fits_.contains(key); }
  /// Error{input} when the fit has not `count` parameters: the file is of another run.
  const Fit& get(const std::string& key, base::Index count) const;
  void put(const std::string& key, Fit fit) { fits_[key] = std::move(fit); }

 private:
  std::filesystem::path path_;
  std::map<std::string, Fit> fits_;
};

}  // namespace starling::students
