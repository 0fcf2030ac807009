#pragma once
#include <filesystem>

#include "starling/base/matrix.h"

namespace starling::data {

/// Whether write_table knows the ending: .npy or .csv.
bool holds_table(const std::filesystem::path& path);

/// Writes (rows, columns) atomically in the format of the ending; csv without a heading, numbers that read
/// back to the bit. Error{usage} for another ending, Error{input} when it cannot be written.
void write_table(const std::filesystem::path& path, const base::Points<float>& table);
void write_table(const std::filesystem::path& path, const base::Points<double>& table);

/// A table of numbers, all finite, from .npy of two subscripts or .csv, in double precision. Error{usage} for
/// another ending, Error{input} with the place for what is no such table.
base::Points<double> read_table(const std::filesystem::path& path);

}  // namespace starling::data
