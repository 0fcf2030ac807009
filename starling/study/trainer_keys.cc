#include "starling/study/trainer_keys.h"

namespace starling::study {

void describe_trainer(Description& d, optim::Schedule& schedule, optim::TrainerSpec& trainer, double& clip,
                      const std::string& left_to_adam) {
  d.choice("optimizer", trainer.rule, optim::rules(),
           "matrix rules step the hidden weights and leave " + left_to_adam + " to AdamW");
  d.real("rate", schedule.rate, {.minimum = 0, .open_minimum = true}, "largest learning rate");
  d.integer("warm_up", schedule.warm_up, {.minimum = 0}, "steps of linear warm-up");
  d.choice("decay", schedule.decay, {{"constant", optim::Decay::constant}, {"cosine", optim::Decay::cosine}},
           "of the learning rate");
  d.real("beta1", trainer.adam.beta1, {.minimum = 0, .maximum = 0.9999}, "AdamW, Lion, Shampoo, SOAP");
  d.real("beta2", trainer.adam.beta2, {.minimum = 0, .maximum = 0.999999}, "AdamW, Lion, Shampoo, SOAP");
  d.real("weight_decay", trainer.adam.decay, {.minimum = 0}, "decoupled, of every optimiser");
  d.real("momentum", trainer.momentum, {.minimum = 0, .maximum = 0.9999}, "Muon's family and sgd");
  d.boolean("nesterov", trainer.nesterov, "Muon's family but scion");
  d.real("epsilon", trainer.epsilon, {.minimum = 0, .maximum = 1e3, .open_minimum = true},
         "Muon's family: e of their map, over the root mean square of the singular values");
  d.real("others", trainer.others, {.minimum = 0, .maximum = 1e3},
         "matrix rules: AdamW's rate of what they leave, over their rate");
  d.real("clip", clip, {.minimum = 0}, "largest gradient norm; 0: no clipping");
}

}  // namespace starling::study
