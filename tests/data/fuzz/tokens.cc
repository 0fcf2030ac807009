#include "starling/data/tokens.h"

#include <cstdint>
#include <cstdlib>

#include "data/fuzz/scratch_file.h"
#include "starling/base/error.h"

namespace {

using starling::data::Tokenizer;

// What was encoded is decoded to itself.
void there_and_back(const Tokenizer& tokenizer, const std::string& text) {
  if (tokenizer.decode(tokenizer.encode(text, "input")) != text) std::abort();
}

// The bytes up to the next zero, which leaves `bytes`.
std::string part(std::string& bytes) {
  const std::size_t end = bytes.find('\0');
  std::string out = bytes.substr(0, end);
  bytes.erase(0, end == std::string::npos ? end : end + 1);
  return out;
}

}  // namespace

// vocabulary, merges and a text, with a zero between them: the first is an alphabet too. Any bytes end in a
// value or in one base::Error.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using starling::data::testing::scratch_file;
  std::string rest(reinterpret_cast<const char*>(data), size);
  const std::string vocabulary = part(rest), merges = part(rest);
  try {
    there_and_back(Tokenizer::characters(vocabulary, "input"), rest);
  } catch (const starling::base::Error&) {
  }
  there_and_back(Tokenizer::bytes(), rest);
  try {
    there_and_back(
        Tokenizer::byte_pairs(scratch_file("vocab.json", vocabulary), scratch_file("merges.txt", merges)),
        rest);
  } catch (const starling::base::Error&) {
  }
  return 0;
}
