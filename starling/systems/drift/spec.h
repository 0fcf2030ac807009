#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "starling/data/dataset.h"
#include "starling/nets/mlp.h"
#include "starling/optim/block_optimizer.h"
#include "starling/optim/schedule.h"
#include "starling/study/spec_file.h"
#include "starling/systems/drift/bandwidth.h"
#include "starling/systems/drift/features.h"
#include "starling/systems/drift/field.h"
#include "starling/systems/drift/guidance.h"

namespace starling::drift {

enum class Source { file, checkerboard, swiss_roll, moons, eight_gaussians };
enum class Rescale { none, unit };
enum class TrainField { displacement, toy, paper, release, conservative, sharp };

struct DataSpec {
  Source source = Source::checkerboard;
  data::DatasetRequest file{};
  Rescale rescale = Rescale::none;  ///< unit: smallest value to -1, largest to 1, over all coordinates
  double holdout = 0.5;             ///< share kept for the monitors; of files only
};

/// Data that arrive as a stream: each step pushes some points of each class, and draws from the newest.
struct QueueSpec {
  std::int64_t size = 0;   ///< the newest points of a class that a step may draw; 0: all, no queue
  std::int64_t push = 64;  ///< points of each class that a step adds
};

struct GeneratorSpec {
  std::int64_t noise = 32, width = 256, layers = 3;
  nets::Activation activation = nets::Activation::silu;
  bool residual = false;
  bool conditional = false;  ///< one output law a class
};

struct DriftSpec {
  TrainField field = TrainField::paper;
  Kernel kernel = Kernel::laplace;
  std::vector<double> temperatures = {0.05};  ///< tau or h; of `release` in units of the mean distance
  BandwidthSpec bandwidth{};                  ///< multiplies the temperatures by a length that the data give
  bool self_interaction = true;
  double step = 1;  ///< target is x + step * V; of a conservative Gaussian field V is h^2 times the gradient
  double anneal_from = 0;  ///< > 0: scales start here and fall geometrically to their value
  std::int64_t anneal_steps = 1500;
};

struct TrainSpec {
  std::int64_t steps = 2000, batch = 2048, data_batch = 2048;  ///< batches are per class when conditional
  optim::Schedule schedule{};
  optim::TrainerSpec trainer{};
  double clip = 0;
  double average = 0.999;  ///< decay of the running average of the parameters; 0 keeps the last ones
  std::int64_t checkpoint_every = 200;
  std::int64_t evaluation = 5000;  ///< samples for the monitors
  std::int64_t repeats = 5;        ///< independent samples behind each interval
};

/// The spec of `drift`'s train job.
struct Spec {
  study::Common common{.system = "drift", .job = "train", .seed = 1};
  DataSpec data;
  QueueSpec queue;
  GeneratorSpec generator;
  GuidanceSpec guidance;
  FeatureSpec features;
  DriftSpec drift;
  TrainSpec train;
};

void describe(study::Description& description, Spec& spec);

/// The keys that several jobs share: the section [data], and the scales of [field].
void describe_data(study::Description& description, DataSpec& spec, const std::string& purpose);
void describe_scales(study::Description& description, DriftSpec& spec);

}  // namespace starling::drift
