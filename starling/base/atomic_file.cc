#include "starling/base/atomic_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <regex>
#include <vector>

#include "starling/base/error.h"

namespace starling::base {
namespace {

[[noreturn]] void fail(const std::filesystem::path& path, std::string_view action, int code) {
  throw Error(ErrorKind::input, fmt::format("{}: cannot {}: {}", path.string(), action, std::strerror(code)));
}

// Owns a descriptor until close() has reported what the kernel kept back.
class Descriptor {
 public:
  // Errors name `wanted`, the file that the caller asked for.
  Descriptor(const std::filesystem::path& path, int flags, const std::filesystem::path& wanted)
      : path_(wanted), fd_(::open(path.c_str(), flags, 0644)) {
    if (fd_ < 0) fail(path_, "open for writing", errno);
  }
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  void write(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t written = ::write(fd_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) fail(path_, "write", errno);
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
  }
  void sync() const {
    if (::fsync(fd_) != 0) fail(path_, "flush to disk", errno);
  }

 private:
  std::filesystem::path path_;
  int fd_;
};

}  // namespace

void write_file_atomically(const std::filesystem::path& path, std::string_view bytes) {
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  const std::filesystem::path temporary =
      folder / fmt::format(".{}.{}.tmp", path.filename().string(), ::getpid());
  try {
    const Descriptor file(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, path);
    file.write(bytes);
    file.sync();
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    const int code = errno;
    ::unlink(temporary.c_str());
    fail(path, "replace", code);
  }
  const int folder_fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder_fd >= 0) {
    ::fsync(folder_fd);  // best effort: some file systems refuse it on folders
    ::close(folder_fd);
  }
}

void remove_unfinished(const std::filesystem::path& folder) {
  static const std::regex unfinished(R"(\..+\.[0-9]+\.tmp)");
  std::error_code code;
  std::vector<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::directory_iterator(folder, code)) {
    if (entry.is_regular_file(code) && std::regex_match(entry.path().filename().string(), unfinished))
      found.push_back(entry.path());
  }
  for (const auto& path : found) std::filesystem::remove(path, code);
}

std::string read_file(const std::filesystem::path& path, std::uintmax_t largest) {
  std::error_code code;
  if (std::filesystem::is_directory(path, code)) {
    throw Error(ErrorKind::input, fmt::format("{}: is a folder, expected a file", path.string()));
  }
  const std::uintmax_t size = std::filesystem::file_size(path, code);
  if (code) throw Error(ErrorKind::input, fmt::format("{}: cannot read: {}", path.string(), code.message()));
  if (size > largest) {
    throw Error(ErrorKind::input, fmt::format("{}: {} bytes, more than the {} that are read at once",
                                              path.string(), size, largest));
  }
  std::ifstream file(path, std::ios::binary);
  std::string bytes(size, '\0');
  if (!file || !file.read(bytes.data(), static_cast<std::streamsize>(size))) {
    throw Error(ErrorKind::input, fmt::format("{}: cannot read: {}", path.string(), std::strerror(errno)));
  }
  return bytes;
}

}  // namespace starling::base
