#include "starling/data/tokens.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "starling/base/atomic_file.h"
#include "starling/base/error.h"
#include "starling/data/byte_pairs.h"

namespace starling::data {
namespace {

using Tokens = std::vector<std::int32_t>;

std::string error_of(const Tokenizer& tokenizer, std::string_view text) {
  try {
    tokenizer.encode(text, "text.txt");
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::input);
    return error.what();
  }
  return "";
}

TEST(Tokens, BytesTakeEverything) {
  const Tokenizer bytes = Tokenizer::bytes();
  EXPECT_EQ(bytes.size(), 256);
  std::string all;
  for (int i = 0; i < 256; ++i) all.push_back(static_cast<char>(i));
  const Tokens tokens = bytes.encode(all, "");
  EXPECT_EQ(tokens[255], 255);
  EXPECT_EQ(bytes.decode(tokens), all);
}

TEST(Tokens, CharactersAreNumberedByCodePointAndComeBack) {
  const Tokenizer t = Tokenizer::characters("b€aab\n", "");
  EXPECT_EQ(t.size(), 4);
  EXPECT_EQ(t.alphabet(), "\nab€");
  EXPECT_EQ(t.encode("ab€\n", ""), (Tokens{1, 2, 3, 0}));
  EXPECT_EQ(t.decode(Tokens{3, 1}), "€a");
  EXPECT_EQ(Tokenizer::characters(t.alphabet(), "").alphabet(), t.alphabet());
  EXPECT_THROW(t.decode(Tokens{4}), base::Error);
  EXPECT_THROW(t.decode(Tokens{-1}), base::Error);
}

TEST(Tokens, UnknownCharactersAreNamedWithLineAndColumn) {
  const Tokenizer t = Tokenizer::characters("ab€\n", "");
  const std::string message = error_of(t, "ab\n€€xb");
  EXPECT_EQ(message.find("text.txt: line 2, column 3: character 'x' (U+0078) is not among the 4"), 0U)
      << message;
  for (const char* bad : {"a\xff", "a\xe2\x82", "a\xc0\x80", "a\xed\xa0\x80", "a\xf4\x90\x80\x80"})
    EXPECT_NE(error_of(t, bad).find("line 1, column 2: byte 0x"), std::string::npos) << bad;
  EXPECT_THROW(Tokenizer::characters("\x80", "x"), base::Error);
}

class BytePairs : public ::testing::Test {
 public:
  ~BytePairs() override { std::filesystem::remove_all(folder_); }

 protected:
  BytePairs()
      : folder_(std::filesystem::temp_directory_path() /
                (std::string("starling-pairs-") +
                 ::testing::UnitTest::GetInstance()->current_test_info()->name())) {
    std::filesystem::create_directories(folder_);
  }
  Tokenizer tokenizer(const std::string& vocabulary, const std::string& merges) const {
    base::write_file_atomically(folder_ / "vocab.json", vocabulary);
    base::write_file_atomically(folder_ / "merges.txt", merges);
    return Tokenizer::byte_pairs(folder_ / "vocab.json", folder_ / "merges.txt");
  }
  std::filesystem::path folder_;
};

// Ġ (U+0120) is how the files spell a space.
const std::string vocabulary =
    R"({"l": 0, "o": 1, "w": 2, "e": 3, "r": 4, "Ġ": 5, "lo": 6, "low": 7, "er": 8, "Ġlow": 9, "<|endoftext|>": 10})";
const std::string merges = "#version: 0.2\nl o\nlo w\ne r\nĠ low\n";

TEST_F(BytePairs, MergeThePairThatStandsFirst) {
  const Tokenizer t = tokenizer(vocabulary, merges);
  EXPECT_EQ(t.size(), 11);
  EXPECT_EQ(t.encode("lower low wol", ""), (Tokens{7, 8, 9, 5, 2, 1, 0}));
  EXPECT_EQ(t.encode("lololow", ""), (Tokens{6, 6, 7}));
  EXPECT_EQ(t.encode("", ""), Tokens{});
  EXPECT_EQ(t.decode(Tokens{7, 8, 9, 10}), "lower low<|endoftext|>");
  EXPECT_EQ(error_of(t, "lo\nlx").find("text.txt: line 1, column 3: byte 0x0A has no token"), 0U);
}

TEST_F(BytePairs, RefuseFilesThatDoNotFit) {
  EXPECT_THROW(tokenizer("[]", merges), base::Error);
  EXPECT_THROW(tokenizer("{\"a\": 1}", ""), base::Error);
  EXPECT_THROW(tokenizer("{\"a\": 0, \"b\": 0}", ""), base::Error);
  EXPECT_THROW(tokenizer(vocabulary, "l w\n"), base::Error);
  EXPECT_THROW(tokenizer(vocabulary, "lo\n"), base::Error);
  EXPECT_THROW(Tokenizer::byte_pairs(folder_ / "none.json", folder_ / "merges.txt"), base::Error);
}

TEST(BytePairWords, AreCutAsGpt2CutsThem) {
  const auto words = [](const std::string& text) {
    std::vector<std::string> out;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = word_end(text, at);
      out.push_back(text.substr(at, end - at));
      at = end;
    }
    return out;
  };
  using Words = std::vector<std::string>;
  EXPECT_EQ(words("Hello world's 42nd  day, ok?"),
            (Words{"Hello", " world", "'s", " 42", "nd", " ", " day", ",", " ok", "?"}));
  EXPECT_EQ(words("a\n\n  b \n"), (Words{"a", "\n\n ", " b", " \n"}));
  EXPECT_EQ(words("we'll they've 'x"), (Words{"we", "'ll", " they", "'ve", " '", "x"}));
  EXPECT_EQ(words("naïve — 日本"), (Words{"naïve", " —", " 日本"}));
  EXPECT_EQ(words("   "), (Words{"   "}));
}

}  // namespace
}  // namespace starling::data
