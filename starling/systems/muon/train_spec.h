#pragma once
#include <cstdint>

#include "starling/data/dataset.h"
#include "starling/nets/mlp.h"
#include "starling/optim/block_optimizer.h"
#include "starling/optim/schedule.h"
#include "starling/study/spec_file.h"

namespace starling::muon {

struct TrainData {
  data::DatasetRequest file{};
  std::int64_t target_columns = 0;  ///< the last columns are numbers to predict; 0: labels are
  double holdout = 0.2;
};

enum class Architecture { perceptron, experts };

struct NetworkSpec {
  Architecture kind = Architecture::perceptron;
  std::int64_t width = 128, layers = 3;
  std::int64_t experts = 4, hidden = 64;  ///< of a block of experts
  nets::Activation activation = nets::Activation::silu;
};

/// The spec of `muon`'s train job: one network, one optimiser, and what its matrices do.
struct TrainSpec {
  study::Common common{.system = "muon", .job = "train", .seed = 1};
  TrainData data;
  NetworkSpec network;
  std::int64_t steps = 1000, batch = 128;
  optim::TrainerSpec trainer{.rule = optim::Rule::muon};
  optim::Schedule schedule{.rate = 0.02};
  double clip = 0;
  std::int64_t checkpoint_every = 200;
  std::int64_t measurements = 40;  ///< times at which the matrices are looked at
};

void describe(study::Description& description, TrainSpec& spec);

}  // namespace starling::muon
