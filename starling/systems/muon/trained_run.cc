#include "starling/systems/muon/trained_run.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "starling/base/atomic_file.h"
#include "starling/base/error.h"
#include "starling/data/dataset.h"
#include "starling/data/npy.h"
#include "starling/data/safetensors.h"
#include "starling/study/run_config.h"

namespace starling::muon {
namespace {

using base::Error;
using base::ErrorKind;
using base::Index;
using base::Points;

std::string config_of(TrainSpec& spec) {
  study::Description description;
  describe(description, spec);
  return study::to_json(description).dump();
}

data::TensorFile model_file(TrainSpec& spec, const TrainProblem& problem, const Learner& learner,
                            const LearnerState& state) {
  data::TensorFile file;
  file.metadata = {{"format", "starling"}, {"config", config_of(spec)}, {"checksum", ""}};
  for (const nets::Block& block : learner.blocks()) {
    std::size_t size = 1;
    for (const auto extent : block.shape) size *= static_cast<std::size_t>(extent);
    const auto values =
        std::span<const float>(state.parameters).subspan(static_cast<std::size_t>(block.offset), size);
    file.tensors.push_back(data::make_tensor<float>(block.name, block.shape, values));
  }
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

void require_train_run(const study::RunDirectory& directory) {
  if (study::job_of(directory) == "train") return;
  throw Error(ErrorKind::usage,
              fmt::format("{}: holds no trained network; expected a run of muon's job train",
                          directory.path().string()));
}

// A finished or interrupted run, ready to be used.
struct Trained {
  TrainSpec spec;
  TrainProblem problem;
  Learner learner;
  LearnerState state;

  explicit Trained(const study::RunDirectory& directory)
      : spec(read(directory)),
        problem(spec),
        learner(spec, problem),
        state(load_checkpoint(directory.checkpoint(), learner.start())) {}

  static TrainSpec read(const study::RunDirectory& directory) {
    require_train_run(directory);
    TrainSpec spec;
    study::Description description;
    describe(description, spec);
    study::read_config(description, directory);
    return spec;
  }
};

void to_probabilities(Points<float>& logits) {
  for (Index i = 0; i < logits.rows(); ++i) {
    const float most = logits.row(i).maxCoeff();
    float sum = 0;
    for (Index k = 0; k < logits.cols(); ++k) sum += logits(i, k) = std::exp(logits(i, k) - most);
    for (Index k = 0; k < logits.cols(); ++k) logits(i, k) /= sum;
  }
}

std::string encode_csv(const Points<float>& table) {
  std::string text;
  for (Index i = 0; i < table.rows(); ++i) {
    for (Index k = 0; k < table.cols(); ++k) text += fmt::format("{}{}", k == 0 ? "" : ",", table(i, k));
    text += '\n';
  }
  return text;
}

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
  const std::int64_t steps[] = {state.step, state.optimizer.steps()};
  data::add_flat<std::int64_t>(file, "state.steps", steps);
  data::add_flat<double>(file, "state.dissipated", std::span<const double>(&state.dissipated, 1));
  base::write_file_atomically(path, data::encode_safetensors(file));
}

LearnerState load_checkpoint(const std::filesystem::path& path, LearnerState state) {
  const std::string from = path.string();
  const data::TensorFile file = data::decode_safetensors(base::read_file(path), from);
  data::read_flat<float>(file, "state.parameters", state.parameters, from);
  data::read_flat<float>(file, "state.moved", state.moved, from);
  for (const auto& [name, values] : state.optimizer.state())
    data::read_flat<float>(file, "state." + name, values, from);
  std::int64_t steps[2] = {};
  data::read_flat<std::int64_t>(file, "state.steps", steps, from);
  data::read_flat<double>(file, "state.dissipated", std::span<double>(&state.dissipated, 1), from);
  state.step = steps[0];
  state.optimizer.restore_steps(steps[1]);
  return state;
}

std::vector<std::filesystem::path> export_run(const study::RunDirectory& directory,
                                              const std::filesystem::path& out) {
  if (study::job_of(directory) != "train") return {};
  Trained run(directory);
  const auto model = out / "model.safetensors", json = out / "config.json";
  base::write_file_atomically(model, encode_model(run.spec, run.problem, run.learner, run.state));
  base::write_file_atomically(json, nlohmann::json::parse(config_of(run.spec)).dump(2) + "\n");
  return {model, json};
}

void predict(const study::RunDirectory& directory, const study::PredictRequest& request) {
  Trained run(directory);
  const std::string ending = request.out.extension().string();
  if (ending != ".npy" && ending != ".csv")
    throw Error(ErrorKind::usage, fmt::format("--out {}: expected .npy or .csv", request.out.string()));
  Points<float> inputs = data::load_dataset({.path = request.input}).points;
  if (inputs.cols() != run.problem.inputs()) {
    throw Error(ErrorKind::usage, fmt::format("{}: {} columns; the run was trained on {}", request.input,
                                              inputs.cols(), run.problem.inputs()));
  }
  run.problem.input_scale().apply(inputs);
  Points<float> out = run.learner.outputs(run.state.parameters, inputs);
  if (run.problem.classifies()) {
    to_probabilities(out);
  } else {
    run.problem.target_scale().undo(out);
  }
  base::write_file_atomically(request.out, ending == ".npy" ? data::encode_npy(out) : encode_csv(out));
}

}  // namespace starling::muon
