#include "starling/data/csv.h"

#include <charconv>

#include "starling/data/bytes.h"

namespace starling::data {
namespace {

std::string_view trim(std::string_view cell) {
  while (!cell.empty() && (cell.front() == ' ' || cell.front() == '\t')) cell.remove_prefix(1);
  while (!cell.empty() && (cell.back() == ' ' || cell.back() == '\t' || cell.back() == '\r')) cell.remove_suffix(1);
  return cell;
}

std::vector<std::string_view> cells_of(std::string_view line) {
  std::vector<std::string_view> cells;
  for (std::size_t at = 0;;) {
    const std::size_t comma = line.find(',', at);
    cells.push_back(trim(line.substr(at, comma == std::string_view::npos ? comma : comma - at)));
    if (comma == std::string_view::npos) return cells;
    at = comma + 1;
  }
}

bool to_number(std::string_view cell, double& value) {
  const auto result = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  return result.ec == std::errc() && result.ptr == cell.data() + cell.size();
}

}  // namespace

Table parse_csv(std::string_view bytes, std::string_view name) {
  Table table;
  std::size_t width = 0, line_number = 0;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t end = std::min(bytes.find('\n', at), bytes.size());
    const std::string_view line = bytes.substr(at, end - at);
    at = end + 1;
    ++line_number;
    if (trim(line).empty()) continue;
    const auto cells = cells_of(line);
    if (width == 0) width = cells.size();
    if (cells.size() != width) {
      refuse(name, fmt::format("line {} has {} columns; expected {}", line_number, cells.size(), width));
    }
    std::vector<double> row(width);
    bool numeric = true;
    for (std::size_t k = 0; k < width && numeric; ++k) {
      numeric = to_number(cells[k], row[k]);
      if (!numeric && !(table.rows.empty() && table.names.empty())) {
        refuse(name, fmt::format("line {}, column {}: '{}' is no number", line_number, k + 1, cells[k].substr(0, 40)));
      }
    }
    if (numeric) {
      table.rows.push_back(std::move(row));
    } else {
      for (const auto cell : cells) table.names.emplace_back(cell);
    }
  }
  return table;
}

}  // namespace starling::data
