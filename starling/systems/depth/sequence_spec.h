#pragma once
#include <cstdint>

#include "starling/data/dataset.h"
#include "starling/study/spec_file.h"
#include "starling/systems/depth/gpt_trainer.h"

namespace starling::depth {

enum class SequenceTaskKind { classes, in_context };
enum class SequenceKind { numbers, tokens };

struct SequenceData {
  data::DatasetRequest file{};
  SequenceKind kind = SequenceKind::numbers;
  std::int64_t channels = 0;  ///< numbers a place; 0: the last extent of (N, length, channels), else 1
  double holdout = 0.2;
};

/// Linear regressions shown as prompts x_1, y_1, ..., x_k: y = <w, x> + noise with x normal, w normal of
/// variance 1/width, so that <w, x> has variance 1 (Garg et al., "What can transformers learn in-context?",
/// 2022).
struct Prompts {
  std::int64_t width = 5, examples = 11;  ///< of x; pairs in a prompt
  double noise = 0;                       ///< its deviation
  std::int64_t test = 1000;               ///< prompts that judge
};

/// The spec of `depth`'s job sequence: a GPT that classifies sequences, or learns regressions from prompts.
struct SequenceSpec : GptTraining {
  SequenceSpec() {
    steps = 1000;
    batch = 64;
    trainer.adam.decay = 0.01;
  }
  study::Common common{.system = "depth", .job = "sequence", .seed = 1};
  SequenceTaskKind task = SequenceTaskKind::classes;
  SequenceData data;
  Prompts prompts;
  GptSizes network{.context = 1, .layers = 3, .heads = 4, .width = 64, .bias = true};
};

void describe(study::Description& description, SequenceSpec& spec);

}  // namespace starling::depth
