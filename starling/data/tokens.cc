#include "starling/data/tokens.h"

#include <fmt/format.h>

#include <set>

#include "starling/base/error.h"
#include "starling/data/byte_pairs.h"
#include "starling/data/bytes.h"

namespace starling::data {
namespace {

using base::Error;
using base::ErrorKind;

bool continues(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U;
}

}  // namespace

std::string place_of(std::string_view text, std::size_t at) {
  std::int64_t line = 1, column = 1;
  for (std::size_t i = 0; i < at; ++i) {
    if (text[i] == '\n') {
      ++line;
      column = 1;
    } else if (!continues(text[i])) {
      ++column;
    }
  }
  return fmt::format("line {}, column {}", line, column);
}

std::uint32_t next_character(std::string_view text, std::size_t& at, std::string_view name) {
  const auto first = static_cast<unsigned char>(text[at]);
  const std::size_t length = first < 0x80   ? 1
                             : first < 0xC2 ? 0
                             : first < 0xE0 ? 2
                             : first < 0xF0 ? 3
                             : first < 0xF5 ? 4
                                            : 0;
  std::uint32_t point = length <= 1 ? first : first & (0x7FU >> length);
  bool good = length > 0 && at + length <= text.size();
  for (std::size_t i = 1; good && i < length; ++i) {
    good = continues(text[at + i]);
    point = (point << 6U) | (static_cast<unsigned char>(text[at + i]) & 0x3FU);
  }
  constexpr std::uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  if (!good || point < least[length] || point > 0x10FFFF || (point >= 0xD800 && point < 0xE000)) {
    fail_input(name, fmt::format("{}: byte 0x{:02X} is not UTF-8; a model of bytes takes any file",
                                 place_of(text, at), first));
  }
  at += length;
  return point;
}

Tokenizer Tokenizer::bytes() {
  Tokenizer out;
  for (int i = 0; i < 256; ++i) out.texts_.emplace_back(1, static_cast<char>(i));
  return out;
}

Tokenizer Tokenizer::characters(std::string_view alphabet, std::string_view name) {
  std::map<std::uint32_t, std::string> found;
  for (std::size_t at = 0; at < alphabet.size();) {
    const std::size_t from = at;
    const std::uint32_t point = next_character(alphabet, at, name);
    found.try_emplace(point, alphabet.substr(from, at - from));
  }
  Tokenizer out;
  for (const auto& [point, text] : found) {
    out.points_[point] = static_cast<std::int32_t>(out.texts_.size());
    out.texts_.push_back(text);
  }
  return out;
}

Tokenizer Tokenizer::byte_pairs(const std::filesystem::path& vocabulary,
                                const std::filesystem::path& merges) {
  Tokenizer out;
  out.merges_ = std::make_shared<PairMerges>(vocabulary, merges);
  out.texts_ = out.merges_->texts();
  return out;
}

std::int64_t Tokenizer::size() const {
  return static_cast<std::int64_t>(texts_.size());
}

std::string Tokenizer::alphabet() const {
  std::string out;
  for (const auto& [point, token] : points_) out += texts_[static_cast<std::size_t>(token)];
  return out;
}

std::vector<std::int32_t> Tokenizer::encode(std::string_view text, std::string_view name) const {
  if (merges_) return merges_->encode(text, name);
  std::vector<std::int32_t> out;
  out.reserve(text.size());
  if (points_.empty()) {
    for (const char byte : text) out.push_back(static_cast<unsigned char>(byte));
    return out;
  }
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t from = at;
    const std::uint32_t point = next_character(text, at, name);
    const auto found = points_.find(point);
    if (found == points_.end()) {
      fail_input(name,
                 fmt::format("{}: character {} (U+{:04X}) is not among the {} of the model",
                             place_of(text, from), in_quotes(text.substr(from, at - from)), point, size()));
    }
    out.push_back(found->second);
  }
  return out;
}

std::string Tokenizer::decode(std::span<const std::int32_t> tokens) const {
  std::string out;
  for (const std::int32_t token : tokens) {
    if (token < 0 || token >= size())
      throw Error(ErrorKind::usage, fmt::format("token {}; expected 0 to {}", token, size() - 1));
    out += texts_[static_cast<std::size_t>(token)];
  }
  return out;
}

}  // namespace starling::data
