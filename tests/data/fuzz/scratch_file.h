#pragma once
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace starling::data::testing {

/// A folder of this process, in memory where there is room for one, for readers that take paths.
inline const std::filesystem::path& scratch_folder() {
  static const std::filesystem::path folder = [] {
    const std::filesystem::path memory = "/dev/shm";
    const auto made = (std::filesystem::exists(memory) ? memory : std::filesystem::temp_directory_path()) /
                      ("starling-fuzz-" + std::to_string(::getpid()));
    std::filesystem::create_directories(made);
    return made;
  }();
  return folder;
}

/// Its file of that name, holding `bytes`. Not synced to a disk, which a fuzzer cannot wait for.
inline std::filesystem::path scratch_file(const std::filesystem::path& name, std::string_view bytes) {
  const auto path = scratch_folder() / name;
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  return path;
}

}  // namespace starling::data::testing
