#pragma once
#include "starling/optim/block_optimizer.h"
#include "starling/optim/schedule.h"
#include "starling/study/description.h"

namespace starling::study {

/// The keys by which a trainer's spec names its optimiser: rule, rate and schedule, momenta, decay, clipping.
/// `left_to_adam` says which parameters a matrix rule does not take.
void describe_trainer(Description& description, optim::Schedule& schedule, optim::TrainerSpec& trainer,
                      double& clip, const std::string& left_to_adam);

}  // namespace starling::study
