#include "starling/systems/depth/language_app.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "starling/base/atomic_file.h"
#include "starling/study/training_loop.h"
#include "starling/systems/depth/language_run.h"

namespace starling::depth {
namespace {

using study::SeriesPoint;

constexpr const char* task = "train";
constexpr std::size_t most_judged = 20000;  // tokens behind a point of a curve

// Measured since the last checkpoint.
using Pending = std::map<std::string, std::vector<SeriesPoint>>;

void flush(study::Store& store, Pending& pending) {
  study::Store::Transaction transaction(store);
  for (const auto& [name, points] : pending) store.record(task, name, "nats", points);
  transaction.commit();
  pending.clear();
}

class LanguageApplication : public study::Application {
 public:
  void describe(study::Description& description) override { depth::describe(description, spec_); }

  std::string plan() override {
    const Corpus corpus = read_corpus(spec_);
    const LanguageModel model(spec_, corpus.tokenizer.size());
    return fmt::format(
        "train: {} tokens to learn from and {} held out, of {} kinds; {} parameters; {} steps of {} x {} "
        "tokens, {:.3g} MB of memory",
        corpus.training.size(), corpus.held_out.size(), corpus.tokenizer.size(),
        model.network().parameter_count(), spec_.steps, spec_.batch, spec_.network.context,
        model.step_bytes() / 1e6);
  }

  void run(study::RunContext& context) override {
    const Corpus corpus = read_corpus(spec_);
    LanguageModel model(spec_, corpus.tokenizer.size());
    if (context.store.is_done(task)) return;
    const study::TrainingLoop loop{context, task, spec_.steps, spec_.checkpoint_every};
    LanguageState state =
        loop.begin([&] { return model.start(); },
                   [&](const auto& path) { return load_checkpoint(path, corpus.tokenizer, model.start()); });
    context.progress.message(fmt::format("{:.3g} MB of memory a step", model.step_bytes() / 1e6));
    Pending pending;
    context.progress.begin("train", spec_.steps, state.step);
    while (state.step < spec_.steps) advance(loop, corpus, model, state, pending);
    context.progress.end();
    study::Store::Transaction transaction(context.store);
    record(context.store, corpus, model, state);
    context.store.mark_done(task);
    base::write_file_atomically(context.directory.path() / "model.safetensors",
                                encode_model(spec_, corpus.tokenizer, model, state));
    transaction.commit();  // last: a task that is done has its files
  }

 private:
  void advance(const study::TrainingLoop& loop, const Corpus& corpus, LanguageModel& model,
               LanguageState& state, Pending& pending) {
    const LanguageStep report = loop.attempt([&] { return model.step(state, corpus.training); });
    const std::int64_t done = state.step - 1;
    const bool last = state.step == spec_.steps;
    if (done % std::max<std::int64_t>(1, spec_.steps / 1000) == 0 || last) {
      pending["loss"].push_back({done, report.loss});
      pending["gradient_norm"].push_back({done, report.gradient_norm});
    }
    if (done % std::max<std::int64_t>(1, spec_.steps / spec_.measurements) == 0 || last)
      pending["validation_loss"].push_back({done, judge(model, state, corpus.held_out, most_judged).mean});
    loop.end_step(state.step, report.loss, [&] {
      flush(loop.context.store, pending);
      save_checkpoint(loop.context.directory.checkpoint(), spec_, corpus.tokenizer, state);
    });
  }

  math::MeanInterval judge(LanguageModel& model, const LanguageState& state,
                           const std::vector<std::int32_t>& text, std::size_t most) const {
    const auto part = std::span(text).first(std::min(text.size(), most));
    return mean_of_windows(model.losses(state.parameters, part), spec_.network.context);
  }

  void record(study::Store& store, const Corpus& corpus, LanguageModel& model,
              const LanguageState& state) const {
    const auto metric = [&](const char* name, const math::MeanInterval& m) {
      study::Metric out{.task = task, .name = name, .unit = "nats a token", .value = m.mean};
      if (std::isfinite(m.lower)) out.lower = m.lower, out.upper = m.upper;
      store.record(out);
    };
    metric("validation_loss", judge(model, state, corpus.held_out, corpus.held_out.size()));
    metric("training_loss", judge(model, state, corpus.training, most_judged));
    const auto curve = [](const char* name) {
      return nlohmann::json{{"task", task}, {"series", name}, {"label", name}};
    };
    store.record(study::Figure{"1-loss",
                               "Loss",
                               "Of each batch, and of the text held out, in nats a token.",
                               {{"kind", "curves"},
                                {"curves", {curve("loss"), curve("validation_loss")}},
                                {"y_label", "nats"},
                                {"log_y", false}}});
    store.record(study::Figure{"2-gradient",
                               "Norm of the gradient",
                               "Before clipping.",
                               {{"kind", "curves"},
                                {"curves", nlohmann::json::array({curve("gradient_norm")})},
                                {"y_label", "norm"},
                                {"log_y", true}}});
  }

  LanguageSpec spec_;
};

}  // namespace

std::unique_ptr<study::Application> make_language_application() {
  return std::make_unique<LanguageApplication>();
}

}  // namespace starling::depth
