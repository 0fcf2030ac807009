#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace starling::data {

/// A table of numbers, with one column of labels set apart.
struct Table {
  std::vector<std::string> columns;  ///< names from the heading, or "1", "2", ...; without the label column
  std::int64_t rows = 0;
  std::vector<double> values;  ///< row-major, shape (rows, columns.size())
  std::vector<std::string>
      labels;  ///< the cells of the label column, as written; empty when none was asked for
  std::vector<std::int64_t> lines;  ///< the line of the file (from 1) on which each row opens
};

/// Reads comma-, semicolon- or tab-separated values (RFC 4180 quoting; the separator that the first line uses
/// most). A first line with a cell that is no number is the heading. Blank lines are passed over. Decimal
/// point, no thousands separator; nan and inf are read as such. `label_column` names a column, or is its
/// number from 1. Throws Error{input} "NAME:LINE:COLUMN: ..." for a cell that is no number, an empty cell, a
/// ragged row, an open quote, a file without rows, an unknown label column.
Table parse_csv(std::string_view bytes, std::string_view name, std::string_view label_column = "");

}  // namespace starling::data
