#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace starling::data {

/// Numbers by row, with the names of the columns when the first line is not numeric.
struct Table {
  std::vector<std::string> names;
  std::vector<std::vector<double>> rows;
};

/// Comma-separated numbers, one point a line; blank lines and a final newline are fine. Error{input} with line and column
/// for a cell that is no number and for lines of different length.
Table parse_csv(std::string_view bytes, std::string_view name);

}  // namespace starling::data
