#include "starling/systems/depth/language_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "starling/base/atomic_file.h"
#include "starling/base/error.h"
#include "starling/data/safetensors.h"
#include "starling/data/table_file.h"
#include "starling/study/model_file.h"
#include "starling/study/run_config.h"

namespace starling::depth {
namespace {

using base::Error;
using base::ErrorKind;

constexpr const char* alphabet_key = "alphabet";

std::string alphabet_of(const data::TensorFile& file) {
  const auto found = file.metadata.find(alphabet_key);
  return found == file.metadata.end() ? "" : found->second;
}

// A finished or interrupted run, ready to be used; the text that it learned from is not needed.
struct TrainedModel {
  LanguageSpec spec;
  data::Tokenizer tokenizer;
  LanguageModel model;
  GptState state;

  explicit TrainedModel(const study::RunDirectory& directory)
      : spec(study::read_spec<LanguageSpec>(directory, "train", "language model")),
        tokenizer(read_tokenizer(spec, directory.checkpoint())),
        model(spec, tokenizer.size()),
        state(load_checkpoint(directory.checkpoint(), tokenizer, model)) {}

  static data::Tokenizer read_tokenizer(const LanguageSpec& spec, const std::filesystem::path& path) {
    const std::string name = path.string();
    return tokenizer_of(spec, alphabet_of(data::decode_safetensors(base::read_file(path), name)), name);
  }
};

// Logits of the token after `text`, which grew by one since the last call. Positions are learned: once the
// window slides, every token has another one, and nothing of what is kept holds.
std::span<const float> logits_after(TrainedModel& run, std::span<const std::int32_t> text) {
  const auto context = static_cast<std::size_t>(run.spec.network.context);
  if (text.size() > context) return run.model.next(run.state.parameters, text);
  std::span<const float> logits;
  for (std::size_t i = run.model.remembered(); i < text.size(); ++i)
    logits = run.model.extend(run.state.parameters, text[i]);
  return logits;
}

// One token from softmax(logits / temperature) over the `top` largest; temperature 0 takes the largest.
class Chooser {
 public:
  explicit Chooser(const study::SampleRequest& request)
      : request_(request), stream_(static_cast<std::uint64_t>(request.seed), 0, "sample") {}

  std::int32_t operator()(std::span<const float> logits) {
    order_.resize(logits.size());
    std::iota(order_.begin(), order_.end(), 0);
    std::sort(order_.begin(), order_.end(), [&](std::int32_t a, std::int32_t b) {
      const float x = logits[static_cast<std::size_t>(a)], y = logits[static_cast<std::size_t>(b)];
      return x != y ? x > y : a < b;
    });
    if (request_.temperature == 0) return order_[0];
    if (request_.top_k > 0) order_.resize(std::min(order_.size(), static_cast<std::size_t>(request_.top_k)));
    const double most = static_cast<double>(logits[static_cast<std::size_t>(order_[0])]);
    shares_.clear();
    double sum = 0;
    for (const std::int32_t token : order_) {
      sum += std::exp((static_cast<double>(logits[static_cast<std::size_t>(token)]) - most) /
                      request_.temperature);
      shares_.push_back(sum);
    }
    const auto found = std::upper_bound(shares_.begin(), shares_.end(), stream_.uniform() * sum);
    return order_[std::min(order_.size() - 1, static_cast<std::size_t>(found - shares_.begin()))];
  }

 private:
  const study::SampleRequest& request_;
  base::Stream stream_;
  std::vector<std::int32_t> order_;
  std::vector<double> shares_;
};

}  // namespace

std::string encode_model(LanguageSpec& spec, const data::Tokenizer& tokenizer, const LanguageModel& model,
                         const GptState& state) {
  data::TensorFile file =
      study::model_file(model.network().blocks(), state.parameters, study::config_of(spec));
  file.metadata[alphabet_key] = tokenizer.alphabet();
  const auto& sizes = spec.network;
  // A tied block stands for every layer, as nanoGPT has no ties.
  const auto own = file.tensors;
  for (std::int64_t l = 1; sizes.tied && l < sizes.layers; ++l) {
    for (data::Tensor tensor : own) {
      constexpr std::string_view first = "transformer.h.0.";
      if (!tensor.name.starts_with(first)) continue;
      tensor.name = fmt::format("transformer.h.{}.{}", l, tensor.name.substr(first.size()));
      file.tensors.push_back(std::move(tensor));
    }
  }
  data::Tensor head = file.tensors.front();
  head.name = "lm_head.weight";
  file.tensors.push_back(std::move(head));
  return data::encode_safetensors(file);
}

void save_checkpoint(const std::filesystem::path& path, LanguageSpec& spec, const data::Tokenizer& tokenizer,
                     GptState& state) {
  data::TensorFile file;
  file.metadata = {{"format", "starling"}, {"config", study::config_of(spec)}, {"checksum", ""}};
  file.metadata[alphabet_key] = tokenizer.alphabet();
  add_state(file, state);
  base::write_file_atomically(path, data::encode_safetensors(file));
}

GptState load_checkpoint(const std::filesystem::path& path, const data::Tokenizer& tokenizer,
                         const LanguageModel& model) {
  const std::string from = path.string();
  const data::TensorFile file = data::decode_safetensors(base::read_file(path), from);
  if (alphabet_of(file) != tokenizer.alphabet())
    throw Error(ErrorKind::input,
                fmt::format("{}: its characters are not those of the text; was the text changed?", from));
  return model.load(file, from);
}

std::vector<std::filesystem::path> export_run(const study::RunDirectory& directory,
                                              const std::filesystem::path& out) {
  if (study::job_of(directory) != "train") return {};
  TrainedModel run(directory);
  return study::export_model(out, encode_model(run.spec, run.tokenizer, run.model, run.state),
                             study::config_of(run.spec));
}

void sample(const study::RunDirectory& directory, const study::SampleRequest& request) {
  if (!(request.temperature >= 0) || !std::isfinite(request.temperature) || request.top_k < 0) {
    throw Error(ErrorKind::usage, fmt::format("temperature = {}, top_k = {}; expected at least 0",
                                              request.temperature, request.top_k));
  }
  TrainedModel run(directory);
  // Without a prompt the text begins as a line does, where the model knows line ends.
  std::vector<std::int32_t> text;
  if (!request.prompt.empty()) {
    text = run.tokenizer.encode(request.prompt, "prompt");
  } else if (run.spec.data.tokens == TokenKind::bytes ||
             run.tokenizer.alphabet().find('\n') != std::string::npos) {
    text = run.tokenizer.encode("\n", "prompt");
  } else {
    text = {0};
  }
  const std::size_t begin = request.prompt.empty() ? text.size() : 0;
  Chooser choose(request);
  run.model.forget();
  for (std::int64_t i = 0; i < request.count; ++i) text.push_back(choose(logits_after(run, text)));
  const std::string out = run.tokenizer.decode(std::span(text).subspan(begin));
  if (request.out.empty()) {
    fmt::print("{}\n", out);
  } else {
    base::write_file_atomically(request.out, out);
  }
}

void predict(const study::RunDirectory& directory, const study::PredictRequest& request) {
  TrainedModel run(directory);
  const auto text = run.tokenizer.encode(base::read_file(request.input), request.input);
  if (text.size() < 2)
    throw Error(ErrorKind::input,
                fmt::format("{}: {} tokens; expected at least 2", request.input, text.size()));
  const std::vector<double> losses = run.model.losses(run.state.parameters, text);
  const math::MeanInterval mean = mean_of_windows(losses, run.spec.network.context);
  fmt::print("{:.6g} nats a token", mean.mean);
  if (std::isfinite(mean.lower)) fmt::print(" (95% interval {:.6g} to {:.6g})", mean.lower, mean.upper);
  fmt::print(", {} tokens\n", losses.size());
  if (request.out.empty()) return;
  base::Points<float> table(static_cast<base::Index>(losses.size()), 1);
  for (std::size_t i = 0; i < losses.size(); ++i)
    table(static_cast<base::Index>(i), 0) = static_cast<float>(losses[i]);
  data::write_table(request.out, table);
}

}  // namespace starling::depth
