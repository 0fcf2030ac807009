#include "starling/systems/depth/language_spec.h"

namespace starling::depth {

void describe(study::Description& d, LanguageSpec& spec) {
  study::describe_common(d, spec.common);
  d.section("data", "Any text file.");
  d.text("path", spec.data.path, "the text");
  d.choice("tokens", spec.data.tokens,
           {{"bytes", TokenKind::bytes},
            {"characters", TokenKind::characters},
            {"byte_pairs", TokenKind::byte_pairs}},
           "what the network reads and predicts; characters need UTF-8");
  d.text("vocabulary", spec.data.vocabulary, "byte_pairs: GPT-2's vocab.json");
  d.text("merges", spec.data.merges, "byte_pairs: GPT-2's merges.txt");
  d.real("holdout", spec.data.holdout, {.minimum = 0.001, .maximum = 0.9},
         "share kept for validation, from the end");

  d.section("network", "A GPT with the layout of nanoGPT.");
  d.integer("context", spec.network.context, {.minimum = 1, .maximum = 65536},
            "tokens that a prediction may look back on");
  describe_sizes(d, spec.network);
  describe_training(d, spec, "sequences a step, drawn at random", "the loss on the text held out");
}

}  // namespace starling::depth
