#include "starling/systems/muon/train_app.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "starling/base/atomic_file.h"
#include "starling/math/statistics.h"
#include "starling/study/training_loop.h"
#include "starling/systems/muon/matrix_monitor.h"
#include "starling/systems/muon/trained_run.h"

namespace starling::muon {
namespace {

using base::Index;
using study::SeriesPoint;

constexpr const char* task = "train";
constexpr Index most_judged = 4096;  // training points behind J

// Measured since the last checkpoint.
struct Pending {
  std::map<std::string, std::vector<SeriesPoint>> series;
  std::vector<std::pair<std::int64_t, MatrixMeasures>> spectra;
  std::vector<study::Warning> warnings;

  void flush(study::Store& store) {
    study::Store::Transaction transaction(store);
    for (const auto& [name, points] : series) store.record(task, name, "", points);
    for (const auto& [step, measures] : spectra) record_spectra(store, step, measures);
    for (const study::Warning& warning : warnings) store.record(warning);
    transaction.commit();
    *this = {};
  }
};

double mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(std::max<std::size_t>(1, values.size()));
}

Sample first_rows(const Sample& all, Index most) {
  const Index rows = std::min(all.size(), most);
  Sample out{all.inputs.topRows(rows), all.targets.topRows(rows), all.labels};
  if (!out.labels.empty()) out.labels.resize(static_cast<std::size_t>(rows));
  return out;
}

class TrainApplication : public study::Application {
 public:
  void describe(study::Description& description) override { muon::describe(description, spec_); }

  std::string plan() override {
    const TrainProblem problem(spec_);
    const Learner learner(spec_, problem);
    std::size_t parameters = 0, in_matrices = 0;
    for (const optim::TrainedBlock& block : learner.trained_blocks()) {
      parameters += block.size();
      if (block.is_matrix) in_matrices += block.size();
    }
    return fmt::format(
        "train: {} training and {} held-out points of {} numbers, {} {}; {} parameters, {} of them in "
        "matrices; "
        "{} steps of {} points",
        problem.training().size(), problem.held_out().size(), problem.inputs(), problem.outputs(),
        problem.classifies() ? "classes" : "targets", parameters, in_matrices, spec_.steps, spec_.batch);
  }

  void run(study::RunContext& context) override {
    const TrainProblem problem(spec_);
    Learner learner(spec_, problem);
    MatrixMonitor monitor(spec_, learner.trained_blocks());
    if (context.store.is_done(task)) return;
    judged_ = first_rows(problem.training(), most_judged);
    const study::TrainingLoop loop{context, task, spec_.steps, spec_.checkpoint_every};
    LearnerState state = loop.begin([&] { return learner.start(); },
                                    [&](const auto& path) { return load_checkpoint(path, learner); });
    Pending pending;
    context.progress.begin("train", spec_.steps, state.step);
    while (state.step < spec_.steps) advance(loop, problem, learner, monitor, state, pending);
    context.progress.end();
    study::Store::Transaction transaction(context.store);
    record_metrics(context.store, problem, learner, state);
    record_figures(context.store, monitor);
    context.store.mark_done(task);
    base::write_file_atomically(context.directory.path() / "model.safetensors",
                                encode_model(spec_, problem, learner, state));
    transaction.commit();  // last: a task that is done has its files
  }

 private:
  void advance(const study::TrainingLoop& loop, const TrainProblem& problem, Learner& learner,
               MatrixMonitor& monitor, LearnerState& state, Pending& pending) {
    const std::vector<float> moved_before = state.moved;
    const StepReport report = loop.attempt([&] { return learner.step(state); });
    monitor.after_step(state, moved_before);
    const std::int64_t done = state.step - 1;
    if (done % std::max<std::int64_t>(1, spec_.steps / 1000) == 0 || state.step == spec_.steps) {
      pending.series["loss"].push_back({done, report.loss});
      pending.series["gradient_norm"].push_back({done, report.gradient_norm});
    }
    if (done % std::max<std::int64_t>(1, spec_.steps / spec_.measurements) == 0 || state.step == spec_.steps)
      look(problem, learner, monitor, state, report, pending);
    loop.end_step(state.step, report.loss, [&] {
      pending.flush(loop.context.store);
      save_checkpoint(loop.context.directory.checkpoint(), spec_, problem, learner, state);
    });
  }

  void look(const TrainProblem& problem, Learner& learner, MatrixMonitor& monitor, LearnerState& state,
            const StepReport& report, Pending& pending) {
    const std::int64_t at = state.step - 1;
    const double curvature = curvature_of(learner, state);
    const double loss = mean(learner.judge(state.parameters, judged_).losses);
    pending.series["training_loss"].push_back({at, loss});
    pending.series["validation_loss"].push_back(
        {at, mean(learner.judge(state.parameters, problem.held_out()).losses)});
    if (!monitor.watches_anything()) return;
    MatrixMeasures measures = monitor.measure(state, report, loss, curvature);
    for (const auto& [name, value] : measures.numbers) pending.series[name].push_back({at, value});
    warn(monitor, state, report, curvature, pending);
    pending.spectra.emplace_back(at, std::move(measures));
  }

  // <change, H change>/|change|² on the batch of the step, from the gradients at its two ends.
  static double curvature_of(Learner& learner, const LearnerState& state) {
    const std::span<const float> before = learner.gradient(),
                                 after = learner.gradient_of_last_batch(state.parameters);
    double product = 0, squares = 0;
    for (std::size_t i = 0; i < before.size(); ++i) {
      const double moved = static_cast<double>(state.moved[i]);
      product += moved * (static_cast<double>(after[i]) - static_cast<double>(before[i]));
      squares += moved * moved;
    }
    return squares > 0 ? product / squares : 0;
  }

  // Each once a run: one that cycles would say it at every measurement.
  static void warn(const MatrixMonitor& monitor, LearnerState& state, const StepReport& report,
                   double curvature, Pending& pending) {
    const std::int64_t at = state.step - 1;
    const double bearable = monitor.stable_curvature(state, report.rate);
    if (curvature > bearable && !std::exchange(state.warned_unstable, true)) {
      pending.warnings.push_back(
          {task, at,
           fmt::format("step {}: the curvature along the step, {:.3g}, is beyond the stability threshold "
                       "{:.3g} of rate {:.3g}: expect a cycle; a rate below {:.3g} or a larger train.epsilon "
                       "is stable",
                       at, curvature, bearable, report.rate, report.rate * bearable / curvature)});
    }
    if (monitor.step_cosine() < -0.5 && !std::exchange(state.warned_cycling, true)) {
      pending.warnings.push_back(
          {task, at,
           fmt::format(
               "step {}: successive steps point against each other (cosine {:.2f}): a cycle of period "
               "two; lower train.rate or raise train.epsilon",
               at, monitor.step_cosine())});
    }
  }

  void record_metrics(study::Store& store, const TrainProblem& problem, Learner& learner,
                      const LearnerState& state) const {
    const Judgement held = learner.judge(state.parameters, problem.held_out());
    const std::string unit = problem.classifies() ? "nats" : "half squared error, targets' variance 1";
    const auto record = [&](const std::string& name, const std::string& of, const math::MeanInterval& m) {
      study::Metric metric{.task = task, .name = name, .unit = of, .value = m.mean};
      if (std::isfinite(m.lower)) metric.lower = m.lower, metric.upper = m.upper;
      store.record(metric);
    };
    record("validation_loss", unit, math::mean_interval(held.losses));
    if (problem.classifies())
      record("validation_accuracy", "share", math::binomial_interval(held.right, problem.held_out().size()));
    record("training_loss", unit, math::mean_interval(learner.judge(state.parameters, judged_).losses));
  }

  static void record_figures(study::Store& store, const MatrixMonitor& monitor) {
    const auto curves = [&store](const char* id, const char* title, const char* caption, const char* y,
                                 std::initializer_list<const char*> names, bool log_y) {
      nlohmann::json lines = nlohmann::json::array();
      for (const char* name : names) lines.push_back({{"task", task}, {"series", name}, {"label", name}});
      store.record(study::Figure{
          id, title, caption, {{"kind", "curves"}, {"curves", lines}, {"y_label", y}, {"log_y", log_y}}});
    };
    curves("1-loss", "Loss", "Of each batch, of training points, of the points held out.", "loss",
           {"loss", "training_loss", "validation_loss"}, true);
    if (!monitor.watches_anything()) return;
    curves("2-energies", "Energies",
           "Objective J, Hamiltonian J + kinetic energy of the momenta, and what the steps dissipated. The "
           "identity holds for small rates, whole batches and matrices alone.",
           "energy", {"objective", "hamiltonian", "dissipated"}, false);
    record_ridges(store);
    curves("4-matrices", "What the steps' matrices are like",
           "Orthogonality error (0: all singular values equal), stable ranks, share of directions below e.",
           "", {"orthogonality_error", "update_stable_rank", "momentum_stable_rank", "below_epsilon"}, true);
    curves("5-stability", "Curvature along the step, and what the rate can bear",
           "Beyond the threshold the step enters a cycle of period two.", "curvature",
           {"curvature", "stable_curvature"}, true);
    curves("6-cycle", "Cosine between successive steps", "Near -1: a cycle of period two.", "cosine",
           {"step_cosine"}, false);
  }

  TrainSpec spec_;
  Sample judged_;
};

}  // namespace

std::unique_ptr<study::Application> make_train_application() {
  return std::make_unique<TrainApplication>();
}

}  // namespace starling::muon
