#pragma once
#include <filesystem>
#include <vector>

#include "starling/study/store.h"

namespace starling::study {

/// Writes what the store holds as csv (RFC 4180, with a heading) into the folder `out`: metrics.csv,
/// series.csv, claims.csv, warnings.csv, those that have a row. Columns are the fields' names; numbers read
/// back to the bit, a lost number is nan, what was not measured is empty. Returns the paths. Throws
/// Error{input} when a file cannot be written.
std::vector<std::filesystem::path> write_tables(const Store& store, const std::filesystem::path& out);

}  // namespace starling::study
