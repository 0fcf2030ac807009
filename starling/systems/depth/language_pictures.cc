#include "starling/systems/depth/language_pictures.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace starling::depth {
namespace {

using base::Index;

constexpr std::size_t most_tokens = 32;
constexpr Index most_layers = 16;

// "3 the": a name for each place, as a category must be of its own. Bytes that are no text show as numbers.
std::string name_of(std::size_t place, std::int32_t token, const data::Tokenizer& tokenizer) {
  const std::string text = tokenizer.decode(std::span(&token, 1));
  std::string shown;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == ' ') {
      shown += "\u2423";
    } else if (c == '\n') {
      shown += "\u21b5";
    } else if (byte < 32 || byte == 127 || (byte >= 128 && text.size() == 1)) {
      shown += fmt::format("\\x{:02x}", byte);
    } else {
      shown += c;
    }
  }
  try {
    nlohmann::json(shown).dump();  // half a character of several bytes is no text
  } catch (const nlohmann::json::exception&) {
    shown = fmt::format("#{}", token);
  }
  return fmt::format("{} {}", place + 1, shown);
}

nlohmann::json rows_of(std::span<const float> map, std::size_t n) {
  nlohmann::json rows = nlohmann::json::array();
  for (std::size_t i = 0; i < n; ++i) {
    nlohmann::json row = nlohmann::json::array();
    for (std::size_t j = 0; j < n; ++j)
      row.push_back(std::round(static_cast<double>(map[i * n + j]) * 1e3) / 1e3);
    rows.push_back(row);
  }
  return rows;
}

}  // namespace

void record_attention(study::Store& store, LanguageModel& model, const GptState& state,
                      const data::Tokenizer& tokenizer, std::span<const std::int32_t> text) {
  const nets::GptSpec& spec = model.network().spec();
  const std::size_t n = std::min({text.size(), most_tokens, static_cast<std::size_t>(spec.context)});
  const auto& workspace = model.look(state.parameters, text.first(n));
  std::vector<std::string> names;
  for (std::size_t i = 0; i < n; ++i) names.push_back(name_of(i, text[i], tokenizer));
  nlohmann::json frames = nlohmann::json::array();
  const Index shown = std::min(spec.layers, most_layers);
  for (Index i = 0; i < shown; ++i) {
    const Index layer = shown == 1 ? 0 : i * (spec.layers - 1) / (shown - 1);
    const auto maps = workspace.attention(layer, 0);
    for (Index h = 0; h < spec.heads; ++h)
      frames.push_back({{"label", fmt::format("layer {}, head {}", layer + 1, h + 1)},
                        {"z", rows_of(maps.subspan(static_cast<std::size_t>(h) * n * n, n * n), n)}});
  }
  store.record(study::Figure{"3-attention",
                             "Attention on the text held out",
                             "Who (rows) attends to whom (columns) in its first tokens; every row sums to 1. "
                             "Drag the slider through layers and heads.",
                             {{"kind", "heatmap"},
                              {"x", names},
                              {"y", names},
                              {"frames", frames},
                              {"x_label", "attended"},
                              {"y_label", "attending"}}});
}

}  // namespace starling::depth
