#include "starling/systems/depth/language_app.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "starling/systems/depth/gpt_job.h"
#include "starling/systems/depth/language_pictures.h"
#include "starling/systems/depth/language_run.h"

namespace starling::depth {
namespace {

constexpr std::size_t most_judged_tokens = 20000;  // tokens behind a point of a curve

class LanguageJob : public GptJob {
 public:
  void describe(study::Description& description) override { depth::describe(description, spec_); }

  std::string plan() override {
    prepare();
    return fmt::format(
        "train: {} tokens to learn from and {} held out, of {} kinds; {} parameters; {} steps of {} x {} "
        "tokens, {:.3g} MB of memory",
        corpus_->training.size(), corpus_->held_out.size(), corpus_->tokenizer.size(),
        model_->network().parameter_count(), spec_.steps, spec_.batch, spec_.network.context,
        model_->step_bytes() / 1e6);
  }

 protected:
  const GptTraining& training() const override { return spec_; }
  std::string unit() const override { return "nats"; }
  void prepare() override {
    corpus_ = read_corpus(spec_);
    model_.emplace(spec_, corpus_->tokenizer.size());
  }
  double step_bytes() const override { return model_->step_bytes(); }
  GptState start() const override { return model_->start(); }
  GptState load(const std::filesystem::path& path) const override {
    return load_checkpoint(path, corpus_->tokenizer, *model_);
  }
  GptStep step(GptState& state) override { return model_->step(state, corpus_->training); }
  Values measure(const GptState& state) override {
    return {{"validation_loss", judge(state, corpus_->held_out, most_judged_tokens).mean}};
  }
  void save(const std::filesystem::path& path, GptState& state) override {
    save_checkpoint(path, spec_, corpus_->tokenizer, state);
  }
  std::string encode(GptState& state) override {
    return encode_model(spec_, corpus_->tokenizer, *model_, state);
  }

  void record(study::Store& store, const GptState& state) override {
    const auto& held_out = corpus_->held_out;
    record_interval(store, "validation_loss", "nats a token", judge(state, held_out, held_out.size()));
    record_interval(store, "training_loss", "nats a token",
                    judge(state, corpus_->training, most_judged_tokens));
    record_curves(store, {"loss", "validation_loss"},
                  "Of each batch, and of the text held out, in nats a token.", "nats", false);
    record_attention(store, *model_, state, corpus_->tokenizer, held_out);
  }

 private:
  math::MeanInterval judge(const GptState& state, const std::vector<std::int32_t>& text, std::size_t most) {
    const auto part = std::span(text).first(std::min(text.size(), most));
    return mean_of_windows(model_->losses(state.parameters, part), spec_.network.context);
  }

  LanguageSpec spec_;
  std::optional<Corpus> corpus_;
  std::optional<LanguageModel> model_;
};

}  // namespace

std::unique_ptr<study::Application> make_language_application() {
  return std::make_unique<LanguageJob>();
}

}  // namespace starling::depth
