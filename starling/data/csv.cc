#include "starling/data/csv.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "starling/base/error.h"
#include "starling/data/bytes.h"

namespace starling::data {
namespace {

struct Cell {
  std::string text;
  std::int64_t column;  // of the first byte, from 1
};

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t";
  const std::size_t first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

// Cuts bytes into rows of cells.
class RowReader {
 public:
  RowReader(std::string_view bytes, std::string_view name) : bytes_(bytes), name_(name) {
    constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
    if (bytes_.starts_with(byte_order_mark)) bytes_.remove_prefix(byte_order_mark.size());
    const std::string_view first = bytes_.substr(0, bytes_.find_first_of("\r\n"));
    for (const char candidate : {',', ';', '\t'}) {
      if (std::count(first.begin(), first.end(), candidate) >
          std::count(first.begin(), first.end(), separator_)) {
        separator_ = candidate;
      }
    }
  }

  std::int64_t line() const { return row_line_; }

  /// The next row that is not blank; false at the end.
  bool next(std::vector<Cell>& cells) {
    while (at_ < bytes_.size()) {
      cells.clear();
      row_line_ = line_;
      do {
        cells.push_back(cell());
      } while (at_ < bytes_.size() && bytes_[at_] == separator_ && ++at_ <= bytes_.size());
      end_line();
      if (cells.size() > 1 || !cells[0].text.empty()) return true;
    }
    return false;
  }

 private:
  Cell cell() {
    const std::size_t begin = at_;
    const auto column = static_cast<std::int64_t>(begin - line_begin_) + 1;
    while (at_ < bytes_.size() && bytes_[at_] == ' ') ++at_;
    if (at_ < bytes_.size() && bytes_[at_] == '"') return {quoted_cell(column), column};
    const std::size_t end =
        std::min(bytes_.find_first_of(std::string{separator_, '\r', '\n'}, begin), bytes_.size());
    at_ = end;
    return {std::string(trimmed(bytes_.substr(begin, end - begin))), column};
  }

  std::string quoted_cell(std::int64_t column) {
    const std::int64_t open_line = line_;
    std::string text;
    for (++at_; at_ < bytes_.size(); ++at_) {
      const char letter = bytes_[at_];
      if (letter == '"') {
        if (at_ + 1 >= bytes_.size() || bytes_[at_ + 1] != '"') {
          ++at_;
          while (at_ < bytes_.size() && bytes_[at_] == ' ') ++at_;
          if (at_ < bytes_.size() && bytes_[at_] != separator_ && bytes_[at_] != '\r' &&
              bytes_[at_] != '\n') {
            fail_input(fmt::format("{}:{}:{}", name_, open_line, column),
                       "text after the closing quote of a cell");
          }
          return text;
        }
        ++at_;  // a doubled quote stands for one
      }
      if (letter == '\n') {
        ++line_;
        line_begin_ = at_ + 1;
      }
      text += letter;
    }
    fail_input(fmt::format("{}:{}:{}", name_, open_line, column), "the quoted cell does not end");
  }

  void end_line() {
    if (at_ < bytes_.size() && bytes_[at_] == '\r') ++at_;
    if (at_ < bytes_.size() && bytes_[at_] == '\n') ++at_;
    ++line_;
    line_begin_ = at_;
  }

  std::string_view bytes_;
  std::string_view name_;
  char separator_ = ',';
  std::size_t at_ = 0, line_begin_ = 0;
  std::int64_t line_ = 1, row_line_ = 1;
};

std::optional<double> number(std::string_view text) {
  if (text.starts_with('+') && text.size() > 1 && text[1] != '-') text.remove_prefix(1);
  double value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size()) return {};
  return value;
}

// The label column's subscript: its name in the heading, else its number from 1.
std::optional<std::size_t> find_column(const std::vector<std::string>& columns, std::string_view wanted,
                                       std::string_view name) {
  if (wanted.empty()) return {};
  const auto found = std::find(columns.begin(), columns.end(), wanted);
  if (found != columns.end()) return static_cast<std::size_t>(found - columns.begin());
  std::size_t place = 0;
  const auto [end, code] = std::from_chars(wanted.data(), wanted.data() + wanted.size(), place);
  if (code == std::errc() && end == wanted.data() + wanted.size() && place >= 1 && place <= columns.size()) {
    return place - 1;
  }
  std::vector<std::string> names;
  for (const std::string& column : columns) names.push_back(printable(column));
  fail_input(
      name, fmt::format("no column {} for the labels{}", in_quotes(wanted), base::suggestion(wanted, names)));
}

}  // namespace

Table parse_csv(std::string_view bytes, std::string_view name, std::string_view label_column) {
  RowReader reader(bytes, name);
  std::vector<Cell> cells;
  if (!reader.next(cells)) fail_input(name, "the file has no rows");

  // The labels may be words, so a heading shows only in the columns that must be numbers.
  std::vector<std::string> columns;
  for (const Cell& cell : cells) columns.push_back(cell.text);
  const bool named = std::find(columns.begin(), columns.end(), label_column) != columns.end();
  std::vector<std::string> numbered;
  for (std::size_t j = 0; j < columns.size(); ++j) numbered.push_back(std::to_string(j + 1));
  bool heading = false;
  for (std::size_t j = 0; j < columns.size(); ++j) {
    const bool may_be_word = !named && numbered[j] == label_column;
    heading = heading || (!columns[j].empty() && !may_be_word && !number(columns[j]));
  }
  if (!heading) columns = numbered;
  const std::optional<std::size_t> label = find_column(columns, label_column, name);

  Table table;
  bool more = heading ? reader.next(cells) : true;
  for (; more; more = reader.next(cells)) {
    if (cells.size() != columns.size()) {
      fail_input(fmt::format("{}:{}", name, reader.line()),
                 fmt::format("{} cells; expected {} as in the first row", cells.size(), columns.size()));
    }
    for (std::size_t j = 0; j < cells.size(); ++j) {
      const Cell& cell = cells[j];
      const auto place = [&] { return fmt::format("{}:{}:{}", name, reader.line(), cell.column); };
      if (cell.text.empty()) {
        fail_input(place(), fmt::format("the cell of column {} is empty; expected a {}",
                                        in_quotes(columns[j]), label == j ? "label" : "number"));
      }
      if (label == j) {
        table.labels.push_back(cell.text);
        continue;
      }
      const std::optional<double> value = number(cell.text);
      if (!value) {
        fail_input(place(), fmt::format("{} in column {} is not a number", in_quotes(cell.text),
                                        in_quotes(columns[j])));
      }
      table.values.push_back(*value);
    }
    table.lines.push_back(reader.line());
    ++table.rows;
  }
  if (table.rows == 0) fail_input(name, "the file has a heading but no rows");
  if (label) columns.erase(columns.begin() + static_cast<std::ptrdiff_t>(*label));
  table.columns = std::move(columns);
  return table;
}

}  // namespace starling::data
