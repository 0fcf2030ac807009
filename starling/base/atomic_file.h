#pragma once
#include <filesystem>
#include <string>
#include <string_view>

namespace starling::base {

/// Replaces `path` by `bytes` so that a crash, a kill or a full disk leaves either the old file or the new
/// one, whole: writes beside it, fsyncs, renames, fsyncs the folder. Throws Error{input} that names the path
/// and the reason.
void write_file_atomically(const std::filesystem::path& path, std::string_view bytes);

/// The whole file. Throws Error{input} that names the path and the reason, and refuses files above `largest`
/// bytes.
std::string read_file(const std::filesystem::path& path, std::uintmax_t largest = std::uintmax_t{1} << 36U);

/// Removes what write_file_atomically left in `folder` where it was killed: ".NAME.PROCESS.tmp". Nobody may
/// be writing there. What cannot be removed stays.
void remove_unfinished(const std::filesystem::path& folder);

}  // namespace starling::base
