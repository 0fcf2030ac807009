#include "starling/systems/depth/sequence_spec.h"

#include "starling/study/dataset_keys.h"

namespace starling::depth {

void describe(study::Description& d, SequenceSpec& spec) {
  study::describe_common(d, spec.common);
  d.section("task", "Labels of sequences, or regressions from prompts.");
  d.choice("kind", spec.task,
           {{"classes", SequenceTaskKind::classes}, {"in_context", SequenceTaskKind::in_context}},
           "classes: of data's sequences; in_context: linear regressions that the program draws");

  d.section("data", "classes: one sequence a row, with labels.");
  study::describe_dataset(d, spec.data.file);
  d.choice("sequences", spec.data.kind,
           {{"numbers", SequenceKind::numbers}, {"tokens", SequenceKind::tokens}},
           "numbers at every place; or tokens 0, 1, ..., with -1 after the end of a short sequence");
  d.integer("channels", spec.data.channels, {.minimum = 0, .maximum = 1e5},
            "numbers a place, one place after another; 0: the last extent of (N, length, channels), else 1");
  d.real("holdout", spec.data.holdout, {.minimum = 0.01, .maximum = 0.9}, "share kept for validation");

  d.section("prompts", "in_context: pairs x, y of a linear function, then an x.");
  d.integer("width", spec.prompts.width, {.minimum = 1, .maximum = 256}, "of x");
  d.integer("examples", spec.prompts.examples, {.minimum = 2, .maximum = 4096}, "places of x in a prompt");
  d.real("noise", spec.prompts.noise, {.minimum = 0, .maximum = 100}, "deviation added to y of variance 1");
  d.integer("test", spec.prompts.test, {.minimum = 2, .maximum = 1e6}, "prompts that judge");

  d.section("network", "A GPT that is read at the last place, or at every x.");
  describe_sizes(d, spec.network);
  describe_training(d, spec, "sequences a step", "the loss on what is held out");
}

}  // namespace starling::depth
