#include "starling/data/byte_pairs.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "starling/base/atomic_file.h"
#include "starling/data/bytes.h"
#include "starling/data/tokens.h"

namespace starling::data {
namespace {

// GPT-2 writes bytes as printable characters: themselves where they are, else U+0100 and up in order.
std::unordered_map<std::uint32_t, char> bytes_by_character() {
  std::unordered_map<std::uint32_t, char> out;
  std::uint32_t next = 0x100;
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    const bool printable = (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
    out[printable ? byte : next++] = static_cast<char>(byte);
  }
  return out;
}

// A token as the files spell it, as bytes; what no byte is written as stays itself ("<|endoftext|>" does).
std::string bytes_of(const std::string& spelled, std::string_view name) {
  static const auto table = bytes_by_character();
  std::string out;
  for (std::size_t at = 0; at < spelled.size();) {
    const std::size_t from = at;
    const auto found = table.find(next_character(spelled, at, name));
    if (found == table.end()) {
      out += spelled.substr(from, at - from);
    } else {
      out += found->second;
    }
  }
  return out;
}

enum class Kind { letter, digit, space, other };

Kind kind_of(std::uint32_t c) {
  if (c < 0x80) {
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) return Kind::letter;
    if (c >= '0' && c <= '9') return Kind::digit;
    return c == ' ' || (c >= 9 && c <= 13) || (c >= 0x1C && c <= 0x1F) ? Kind::space : Kind::other;
  }
  if (c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 ||
      c == 0x202F || c == 0x205F || c == 0x3000)
    return Kind::space;
  if (c == 0xB2 || c == 0xB3 || c == 0xB9 || (c >= 0xBC && c <= 0xBE)) return Kind::digit;
  if (c == 0xAA || c == 0xB5 || c == 0xBA) return Kind::letter;
  const bool symbol = c < 0xC0 || c == 0xD7 || c == 0xF7 || (c >= 0x2010 && c < 0x2C00) ||
                      (c >= 0x3001 && c < 0x3040) || (c >= 0xFE00 && c < 0xFE70) ||
                      (c >= 0xFF01 && c < 0xFF10) || c >= 0x1F000;
  return symbol ? Kind::other : Kind::letter;
}

struct Character {
  Kind kind;
  std::size_t end;
};

Character character_at(std::string_view text, std::size_t at) {
  const auto byte = static_cast<unsigned char>(text[at]);
  if (byte < 0x80) return {kind_of(byte), at + 1};
  std::size_t length = 1;
  while (at + length < text.size() && length < 4 &&
         (static_cast<unsigned char>(text[at + length]) & 0xC0U) == 0x80U)
    ++length;
  std::uint32_t point = byte & (0x7FU >> length);
  for (std::size_t i = 1; i < length; ++i)
    point = (point << 6U) | (static_cast<unsigned char>(text[at + i]) & 0x3FU);
  return {length == 1 ? Kind::letter : kind_of(point), at + length};
}

}  // namespace

// 's|'t|'re|'ve|'m|'ll|'d| ?letters| ?digits| ?others|spaces not before a word|spaces
std::size_t word_end(std::string_view text, std::size_t at) {
  for (const std::string_view ending : {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"})
    if (text.substr(at).starts_with(ending)) return at + ending.size();
  const bool blank = text[at] == ' ' && at + 1 < text.size();
  const std::size_t from = blank && character_at(text, at + 1).kind != Kind::space ? at + 1 : at;
  const Kind kind = character_at(text, from).kind;
  std::size_t end = from, last = from;
  while (end < text.size() && character_at(text, end).kind == kind) {
    last = end;
    end = character_at(text, end).end;
  }
  // Of several spaces before a word, the last is left to the word.
  if (kind == Kind::space && end < text.size() && last > at) return last;
  return end;
}

PairMerges::PairMerges(const std::filesystem::path& vocabulary, const std::filesystem::path& merges)
    : of_byte_(256, -1) {
  const std::string name = vocabulary.string(), list = merges.string();
  const auto json = nlohmann::json::parse(base::read_file(vocabulary), nullptr, false);
  if (!json.is_object() || json.empty())
    fail_input(name, "expected a JSON object of tokens and their numbers");
  std::unordered_map<std::string, std::int32_t> tokens;
  texts_.resize(json.size());
  std::vector<bool> seen(json.size(), false);
  for (const auto& [spelled, value] : json.items()) {
    const std::int64_t id = value.is_number_integer() ? value.get<std::int64_t>() : -1;
    if (id < 0 || id >= static_cast<std::int64_t>(json.size()) || seen[static_cast<std::size_t>(id)]) {
      fail_input(name, fmt::format("token {}: {}; expected the numbers 0 to {}, each once",
                                   in_quotes(spelled), in_quotes(value.dump()), json.size() - 1));
    }
    seen[static_cast<std::size_t>(id)] = true;
    const std::string bytes = texts_[static_cast<std::size_t>(id)] = bytes_of(spelled, name);
    tokens[spelled] = static_cast<std::int32_t>(id);
    if (bytes.size() == 1) of_byte_[static_cast<unsigned char>(bytes[0])] = static_cast<std::int32_t>(id);
  }
  const std::string text = base::read_file(merges);
  std::int32_t rank = 0;
  std::int64_t line_number = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::string line = text.substr(at, end - at);
    at = end + 1;
    ++line_number;
    if (line.ends_with('\r')) line.pop_back();
    if (line.empty() || (line_number == 1 && line.starts_with("#version"))) continue;
    const std::size_t gap = line.find(' ');
    const std::string left = line.substr(0, gap),
                      right = gap == std::string::npos ? "" : line.substr(gap + 1);
    const auto a = tokens.find(left), b = tokens.find(right), ab = tokens.find(left + right);
    if (a == tokens.end() || b == tokens.end() || ab == tokens.end()) {
      fail_input(list, fmt::format("line {}: {}; expected two tokens of {} whose union is one too",
                                   line_number, in_quotes(line), name));
    }
    const auto key = (static_cast<std::uint64_t>(a->second) << 32U) | static_cast<std::uint64_t>(b->second);
    merges_.try_emplace(key, Merge{rank++, ab->second});
  }
}

void PairMerges::append_word(std::string_view text, std::size_t begin, std::size_t end, std::string_view name,
                             std::vector<std::int32_t>& out) const {
  const auto first = static_cast<std::ptrdiff_t>(out.size());
  for (std::size_t i = begin; i < end; ++i) {
    const std::int32_t token = of_byte_[static_cast<unsigned char>(text[i])];
    if (token < 0) {
      fail_input(name, fmt::format("{}: byte 0x{:02X} has no token in the vocabulary", place_of(text, i),
                                   static_cast<unsigned char>(text[i])));
    }
    out.push_back(token);
  }
  while (true) {
    const Merge* best = nullptr;
    std::uint64_t pair = 0;
    const auto key_at = [&out](std::size_t i) {
      return (static_cast<std::uint64_t>(out[i]) << 32U) | static_cast<std::uint64_t>(out[i + 1]);
    };
    for (auto i = static_cast<std::size_t>(first); i + 1 < out.size(); ++i) {
      const auto found = merges_.find(key_at(i));
      if (found == merges_.end() || (best != nullptr && best->rank <= found->second.rank)) continue;
      best = &found->second;
      pair = found->first;
    }
    if (best == nullptr) return;
    auto to = static_cast<std::size_t>(first);
    for (std::size_t from = to; from < out.size(); ++from, ++to) {
      if (from + 1 < out.size() && key_at(from) == pair) {
        out[to] = best->result;
        ++from;
      } else {
        out[to] = out[from];
      }
    }
    out.resize(to);
  }
}

std::vector<std::int32_t> PairMerges::encode(std::string_view text, std::string_view name) const {
  std::vector<std::int32_t> out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = word_end(text, at);
    append_word(text, at, end, name, out);
    at = end;
  }
  return out;
}

}  // namespace starling::data
