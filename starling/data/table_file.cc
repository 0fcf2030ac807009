#include "starling/data/table_file.h"

#include <fmt/format.h>

#include <string>

#include "starling/base/atomic_file.h"
#include "starling/base/error.h"
#include "starling/data/npy.h"

namespace starling::data {
namespace {

std::string encode_csv(const base::Points<float>& table) {
  std::string text;
  for (base::Index i = 0; i < table.rows(); ++i) {
    for (base::Index k = 0; k < table.cols(); ++k)
      text += fmt::format("{}{}", k == 0 ? "" : ",", table(i, k));
    text += '\n';
  }
  return text;
}

}  // namespace

bool holds_table(const std::filesystem::path& path) {
  return path.extension() == ".npy" || path.extension() == ".csv";
}

void write_table(const std::filesystem::path& path, const base::Points<float>& table) {
  if (!holds_table(path)) {
    throw base::Error(base::ErrorKind::usage, fmt::format("--out {}: expected .npy or .csv", path.string()));
  }
  base::write_file_atomically(path, path.extension() == ".npy" ? encode_npy(table) : encode_csv(table));
}

}  // namespace starling::data
