#include "starling/systems/depth/head_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "starling/base/atomic_file.h"
#include "starling/data/array_file.h"
#include "starling/data/bytes.h"
#include "starling/study/natural_order.h"

namespace starling::depth {
namespace {

using Shape = std::vector<std::int64_t>;

constexpr std::array<const char*, 4> matrices = {"q", "k", "v", "o"};

const data::Array& array_of(const data::ArrayFile& file, const char* key, const Shape& expected) {
  const data::Array* found = file.find(key);
  if (found == nullptr) {
    data::fail_input(file.name, fmt::format("no array '{}'; it holds {}; expected q, k, v (layers, heads, "
                                            "head width, width) and o (layers, heads, width, head width)",
                                            key, file.listing()));
  }
  if (found->shape != expected) {
    data::fail_input(file.name, fmt::format("array '{}' has shape {}; expected {}", key,
                                            data::shape_text(found->shape), data::shape_text(expected)));
  }
  file.require_finite(key);
  return *found;
}

HeadShape shape_of(const data::ArrayFile& file) {
  const data::Array* q = file.find("q");
  const Shape s = q != nullptr ? q->shape : Shape{0, 0, 0, 0};
  array_of(file, "q", s);
  if (s.size() != 4 || std::ranges::any_of(s, [](std::int64_t extent) { return extent < 1; })) {
    data::fail_input(file.name, fmt::format("array 'q' has shape {}; expected (layers, heads, head width, "
                                            "width), each at least 1",
                                            data::shape_text(s)));
  }
  return {s[0], s[1], s[2], s[3]};
}

bool alike(const HeadShape& a, const HeadShape& b) {
  return a.layers == b.layers && a.heads == b.heads && a.head_width == b.head_width && a.width == b.width;
}

std::vector<std::filesystem::path> files_of(const std::filesystem::path& path) {
  if (!std::filesystem::is_directory(path)) return {path};
  std::vector<std::filesystem::path> out;
  for (const auto& entry : std::filesystem::directory_iterator(path)) {
    if (data::holds_arrays(entry.path().string())) out.push_back(entry.path());
  }
  std::ranges::sort(out, [](const auto& a, const auto& b) {
    return study::natural_order(a.filename().string(), b.filename().string()) < 0;
  });
  if (out.empty()) data::fail_input(path.string(), "a folder without .npz or .safetensors files");
  return out;
}

}  // namespace

HeadNetwork parse_heads(std::string_view bytes, std::string_view name) {
  const data::ArrayFile file = data::parse_arrays(bytes, name);
  HeadNetwork out{std::string(name), shape_of(file), {}};
  const HeadShape& s = out.shape;
  const Shape rows = {s.layers, s.heads, s.head_width, s.width},
              columns = {s.layers, s.heads, s.width, s.head_width};
  std::array<const double*, 4> parts{};
  for (std::size_t m = 0; m < parts.size(); ++m)
    parts[m] = array_of(file, matrices[m], m < 3 ? rows : columns).values.data();
  out.weights.reserve(static_cast<std::size_t>(s.size()));
  for (Index head = 0; head < s.layers * s.heads; ++head) {
    for (const double* part : parts)
      out.weights.insert(out.weights.end(), part + head * s.matrix(), part + (head + 1) * s.matrix());
  }
  return out;
}

std::vector<HeadNetwork> read_heads(const std::filesystem::path& path) {
  std::vector<HeadNetwork> out;
  for (const std::filesystem::path& file : files_of(path)) {
    out.push_back(parse_heads(base::read_file(file), file.string()));
    const HeadShape &first = out.front().shape, &s = out.back().shape;
    if (alike(first, s)) continue;
    data::fail_input(file.string(),
                     fmt::format("{} layers of {} heads, {} x {}; expected {} of {}, {} x {}, as {} has",
                                 s.layers, s.heads, s.head_width, s.width, first.layers, first.heads,
                                 first.head_width, first.width, out.front().source));
  }
  return out;
}

}  // namespace starling::depth
