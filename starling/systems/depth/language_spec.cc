#include "starling/systems/depth/language_spec.h"

#include "starling/study/trainer_keys.h"

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
  LanguageNetwork& n = spec.network;
  d.integer("context", n.context, {.minimum = 1, .maximum = 65536},
            "tokens that a prediction may look back on");
  d.integer("layers", n.layers, {.minimum = 1, .maximum = 10000}, "blocks of attention and a perceptron");
  d.integer("heads", n.heads, {.minimum = 1, .maximum = 1024}, "of a block; they divide the width");
  d.integer("width", n.width, {.minimum = 1, .maximum = 65536}, "of the residual stream");
  d.boolean("bias", n.bias, "of norms and linear maps");

  d.section("train", "The optimiser.");
  d.integer("steps", spec.steps, {.minimum = 1, .maximum = 1e9}, "optimiser steps");
  d.integer("batch", spec.batch, {.minimum = 1, .maximum = 1e6}, "sequences a step, drawn at random");
  study::describe_trainer(d, spec.schedule, spec.trainer, spec.clip, "embeddings, gains and biases");
  d.real("rate_floor", spec.schedule.floor, {.minimum = 0, .maximum = 1},
         "cosine: the last rate over the largest");
  d.integer("checkpoint_every", spec.checkpoint_every, {.minimum = 1}, "steps");
  d.integer("measurements", spec.measurements, {.minimum = 1, .maximum = 10000},
            "times at which the loss on the text held out is measured");
}

}  // namespace starling::depth
