#pragma once
#include <cstdint>
#include <string>

#include "starling/study/spec_file.h"
#include "starling/systems/depth/gpt_trainer.h"

namespace starling::depth {

enum class TokenKind { bytes, characters, byte_pairs };

struct TextData {
  std::string path{};
  TokenKind tokens = TokenKind::characters;
  std::string vocabulary{}, merges{};  ///< GPT-2's vocab.json and merges.txt
  double holdout = 0.1;                ///< the end of the text
};

/// The spec of `depth`'s train job: a small GPT on a text.
struct LanguageSpec : GptTraining {
  study::Common common{.system = "depth", .job = "train", .seed = 1};
  TextData data;
  GptSizes network;
};

void describe(study::Description& description, LanguageSpec& spec);

}  // namespace starling::depth
