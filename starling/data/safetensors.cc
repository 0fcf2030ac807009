#include "starling/data/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "starling/base/error.h"
#include "starling/data/bytes.h"
#include "starling/data/inflate.h"

namespace starling::data {
namespace {

using nlohmann::json;

constexpr const char* metadata_key = "__metadata__";
constexpr const char* checksum_key = "checksum";
constexpr std::uint64_t largest_header = 100'000'000;  // the reference implementation's limit

constexpr std::pair<std::string_view, std::uint64_t> dtypes[] = {
    {"F64", 8}, {"F32", 4}, {"F16", 2}, {"BF16", 2}, {"I64", 8}, {"I32", 4}, {"I16", 2},
    {"I8", 1},  {"U64", 8}, {"U32", 4}, {"U16", 2},  {"U8", 1},  {"BOOL", 1}};

std::uint64_t dtype_size(std::string_view dtype) {  // 0: unknown
  for (const auto& [known, size] : dtypes) {
    if (known == dtype) return size;
  }
  return 0;
}

[[noreturn]] void fail_usage(const std::string& name, std::string_view message) {
  throw base::Error(base::ErrorKind::usage, fmt::format("tensor {}: {}", in_quotes(name), message));
}

// Does the tensor's text, shape and size of bytes agree?
bool fits(const Tensor& tensor) {
  const std::uint64_t size = dtype_size(tensor.dtype);
  if (size == 0) return false;
  const auto count = element_count(tensor.shape, tensor.bytes.size() / size);
  return count && *count * size == tensor.bytes.size();
}

// Parses the header; a nesting that no header needs and a key that comes twice are refused while reading.
json parse_header(std::string_view text, std::string_view name) {
  constexpr int deepest = 4;
  std::set<std::string> keys;
  const auto watch = [&](int depth, json::parse_event_t event, json& parsed) {
    if (depth > deepest) fail_input(name, "the header nests too deeply");
    if (event == json::parse_event_t::key && depth == 1 && !keys.insert(parsed.get<std::string>()).second) {
      fail_input(name, fmt::format("the header holds {} twice", in_quotes(parsed.get<std::string>())));
    }
    return true;
  };
  if (!text.starts_with('{')) fail_input(name, "the header is no JSON object: expected '{' at byte 8");
  try {
    return json::parse(text, watch);
  } catch (const json::exception& error) {
    fail_input(name, fmt::format("the header is no JSON: {}", error.what()));
  }
}

std::vector<std::int64_t> read_integers(const json& parent, const char* key, std::string_view where) {
  const auto found = parent.find(key);
  if (found == parent.end() || !found->is_array())
    fail_input(where, fmt::format("'{}' is missing or no list", key));
  std::vector<std::int64_t> numbers;
  for (const json& item : *found) {
    // Non-negative numbers parse as unsigned; above 2^63 - 1 they name no byte of any file.
    if (!item.is_number_unsigned() || item.get<std::uint64_t>() > std::uint64_t{INT64_MAX}) {
      fail_input(where, fmt::format("'{}' holds {}; expected integers in 0..2^63-1", key,
                                    in_quotes(item.dump(-1, ' ', true, json::error_handler_t::replace))));
    }
    numbers.push_back(item.get<std::int64_t>());
  }
  return numbers;
}

struct Extent {
  Tensor tensor;
  std::uint64_t begin, end;
};

Extent read_extent(const std::string& key, const json& entry, std::uint64_t data_size,
                   std::string_view name) {
  const std::string where = fmt::format("{}: tensor {}", name, in_quotes(key));
  if (!entry.is_object()) fail_input(where, "expected an object with dtype, shape and data_offsets");
  const auto dtype = entry.find("dtype");
  if (dtype == entry.end() || !dtype->is_string()) fail_input(where, "'dtype' is missing or no text");
  Extent extent{{key, dtype->get<std::string>(), read_integers(entry, "shape", where), {}}, 0, 0};
  const std::uint64_t size = dtype_size(extent.tensor.dtype);
  if (size == 0) fail_input(where, fmt::format("dtype {} is not known", in_quotes(extent.tensor.dtype)));
  const std::vector<std::int64_t> offsets = read_integers(entry, "data_offsets", where);
  if (offsets.size() != 2) fail_input(where, fmt::format("{} data_offsets; expected 2", offsets.size()));
  extent.begin = static_cast<std::uint64_t>(offsets[0]);
  extent.end = static_cast<std::uint64_t>(offsets[1]);
  if (extent.begin > extent.end || extent.end > data_size) {
    fail_input(where, fmt::format("data_offsets {}..{} do not lie in the {} bytes of data", extent.begin,
                                  extent.end, data_size));
  }
  const auto count = element_count(extent.tensor.shape, data_size / size);
  if (!count || *count * size != extent.end - extent.begin) {
    fail_input(where,
               fmt::format("shape {} of {} does not fill data_offsets {}..{}",
                           shape_text(extent.tensor.shape), extent.tensor.dtype, extent.begin, extent.end));
  }
  return extent;
}

std::map<std::string, std::string> read_metadata(const json& entry, std::string_view name) {
  std::map<std::string, std::string> metadata;
  if (!entry.is_object()) fail_input(name, "__metadata__ is no object");
  for (const auto& [key, value] : entry.items()) {
    if (!value.is_string()) fail_input(name, fmt::format("metadata {} is no text", in_quotes(key)));
    metadata[key] = value.get<std::string>();
  }
  return metadata;
}

}  // namespace

void check_tensor_shape(const std::string& name, std::span<const std::int64_t> shape, std::size_t count) {
  if (element_count(shape, count) != count) {
    fail_usage(name, fmt::format("{} values for shape {}", count, shape_text(shape)));
  }
}

void check_tensor_dtype(const Tensor& tensor, std::string_view wanted, std::size_t element_size) {
  if (tensor.dtype != wanted || tensor.bytes.size() % element_size != 0) {
    fail_input(
        fmt::format("tensor {}", in_quotes(tensor.name)),
        fmt::format("{} bytes of {}; expected {}", tensor.bytes.size(), in_quotes(tensor.dtype), wanted));
  }
}

std::string encode_safetensors(const TensorFile& file) {
  json header = json::object();
  std::string data;
  for (const Tensor& tensor : file.tensors) {
    if (tensor.name.empty() || tensor.name == metadata_key)
      fail_usage(tensor.name, "is no name for a tensor");
    if (header.contains(tensor.name)) fail_usage(tensor.name, "the name is used twice");
    if (dtype_size(tensor.dtype) == 0)
      fail_usage(tensor.name, fmt::format("dtype {} is not known", in_quotes(tensor.dtype)));
    if (!fits(tensor)) {
      fail_usage(tensor.name, fmt::format("{} bytes for shape {} of {}", tensor.bytes.size(),
                                          shape_text(tensor.shape), tensor.dtype));
    }
    const std::size_t begin = data.size();
    data += tensor.bytes;
    header[tensor.name] = {
        {"dtype", tensor.dtype}, {"shape", tensor.shape}, {"data_offsets", {begin, data.size()}}};
  }
  std::map<std::string, std::string> metadata = file.metadata;
  metadata[checksum_key] = fmt::format("{:08x}", crc32_of(data));
  header[metadata_key] = metadata;
  std::string text;
  try {
    text = header.dump();
  } catch (const json::exception& error) {
    throw base::Error(base::ErrorKind::usage, fmt::format("safetensors header: {}", error.what()));
  }
  text.append((8 - text.size() % 8) % 8, ' ');
  std::string out;
  out.reserve(8 + text.size() + data.size());
  for (unsigned i = 0; i < 8; ++i) out += static_cast<char>((std::uint64_t{text.size()} >> (8 * i)) & 0xffU);
  return out + text + data;
}

TensorFile decode_safetensors(std::string_view bytes, std::string_view name) {
  Cursor cursor(bytes, name);
  const auto header_size = cursor.little<std::uint64_t>("the header length");
  if (header_size > largest_header) {
    fail_input(name, fmt::format("a header of {} bytes; expected at most {}", header_size, largest_header));
  }
  const json header = parse_header(cursor.take(header_size, "the header"), name);
  const std::string_view data = cursor.take(cursor.remaining(), "the data");

  TensorFile file;
  std::vector<Extent> extents;
  for (const auto& [key, entry] : header.items()) {
    if (key == metadata_key) {
      file.metadata = read_metadata(entry, name);
    } else {
      extents.push_back(read_extent(key, entry, data.size(), name));
    }
  }
  std::stable_sort(extents.begin(), extents.end(), [](const Extent& a, const Extent& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  std::uint64_t at = 0;
  for (Extent& extent : extents) {
    if (extent.begin != at) {
      fail_input(
          name,
          fmt::format("tensor {} begins at byte {} of the data; expected {}, where the one before it ends",
                      in_quotes(extent.tensor.name), extent.begin, at));
    }
    at = extent.end;
    extent.tensor.bytes = data.substr(extent.begin, extent.end - extent.begin);
    file.tensors.push_back(std::move(extent.tensor));
  }
  if (at != data.size())
    fail_input(name, fmt::format("{} bytes of data, of which tensors fill {}", data.size(), at));
  if (const auto sum = file.metadata.find(checksum_key); sum != file.metadata.end()) {
    if (const std::string actual = fmt::format("{:08x}", crc32_of(data)); actual != sum->second) {
      fail_input(
          name, fmt::format("checksum {}, expected {}: the file is damaged", actual, in_quotes(sum->second)));
    }
  }
  return file;
}

void refuse_tensor(const std::string& file_name, const std::string& tensor) {
  fail_input(file_name, fmt::format("tensor {} is missing or of another size", in_quotes(tensor)));
}

}  // namespace starling::data
