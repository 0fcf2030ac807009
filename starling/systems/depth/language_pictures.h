#pragma once
#include <cstdint>
#include <span>

#include "starling/study/store.h"
#include "starling/systems/depth/language_model.h"

namespace starling::depth {

/// Draws who attends to whom in the first tokens of `text`, at most 32 of them: every head of every layer, or
/// of sixteen layers evenly, behind a slider.
void record_attention(study::Store& store, LanguageModel& model, const GptState& state,
                      const data::Tokenizer& tokenizer, std::span<const std::int32_t> text);

}  // namespace starling::depth
