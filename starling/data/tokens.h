#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace starling::data {

class PairMerges;

/// Text as numbers 0 .. size() - 1 and back.
class Tokenizer {
 public:
  /// One token a byte: 256 of them, whatever the text.
  static Tokenizer bytes();
  /// One token a character: those of `alphabet`, UTF-8, in order of their code points, repetitions ignored.
  /// Error{input} that names `name`, line and column for what is not UTF-8.
  static Tokenizer characters(std::string_view alphabet, std::string_view name);
  /// Byte pairs as GPT-2 merges them, from its vocab.json and merges.txt. Error{input} that names the file
  /// for what is missing, malformed, or a merge whose result is no token.
  static Tokenizer byte_pairs(const std::filesystem::path& vocabulary, const std::filesystem::path& merges);

  std::int64_t size() const;
  /// The characters, each once; empty for the other kinds.
  std::string alphabet() const;

  /// Error{input} that opens with `name` and gives line and column, from 1, of a character that has no token.
  std::vector<std::int32_t> encode(std::string_view text, std::string_view name) const;
  /// Error{usage} for a number that is no token.
  std::string decode(std::span<const std::int32_t> tokens) const;

 private:
  std::vector<std::string> texts_;                ///< of each token
  std::map<std::uint32_t, std::int32_t> points_;  ///< of characters: the token of each code point
  std::shared_ptr<const PairMerges> merges_;      ///< of byte pairs
};

/// The code point that starts at `at`, which moves past it. Error{input} that opens with `name` and gives
/// line and column for bytes that are not UTF-8.
std::uint32_t next_character(std::string_view text, std::size_t& at, std::string_view name);

/// "line 3, column 7" of a byte; columns count characters.
std::string place_of(std::string_view text, std::size_t at);

}  // namespace starling::data
