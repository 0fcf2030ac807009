#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "starling/base/matrix.h"

namespace starling::data {

/// A numpy array as read: values converted to double whatever their type, C order.
struct Array {
  std::string type;  ///< numpy's description, such as "<f4"
  std::vector<std::int64_t> shape;
  std::vector<double> values;
};

/// The .npy format, versions 1 to 3: booleans, integers of 1 to 8 bytes, floats of 4 and 8 bytes, either byte order, C or
/// Fortran layout. Error{input} that starts with `name` for anything else; no size in a header is believed before it is
/// held against the bytes that are there.
Array parse_npy(std::string_view bytes, std::string_view name);
std::string encode_npy(const base::PointsRef<float>& points);

/// The members of an .npz archive (a zip of .npy files, stored or deflated) by name. Errors as parse_npy; a member may
/// expand to at most 1 GiB.
std::map<std::string, Array> parse_npz(std::string_view bytes, std::string_view name);

/// The IDX format of the MNIST files.
Array parse_idx(std::string_view bytes, std::string_view name);

}  // namespace starling::data
