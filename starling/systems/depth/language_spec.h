#pragma once
#include <cstdint>
#include <string>

#include "starling/optim/block_optimizer.h"
#include "starling/optim/schedule.h"
#include "starling/study/spec_file.h"

namespace starling::depth {

enum class TokenKind { bytes, characters, byte_pairs };

struct TextData {
  std::string path{};
  TokenKind tokens = TokenKind::characters;
  std::string vocabulary{}, merges{};  ///< GPT-2's vocab.json and merges.txt
  double holdout = 0.1;                ///< the end of the text
};

struct LanguageNetwork {
  std::int64_t context = 64, layers = 4, heads = 4, width = 128;
  bool bias = false;
};

/// The spec of `depth`'s train job: a small GPT on a text.
struct LanguageSpec {
  study::Common common{.system = "depth", .job = "train", .seed = 1};
  TextData data;
  LanguageNetwork network;
  std::int64_t steps = 800, batch = 12;
  optim::TrainerSpec trainer{.adam = {.beta2 = 0.99, .decay = 0.1}};
  optim::Schedule schedule{.warm_up = 50, .floor = 0.1};
  double clip = 1;
  std::int64_t checkpoint_every = 200, measurements = 20;
};

void describe(study::Description& description, LanguageSpec& spec);

}  // namespace starling::depth
