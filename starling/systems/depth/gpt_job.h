#pragma once
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "starling/math/statistics.h"
#include "starling/study/system.h"
#include "starling/systems/depth/gpt_trainer.h"

namespace starling::depth {

constexpr const char* training_task = "train";

/// What every job that trains a GPT does around its steps: curves, checkpoints, and the model at the end.
class GptJob : public study::Application {
 public:
  void run(study::RunContext& context) final;

 protected:
  using Values = std::vector<std::pair<std::string, double>>;

  virtual const GptTraining& training() const = 0;
  virtual std::string unit() const = 0;  ///< of losses
  virtual void prepare() = 0;            ///< reads the data; comes before all others
  virtual double step_bytes() const = 0;
  virtual GptState start() const = 0;
  virtual GptState load(const std::filesystem::path& path) const = 0;
  virtual GptStep step(GptState& state) = 0;
  virtual Values measure(const GptState& state) = 0;  ///< points of curves
  virtual void record(study::Store& store, const GptState& state) = 0;
  virtual void save(const std::filesystem::path& path, GptState& state) = 0;
  virtual std::string encode(GptState& state) = 0;  ///< model.safetensors

 private:
  using Pending = std::map<std::string, std::vector<study::SeriesPoint>>;  // since the last checkpoint
  void flush(study::Store& store, Pending& pending) const;
};

/// A metric of the training task with its interval, where that is finite.
void record_interval(study::Store& store, const std::string& name, const std::string& unit,
                     const math::MeanInterval& m);

/// The figures of the losses and of the gradient.
void record_curves(study::Store& store, const std::vector<std::string>& losses, const std::string& caption,
                   const std::string& unit, bool log_y);

}  // namespace starling::depth
