#include "starling/data/table_file.h"

#include <fmt/format.h>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "starling/base/atomic_file.h"
#include "starling/base/error.h"
#include "starling/data/csv.h"
#include "starling/data/npy.h"

namespace starling::data {
namespace {

template <class T>
std::string encode_csv(const base::Points<T>& table) {
  std::string text;
  for (base::Index i = 0; i < table.rows(); ++i) {
    for (base::Index k = 0; k < table.cols(); ++k)
      text += fmt::format("{}{}", k == 0 ? "" : ",", table(i, k));
    text += '\n';
  }
  return text;
}

template <class T>
void write(const std::filesystem::path& path, const base::Points<T>& table) {
  if (!holds_table(path)) {
    throw base::Error(base::ErrorKind::usage, fmt::format("--out {}: expected .npy or .csv", path.string()));
  }
  base::write_file_atomically(path, path.extension() == ".npy" ? encode_npy(table) : encode_csv(table));
}

}  // namespace

bool holds_table(const std::filesystem::path& path) {
  return path.extension() == ".npy" || path.extension() == ".csv";
}

void write_table(const std::filesystem::path& path, const base::Points<float>& table) {
  write(path, table);
}
void write_table(const std::filesystem::path& path, const base::Points<double>& table) {
  write(path, table);
}

base::Points<double> read_table(const std::filesystem::path& path) {
  const std::string name = path.string();
  if (!holds_table(path))
    throw base::Error(base::ErrorKind::usage, fmt::format("{}: expected a table in .npy or .csv", name));
  std::vector<double> values;
  std::int64_t rows = 0, columns = 0;
  const std::string bytes = base::read_file(path);
  if (path.extension() == ".csv") {
    Table table = parse_csv(bytes, name);
    rows = table.rows;
    columns = static_cast<std::int64_t>(table.columns.size());
    values = std::move(table.values);
  } else {
    Array array = parse_npy(bytes, name);
    if (array.shape.size() != 2)
      throw base::Error(base::ErrorKind::input,
                        fmt::format("{}: {} subscripts; expected a table of two", name, array.shape.size()));
    rows = array.shape[0];
    columns = array.shape[1];
    values = std::move(array.values);
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i]))
      throw base::Error(base::ErrorKind::input,
                        fmt::format("{}: row {}, column {} is {}; expected finite numbers", name,
                                    1 + static_cast<std::int64_t>(i) / columns,
                                    1 + static_cast<std::int64_t>(i) % columns, values[i]));
  }
  return Eigen::Map<const base::Points<double>>(values.data(), rows, columns);
}

}  // namespace starling::data
