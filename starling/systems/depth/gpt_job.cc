#include "starling/systems/depth/gpt_job.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "starling/base/atomic_file.h"
#include "starling/study/training_loop.h"

namespace starling::depth {

void GptJob::flush(study::Store& store, Pending& pending) const {
  study::Store::Transaction transaction(store);
  for (const auto& [name, points] : pending)
    store.record(training_task, name, name == "gradient_norm" ? "" : unit(), points);
  transaction.commit();
  pending.clear();
}

void GptJob::run(study::RunContext& context) {
  prepare();
  if (context.store.is_done(training_task)) return;
  const GptTraining& spec = training();
  const study::TrainingLoop loop{context, training_task, spec.steps, spec.checkpoint_every};
  GptState state = loop.begin([&] { return start(); }, [&](const auto& path) { return load(path); });
  context.progress.message(fmt::format("{:.3g} MB of memory a step", step_bytes() / 1e6));
  Pending pending;
  context.progress.begin("train", spec.steps, state.step);
  while (state.step < spec.steps) {
    const GptStep report = loop.attempt([&] { return step(state); });
    const std::int64_t done = state.step - 1;
    const bool last = state.step == spec.steps;
    if (done % std::max<std::int64_t>(1, spec.steps / 1000) == 0 || last) {
      pending["loss"].push_back({done, report.loss});
      pending["gradient_norm"].push_back({done, report.gradient_norm});
    }
    if (done % std::max<std::int64_t>(1, spec.steps / spec.measurements) == 0 || last)
      for (const auto& [name, value] : measure(state)) pending[name].push_back({done, value});
    loop.end_step(state.step, report.loss, [&] {
      flush(context.store, pending);
      save(context.directory.checkpoint(), state);
    });
  }
  context.progress.end();
  study::Store::Transaction transaction(context.store);
  record(context.store, state);
  context.store.mark_done(training_task);
  base::write_file_atomically(context.directory.path() / "model.safetensors", encode(state));
  transaction.commit();  // last: a task that is done has its files
}

void record_interval(study::Store& store, const std::string& name, const std::string& unit,
                     const math::MeanInterval& m) {
  study::Metric out{.task = training_task, .name = name, .unit = unit, .value = m.mean};
  if (std::isfinite(m.lower) && std::isfinite(m.upper)) out.lower = m.lower, out.upper = m.upper;
  store.record(out);
}

void record_curves(study::Store& store, const std::vector<std::string>& losses, const std::string& caption,
                   const std::string& unit, bool log_y) {
  nlohmann::json curves = nlohmann::json::array();
  for (const std::string& name : losses)
    curves.push_back({{"task", training_task}, {"series", name}, {"label", name}});
  store.record(study::Figure{"1-loss",
                             "Loss",
                             caption,
                             {{"kind", "curves"}, {"curves", curves}, {"y_label", unit}, {"log_y", log_y}}});
  store.record(study::Figure{
      "2-gradient",
      "Norm of the gradient",
      "Before clipping.",
      {{"kind", "curves"},
       {"curves", nlohmann::json::array(
                      {{{"task", training_task}, {"series", "gradient_norm"}, {"label", "gradient_norm"}}})},
       {"y_label", "norm"},
       {"log_y", true}}});
}

}  // namespace starling::depth
