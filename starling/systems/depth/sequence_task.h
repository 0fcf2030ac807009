#pragma once
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "starling/base/matrix.h"
#include "starling/data/safetensors.h"
#include "starling/study/store.h"
#include "starling/systems/depth/sequence_spec.h"

namespace starling::depth {

/// What a GPT is trained for by the job sequence: draws batches, judges, predicts.
class SequenceTask {
 public:
  virtual ~SequenceTask() = default;
  virtual const GptTrainer& trainer() const = 0;
  virtual std::int64_t length() const = 0;  ///< places of a sequence
  virtual std::string plan() const = 0;     ///< what is learned from
  virtual std::string unit() const = 0;     ///< of the loss
  /// One step on a batch that is a function of (seed, state.step). Errors as GptTrainer::apply().
  virtual GptStep step(GptState& state) = 0;
  virtual std::vector<std::pair<std::string, double>> measure(const GptState& state) = 0;
  virtual void record(study::Store& store, const GptState& state) = 0;
  /// Adds the tensors that predict() needs beside the parameters.
  virtual void add_scales(data::TensorFile& file) const = 0;
  /// Outputs for the sequences of a file, one row each. Errors as data::load_dataset, Error{input} for
  /// sequences of another length or tokens that the model does not know.
  virtual base::Points<float> predict(const GptState& state, const std::string& path) = 0;
};

/// Classes of the user's sequences; and the same to predict, from the tensors of add_scales().
std::unique_ptr<SequenceTask> make_classes(const SequenceSpec& spec);
std::unique_ptr<SequenceTask> make_classes(const SequenceSpec& spec, const data::TensorFile& file,
                                           const std::string& from);
/// Regressions from prompts.
std::unique_ptr<SequenceTask> make_in_context(const SequenceSpec& spec);

}  // namespace starling::depth
