#include "starling/data/safetensors.h"

#include <zlib.h>

#include <nlohmann/json.hpp>

#include "starling/data/bytes.h"

namespace starling::data {
namespace {

std::string checksum(std::string_view data) {
  return fmt::format("{:08x}", crc32_z(0, reinterpret_cast<const Bytef*>(data.data()), data.size()));
}

std::size_t item_size(const std::string& dtype) {
  static const std::map<std::string, std::size_t> sizes = {{"F64", 8}, {"I64", 8}, {"U64", 8}, {"F32", 4}, {"I32", 4},
                                                           {"U32", 4}, {"F16", 2}, {"BF16", 2}, {"I16", 2}, {"U16", 2},
                                                           {"I8", 1},  {"U8", 1},  {"BOOL", 1}};
  const auto found = sizes.find(dtype);
  return found == sizes.end() ? 0 : found->second;
}

// Bounds the recursion of the JSON parser before it starts.
void refuse_depth(std::string_view header, std::string_view name) {
  int depth = 0;
  for (const char c : header) {
    if (c == '[' || c == '{') ++depth;
    if (c == ']' || c == '}') --depth;
    if (depth > 32) refuse(name, "malformed safetensors header: nested too deep");
  }
}

}  // namespace

const Tensor* TensorFile::find(std::string_view name) const {
  for (const Tensor& tensor : tensors) {
    if (tensor.name == name) return &tensor;
  }
  return nullptr;
}

std::string encode_safetensors(TensorFile file) {
  std::string data;
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  for (const Tensor& tensor : file.tensors) {
    const std::size_t begin = data.size();
    data += tensor.bytes;
    header[tensor.name] = {{"dtype", tensor.dtype}, {"shape", tensor.shape}, {"data_offsets", {begin, data.size()}}};
  }
  file.metadata["crc32"] = checksum(data);
  header["__metadata__"] = file.metadata;
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');
  std::string out;
  for (unsigned i = 0; i < 8; ++i) out += static_cast<char>((text.size() >> (8 * i)) & 0xffU);
  return out + text + data;
}

TensorFile decode_safetensors(std::string_view bytes, std::string_view name) {
  ByteReader reader(bytes, name);
  const std::string_view text = reader.take(reader.little(8));
  refuse_depth(text, name);
  const nlohmann::json header = nlohmann::json::parse(text, nullptr, false);
  if (!header.is_object()) refuse(name, "malformed safetensors header: expected a JSON object");
  const std::string_view data = reader.take(reader.left());
  TensorFile file;
  try {
    for (const auto& [key, value] : header.items()) {
      if (key == "__metadata__") {
        for (const auto& [word, meaning] : value.items()) file.metadata[word] = meaning.get<std::string>();
        continue;
      }
      Tensor tensor{key, value.at("dtype").get<std::string>(), {}, {}};
      for (const auto& extent : value.at("shape")) {
        if (!extent.is_number_unsigned()) refuse(name, fmt::format("tensor '{}': malformed shape", key));
        tensor.shape.push_back(extent.get<std::int64_t>());
      }
      const auto& offsets = value.at("data_offsets");
      if (!offsets.at(0).is_number_unsigned() || !offsets.at(1).is_number_unsigned()) refuse(name, "malformed data_offsets");
      const auto begin = offsets.at(0).get<std::size_t>(), end = offsets.at(1).get<std::size_t>();
      if (begin > end || end > data.size()) refuse(name, fmt::format("truncated: tensor '{}' lies past the end", key));
      const std::size_t item = item_size(tensor.dtype);
      if (item == 0) refuse(name, fmt::format("tensor '{}': unknown dtype '{}'", key, tensor.dtype));
      if (checked_size(tensor.shape, data.size() / item, name) * item != end - begin) {
        refuse(name, fmt::format("tensor '{}': shape and data_offsets disagree", key));
      }
      tensor.bytes = std::string(data.substr(begin, end - begin));
      file.tensors.push_back(std::move(tensor));
    }
  } catch (const nlohmann::json::exception&) {
    refuse(name, "malformed safetensors header");
  }
  const auto stored = file.metadata.find("crc32");
  if (stored != file.metadata.end() && stored->second != checksum(data)) refuse(name, "damaged: the checksum does not match");
  return file;
}

}  // namespace starling::data
