#include "starling/systems/muon/trained_run.h"

#include <fmt/format.h>

#include "starling/base/atomic_file.h"
#include "starling/base/error.h"
#include "starling/data/dataset.h"
#include "starling/data/safetensors.h"
#include "starling/data/table_file.h"
#include "starling/nets/loss.h"
#include "starling/study/model_file.h"
#include "starling/study/run_config.h"

namespace starling::muon {
namespace {

using base::Error;
using base::ErrorKind;
using base::Index;
using base::Points;

data::TensorFile model_file(TrainSpec& spec, const TrainProblem& problem, const Learner& learner,
                            const LearnerState& state) {
  data::TensorFile file = study::model_file(learner.blocks(), state.parameters, study::config_of(spec));
  const auto scale = [&file](const std::string& name, const base::Vector<float>& values) {
    if (values.size() > 0)
      data::add_flat<float>(file, name,
                            std::span<const float>(values.data(), static_cast<std::size_t>(values.size())));
  };
  scale("inputs.mean", problem.input_scale().mean);
  scale("inputs.deviation", problem.input_scale().deviation);
  scale("targets.mean", problem.target_scale().mean);
  scale("targets.deviation", problem.target_scale().deviation);
  return file;
}

// A finished or interrupted run, ready to be used.
struct Trained {
  TrainSpec spec;
  TrainProblem problem;
  Learner learner;
  LearnerState state;

  explicit Trained(const study::RunDirectory& directory)
      : spec(study::read_spec<TrainSpec>(directory, "train", "trained network")),
        problem(spec),
        learner(spec, problem),
        state(load_checkpoint(directory.checkpoint(), learner)) {}
};

}  // namespace

std::string encode_model(TrainSpec& spec, const TrainProblem& problem, const Learner& learner,
                         const LearnerState& state) {
  return data::encode_safetensors(model_file(spec, problem, learner, state));
}

void save_checkpoint(const std::filesystem::path& path, TrainSpec& spec, const TrainProblem& problem,
                     const Learner& learner, LearnerState& state) {
  data::TensorFile file = model_file(spec, problem, learner, state);
  data::add_flat<float>(file, "state.parameters", state.parameters);
  data::add_flat<float>(file, "state.moved", state.moved);
  for (const auto& [name, values] : state.optimizer.state())
    data::add_flat<float>(file, "state." + name, values);
  const std::int64_t counts[] = {state.step, state.optimizer.steps(), state.warned_unstable ? 1 : 0,
                                 state.warned_cycling ? 1 : 0};
  data::add_flat<std::int64_t>(file, "state.counts", counts);
  data::add_flat<double>(file, "state.dissipated", std::span<const double>(&state.dissipated, 1));
  base::write_file_atomically(path, data::encode_safetensors(file));
}

LearnerState load_checkpoint(const std::filesystem::path& path, const Learner& learner) {
  const std::string from = path.string();
  const data::TensorFile file = data::decode_safetensors(base::read_file(path), from);
  data::require_flat<float>(file, "state.parameters", learner.parameter_count(), from);
  LearnerState state = learner.start();
  data::read_flat<float>(file, "state.parameters", state.parameters, from);
  data::read_flat<float>(file, "state.moved", state.moved, from);
  for (const auto& [name, values] : state.optimizer.state())
    data::read_flat<float>(file, "state." + name, values, from);
  std::int64_t counts[4] = {};
  data::read_flat<std::int64_t>(file, "state.counts", counts, from);
  data::read_flat<double>(file, "state.dissipated", std::span<double>(&state.dissipated, 1), from);
  state.step = counts[0];
  state.optimizer.restore_steps(counts[1]);
  state.warned_unstable = counts[2] != 0;
  state.warned_cycling = counts[3] != 0;
  return state;
}

std::vector<std::filesystem::path> export_run(const study::RunDirectory& directory,
                                              const std::filesystem::path& out) {
  if (study::job_of(directory) != "train") return {};
  Trained run(directory);
  return study::export_model(out, encode_model(run.spec, run.problem, run.learner, run.state),
                             study::config_of(run.spec));
}

void predict(const study::RunDirectory& directory, const study::PredictRequest& request) {
  Trained run(directory);
  Points<float> inputs = data::load_dataset({.path = request.input}).points;
  if (inputs.cols() != run.problem.inputs()) {
    throw Error(ErrorKind::usage, fmt::format("{}: {} columns; the run was trained on {}", request.input,
                                              inputs.cols(), run.problem.inputs()));
  }
  run.problem.input_scale().apply(inputs);
  Points<float> out = run.learner.outputs(run.state.parameters, inputs);
  if (run.problem.classifies()) {
    for (Index i = 0; i < out.rows(); ++i) nets::softmax(out.data() + i * out.cols(), out.cols());
  } else {
    run.problem.target_scale().undo(out);
  }
  data::write_table(request.out, out);
}

}  // namespace starling::muon
