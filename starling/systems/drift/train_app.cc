#include "starling/systems/drift/train_app.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "starling/base/atomic_file.h"
#include "starling/study/run_config.h"
#include "starling/study/training_loop.h"
#include "starling/systems/drift/animation.h"
#include "starling/systems/drift/checkpoint.h"
#include "starling/systems/drift/generator.h"
#include "starling/systems/drift/monitors.h"
#include "starling/systems/drift/problem.h"
#include "starling/systems/drift/training_measures.h"

namespace starling::drift {
namespace {

using base::Index;
using base::Points;
using study::SeriesPoint;

constexpr const char* trained_task = "train";
constexpr std::int64_t animation_frames = 24, measurements = 25;

/// Series measured since the last checkpoint.
struct Pending {
  std::vector<SeriesPoint> loss, gradient, drift;
  std::map<std::string, std::vector<SeriesPoint>> measures;
  void flush(study::Store& store) {
    study::Store::Transaction transaction(store);
    store.record(trained_task, "loss", "", loss);
    store.record(trained_task, "gradient_norm", "", gradient);
    store.record(trained_task, "drift_norm", "data units", drift);
    for (const auto& [name, points] : measures) store.record(trained_task, name, "", points);
    transaction.commit();
    *this = {};
  }
};

class TrainApplication : public study::Application {
 public:
  void describe(study::Description& description) override { drift::describe(description, spec_); }

  std::string plan() override {
    const Problem problem(spec_);
    const Generator generator(spec_, problem);
    return fmt::format(
        "train: {} training and {} held-out points in {} dimensions, {} class{}; {} parameters, {} steps of "
        "{} "
        "samples against {} data points",
        problem.training().rows(), problem.held_out().rows(), problem.dimension(), problem.classes(),
        problem.classes() == 1 ? "" : "es", generator.network().parameter_count(), spec_.train.steps,
        spec_.train.batch * problem.classes(), spec_.train.data_batch * problem.classes());
  }

  void run(study::RunContext& context) override {
    const Problem problem(spec_);
    Generator generator(spec_, problem);
    if (context.store.is_done(trained_task)) return;
    const study::TrainingLoop loop{context, trained_task, spec_.train.steps, spec_.train.checkpoint_every};
    GeneratorState state = loop.begin([&] { return generator.start(); },
                                      [&](const auto& path) { return load_checkpoint(path, generator); });
    generator.fit_features();
    Pending pending;
    context.progress.begin("train", spec_.train.steps, state.step);
    while (state.step < spec_.train.steps) {
      advance(loop, problem, generator, state, pending);
    }
    context.progress.end();
    study::Store::Transaction transaction(context.store);
    record_monitors(spec_, problem, generator, state, context.store);
    if (problem.dimension() == 2) {
      record_animation(context.store, "The generated cloud during training",
                       "Noise held fixed; drag the slider.",
                       problem.restore(problem.held_out()).cast<double>(),
                       [](std::int64_t step) { return fmt::format("step {}", step); });
    }
    context.store.mark_done(trained_task);
    if (const std::string png = context.store.image("samples"); !png.empty()) {
      base::write_file_atomically(context.directory.path() / "samples.png", png);
    }
    base::write_file_atomically(context.directory.path() / "model.safetensors",
                                encode_model(generator.network(), state.average, study::config_of(spec_)));
    transaction.commit();  // last: a task that is done has its files
  }

  study::OverRanks over_ranks() const override { return study::OverRanks::mirror; }

 private:
  void advance(const study::TrainingLoop& loop, const Problem& problem, Generator& generator,
               GeneratorState& state, Pending& pending) {
    record_frame(loop.context, problem, generator, state);
    if (state.step % std::max<std::int64_t>(1, spec_.train.steps / measurements) == 0) {
      for (const auto& [name, value] : training_measures(spec_, problem, generator, state))
        pending.measures[name].push_back({state.step, value});
    }
    const StepReport report = loop.attempt([&] { return generator.step(state); });
    const std::int64_t done = state.step - 1;
    const std::int64_t every = std::max<std::int64_t>(1, spec_.train.steps / 1000);
    if (done % every == 0 || state.step == spec_.train.steps) {
      pending.loss.push_back({done, report.loss});
      pending.gradient.push_back({done, report.gradient_norm});
      pending.drift.push_back({done, report.drift_norm});
    }
    loop.end_step(state.step, state.smoothed_loss, [&] {
      pending.flush(loop.context.store);
      save_checkpoint(loop.context.directory.checkpoint(), generator.network(), state,
                      study::config_of(spec_));
    });
  }

  // A fixed handful of samples, to see the cloud move; only in the plane.
  void record_frame(study::RunContext& context, const Problem& problem, Generator& generator,
                    const GeneratorState& state) const {
    const std::int64_t every = std::max<std::int64_t>(1, spec_.train.steps / animation_frames);
    if (problem.dimension() != 2 || state.step % every != 0) return;
    constexpr Index count = 400;
    base::Stream stream(static_cast<std::uint64_t>(spec_.common.seed), 0, "frames");
    std::vector<std::int32_t> labels;
    for (Index i = 0; spec_.generator.conditional && i < count; ++i)
      labels.push_back(static_cast<std::int32_t>(i % problem.classes()));
    const Points<float> cloud = problem.restore(generator.sample(state.parameters, stream, labels, count));
    drift::record_frame(context.store, state.step, cloud.cast<double>());
  }

  Spec spec_;
};

}  // namespace

std::unique_ptr<study::Application> make_train_application() {
  return std::make_unique<TrainApplication>();
}

}  // namespace starling::drift
