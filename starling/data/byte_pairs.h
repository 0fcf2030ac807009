#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace starling::data {

/// The byte-pair encoding of GPT-2 (https://github.com/openai/gpt-2, encoder.py): text is cut into words, and
/// the bytes of a word are merged, always the pair that stands first in the list of merges.
///
/// Words are cut as encoder.py does, with one simplification: a character beyond ASCII counts as a letter
/// unless it is a space or in a block of punctuation and symbols; the Unicode tables are not carried.
class PairMerges {
 public:
  /// Errors as Tokenizer::byte_pairs.
  PairMerges(const std::filesystem::path& vocabulary, const std::filesystem::path& merges);

  /// The bytes that each token stands for.
  const std::vector<std::string>& texts() const { return texts_; }
  /// Error{input} that opens with `name` for a byte that the vocabulary lacks, with its place.
  std::vector<std::int32_t> encode(std::string_view text, std::string_view name) const;

 private:
  void append_word(std::string_view text, std::size_t begin, std::size_t end, std::string_view name,
                   std::vector<std::int32_t>& out) const;

  struct Merge {
    std::int32_t rank, result;
  };
  std::vector<std::string> texts_;
  std::vector<std::int32_t> of_byte_;                ///< the token of each single byte, or -1
  std::unordered_map<std::uint64_t, Merge> merges_;  ///< by the two tokens, 32 bits each
};

/// Where the word that begins at `at` ends. Bytes that are not UTF-8 count as letters.
std::size_t word_end(std::string_view text, std::size_t at);

}  // namespace starling::data
