#pragma once
#include <cstdint>
#include <cstring>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace starling::data {

/// A named tensor, its values as little-endian bytes in C order.
struct Tensor {
  std::string name, dtype;  ///< "F32", "F64", "I64", ...
  std::vector<std::int64_t> shape;
  std::string bytes;
};

/// A file of the safetensors format (Hugging Face): tensors and a text-to-text dictionary.
struct TensorFile {
  std::vector<Tensor> tensors;
  std::map<std::string, std::string> metadata;
  const Tensor* find(std::string_view name) const;
};

/// Adds the metadata entry "crc32" of the data, which decode_safetensors verifies when it is there. Error{input} that starts
/// with `name` for truncated, overlapping, oversized or damaged files.
std::string encode_safetensors(TensorFile file);
TensorFile decode_safetensors(std::string_view bytes, std::string_view name);

template <class T>
constexpr const char* dtype_of();
template <>
constexpr const char* dtype_of<float>() {
  return "F32";
}
template <>
constexpr const char* dtype_of<double>() {
  return "F64";
}
template <>
constexpr const char* dtype_of<std::int64_t>() {
  return "I64";
}

template <class T>
Tensor make_tensor(std::string name, std::vector<std::int64_t> shape, std::span<const T> values) {
  return {std::move(name), dtype_of<T>(), std::move(shape),
          std::string(reinterpret_cast<const char*>(values.data()), values.size_bytes())};
}

/// Copies a tensor's values; false when type or size differ.
template <class T>
bool copy_values(const Tensor& tensor, std::span<T> out) {
  if (tensor.dtype != dtype_of<T>() || tensor.bytes.size() != out.size_bytes()) return false;
  std::memcpy(out.data(), tensor.bytes.data(), tensor.bytes.size());
  return true;
}

}  // namespace starling::data
