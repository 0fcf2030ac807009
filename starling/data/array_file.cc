#include "starling/data/array_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "starling/data/bytes.h"
#include "starling/data/npz.h"
#include "starling/data/safetensors.h"

namespace starling::data {
namespace {

Array array_of(const Tensor& tensor, std::string_view file) {
  if (tensor.dtype == "F64") return {"<f8", tensor.shape, values<double>(tensor)};
  if (tensor.dtype != "F32") {
    fail_input(file, fmt::format("tensor {}: {} is not read; expected F32 or F64", in_quotes(tensor.name),
                                 tensor.dtype));
  }
  const std::vector<float> numbers = values<float>(tensor);
  return {"<f4", tensor.shape, {numbers.begin(), numbers.end()}};
}

}  // namespace

const Array* ArrayFile::find(const std::string& key) const {
  const auto found = arrays.find(key);
  return key.empty() || found == arrays.end() ? nullptr : &found->second;
}

void ArrayFile::require_finite(const std::string& key) const {
  const std::vector<double>& numbers = arrays.at(key).values;
  const auto bad = std::ranges::find_if_not(numbers, [](double v) { return std::isfinite(v); });
  if (bad == numbers.end()) return;
  fail_input(name, fmt::format("tensor {}: number {} is {}; expected finite numbers", in_quotes(key),
                               bad - numbers.begin() + 1, *bad));
}

std::string ArrayFile::listing() const {
  std::string text;
  for (const auto& [key, array] : arrays) {
    if (text.size() > 400) return text + ", ...";
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", in_quotes(key), shape_text(array.shape));
  }
  return text.empty() ? "nothing" : text;
}

bool holds_arrays(std::string_view name) {
  return name.ends_with(".npz") || name.ends_with(".safetensors");
}

ArrayFile parse_arrays(std::string_view bytes, std::string_view name) {
  ArrayFile out{std::string(name), {}};
  if (name.ends_with(".npz")) {
    out.arrays = parse_npz(bytes, name);
  } else if (name.ends_with(".safetensors")) {
    for (const Tensor& tensor : decode_safetensors(bytes, name).tensors)
      out.arrays[tensor.name] = array_of(tensor, name);
  } else {
    fail_input(name, "weights are read from .npz or .safetensors");
  }
  return out;
}

}  // namespace starling::data
