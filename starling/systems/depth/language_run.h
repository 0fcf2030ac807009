#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "starling/study/system.h"
#include "starling/systems/depth/language_model.h"

namespace starling::depth {

/// The model under nanoGPT's names (lm_head.weight too, which is the embedding); spec and alphabet in the
/// metadata.
std::string encode_model(LanguageSpec& spec, const data::Tokenizer& tokenizer, const LanguageModel& model,
                         const GptState& state);

/// Writes atomically all that the next step depends on.
void save_checkpoint(const std::filesystem::path& path, LanguageSpec& spec, const data::Tokenizer& tokenizer,
                     GptState& state);

/// Reads it back. Error{input} when the file is missing,
/// damaged, of another alphabet, or of another network or optimiser: with the tensor that does not fit.
GptState load_checkpoint(const std::filesystem::path& path, const data::Tokenizer& tokenizer,
                         const LanguageModel& model);

/// Writes model.safetensors and config.json into `out`.
std::vector<std::filesystem::path> export_run(const study::RunDirectory& directory,
                                              const std::filesystem::path& out);

/// Continues request.prompt by request.count tokens; text to request.out, or to standard output.
void sample(const study::RunDirectory& directory, const study::SampleRequest& request);

/// Prints what a text costs the model in nats a token, with its interval; the loss of each token to
/// request.out, .csv or .npy, where it is given.
void predict(const study::RunDirectory& directory, const study::PredictRequest& request);

}  // namespace starling::depth
