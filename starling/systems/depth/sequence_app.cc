#include "starling/systems/depth/sequence_app.h"

#include <fmt/format.h>

#include <optional>

#include "starling/base/atomic_file.h"
#include "starling/data/table_file.h"
#include "starling/study/model_file.h"
#include "starling/study/run_config.h"
#include "starling/systems/depth/gpt_job.h"
#include "starling/systems/depth/sequence_task.h"

namespace starling::depth {
namespace {

data::TensorFile model_of(SequenceSpec& spec, const SequenceTask& task, const GptState& state) {
  data::TensorFile file =
      study::model_file(task.trainer().network().blocks(), state.parameters, study::config_of(spec));
  task.add_scales(file);
  return file;
}

GptState load_state(const std::filesystem::path& path, const SequenceTask& task) {
  return task.trainer().load(data::decode_safetensors(base::read_file(path), path.string()), path.string());
}

class SequenceJob : public GptJob {
 public:
  void describe(study::Description& description) override { depth::describe(description, spec_); }

  std::string plan() override {
    prepare();
    return fmt::format(
        "sequence: {}; {} parameters; {} steps of {} sequences of {} places, {:.3g} MB of memory",
        task_->plan(), task_->trainer().network().parameter_count(), spec_.steps, spec_.batch,
        task_->length(), step_bytes() / 1e6);
  }

 protected:
  const GptTraining& training() const override { return spec_; }
  std::string unit() const override { return task_->unit(); }
  void prepare() override {
    task_ = spec_.task == SequenceTaskKind::classes ? make_classes(spec_) : make_in_context(spec_);
  }
  double step_bytes() const override { return task_->trainer().step_bytes(task_->length()); }
  GptState start() const override { return task_->trainer().start(); }
  GptState load(const std::filesystem::path& path) const override { return load_state(path, *task_); }
  GptStep step(GptState& state) override { return task_->step(state); }
  Values measure(const GptState& state) override { return task_->measure(state); }
  void record(study::Store& store, const GptState& state) override { task_->record(store, state); }
  void save(const std::filesystem::path& path, GptState& state) override {
    data::TensorFile file{.tensors = {},
                          .metadata = {{"format", "starling"}, {"config", study::config_of(spec_)}}};
    file.metadata["checksum"] = "";
    task_->add_scales(file);
    add_state(file, state);
    base::write_file_atomically(path, data::encode_safetensors(file));
  }
  std::string encode(GptState& state) override {
    return data::encode_safetensors(model_of(spec_, *task_, state));
  }

 private:
  SequenceSpec spec_;
  std::unique_ptr<SequenceTask> task_;
};

// A finished or interrupted run, ready to be used; the data that it learned from are not needed.
struct TrainedSequences {
  SequenceSpec spec;
  std::unique_ptr<SequenceTask> task;
  GptState state;

  explicit TrainedSequences(const study::RunDirectory& directory)
      : spec(study::read_spec<SequenceSpec>(directory)),
        task(make(spec, directory)),
        state(load_state(directory.checkpoint(), *task)) {}

  static std::unique_ptr<SequenceTask> make(const SequenceSpec& spec, const study::RunDirectory& directory) {
    if (spec.task == SequenceTaskKind::in_context) return make_in_context(spec);
    const std::string from = directory.checkpoint().string();
    return make_classes(spec, data::decode_safetensors(base::read_file(from), from), from);
  }
};

}  // namespace

std::unique_ptr<study::Application> make_sequence_application() {
  return std::make_unique<SequenceJob>();
}

std::vector<std::filesystem::path> export_sequence_run(const study::RunDirectory& directory,
                                                       const std::filesystem::path& out) {
  TrainedSequences run(directory);
  return study::export_model(out, data::encode_safetensors(model_of(run.spec, *run.task, run.state)),
                             study::config_of(run.spec));
}

void predict_sequences(const study::RunDirectory& directory, const study::PredictRequest& request) {
  TrainedSequences run(directory);
  data::write_table(request.out, run.task->predict(run.state, request.input));
}

}  // namespace starling::depth
