#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace starling::data {

/// One named tensor: little-endian numbers, row-major.
struct Tensor {
  std::string name;
  std::string dtype;  ///< F64 F32 F16 BF16 I64 I32 I16 I8 U64 U32 U16 U8 BOOL
  std::vector<std::int64_t> shape;
  std::string bytes;
};

struct TensorFile {
  std::vector<Tensor> tensors;
  std::map<std::string, std::string> metadata;
};

/// The safetensors format (https://github.com/huggingface/safetensors): the header's length as 8
/// little-endian bytes, a JSON header padded with blanks to a multiple of 8, the tensors' bytes in order
/// without gaps. metadata "checksum" becomes the CRC-32 of all tensor bytes, eight hexadecimal digits. Throws
/// Error{usage} for a name that is empty, repeated or "__metadata__", text that is not UTF-8, an unknown
/// dtype, or bytes that do not fit the shape.
std::string encode_safetensors(const TensorFile& file);

/// Tensors come in the order of their bytes. Verifies "checksum" when the metadata hold one.
/// Throws Error{input} that opens with `name` for whatever the format forbids: a header above 100 MB or past
/// the end, bad JSON, repeated keys, gaps or overlaps between tensors, offsets that do not fit the shape,
/// bytes left over.
TensorFile decode_safetensors(std::string_view bytes, std::string_view name);

/// "F32", "F64" or "I64".
template <class T>
constexpr const char* dtype_name = nullptr;
template <>
inline constexpr const char* dtype_name<float> = "F32";
template <>
inline constexpr const char* dtype_name<double> = "F64";
template <>
inline constexpr const char* dtype_name<std::int64_t> = "I64";

/// Throws Error{usage} unless `count` is the product of `shape`.
void check_tensor_shape(const std::string& name, std::span<const std::int64_t> shape, std::size_t count);
/// Throws Error{input} that names the tensor unless it is of the dtype wanted and its bytes fit.
void check_tensor_dtype(const Tensor& tensor, std::string_view wanted, std::size_t element_size);

/// A tensor of T in {float, double, std::int64_t} with these values. Throws Error{usage} when shape and
/// values disagree.
template <class T>
Tensor make_tensor(std::string name, std::vector<std::int64_t> shape, std::span<const T> numbers) {
  static_assert(dtype_name<T> != nullptr, "a tensor holds float, double or std::int64_t");
  check_tensor_shape(name, shape, numbers.size());
  std::string bytes;
  if (!numbers.empty()) bytes.assign(reinterpret_cast<const char*>(numbers.data()), numbers.size_bytes());
  return {std::move(name), dtype_name<T>, std::move(shape), std::move(bytes)};
}

/// The tensor's numbers. Throws Error{input} when it holds another type.
template <class T>
std::vector<T> values(const Tensor& tensor) {
  static_assert(dtype_name<T> != nullptr, "a tensor holds float, double or std::int64_t");
  check_tensor_dtype(tensor, dtype_name<T>, sizeof(T));
  std::vector<T> numbers(tensor.bytes.size() / sizeof(T));
  if (!numbers.empty()) std::memcpy(numbers.data(), tensor.bytes.data(), tensor.bytes.size());
  return numbers;
}

/// Adds a vector under a name: one part of a checkpoint.
template <class T>
void add_flat(TensorFile& file, std::string name, std::span<const T> numbers) {
  file.tensors.push_back(
      make_tensor<T>(std::move(name), {static_cast<std::int64_t>(numbers.size())}, numbers));
}

/// Error{input} that opens with `file_name`: a tensor is not there, or not of the size wanted.
[[noreturn]] void refuse_tensor(const std::string& file_name, const std::string& tensor);

/// Reads such a part back into `out`, whatever its shape. Error{input} with `file_name` when it is missing or
/// of another size or type.
template <class T>
void read_flat(const TensorFile& file, const std::string& name, std::span<T> out,
               const std::string& file_name) {
  for (const Tensor& tensor : file.tensors) {
    if (tensor.name != name) continue;
    const std::vector<T> numbers = values<T>(tensor);
    if (numbers.size() != out.size()) break;
    std::copy(numbers.begin(), numbers.end(), out.begin());
    return;
  }
  refuse_tensor(file_name, name);
}

/// Error{input} as read_flat unless the part holds `count` numbers: asked before memory is taken for a count
/// that comes from another file.
template <class T>
void require_flat(const TensorFile& file, const std::string& name, std::ptrdiff_t count,
                  const std::string& file_name) {
  for (const Tensor& tensor : file.tensors) {
    if (tensor.name != name) continue;
    check_tensor_dtype(tensor, dtype_name<T>, sizeof(T));
    if (tensor.bytes.size() / sizeof(T) == static_cast<std::size_t>(count)) return;
    break;
  }
  refuse_tensor(file_name, name);
}

}  // namespace starling::data
