#include "starling/systems/muon/train_spec.h"

#include "starling/study/dataset_keys.h"
#include "starling/study/trainer_keys.h"

namespace starling::muon {

void describe(study::Description& d, TrainSpec& spec) {
  study::describe_common(d, spec.common);
  d.section("data", "What is learned: labels, or numbers.");
  study::describe_dataset(d, spec.data.file);
  d.integer("target_columns", spec.data.target_columns, {.minimum = 0, .maximum = 1e5},
            "the last columns are numbers to predict; 0: the labels are to be");
  d.real("holdout", spec.data.holdout, {.minimum = 0.01, .maximum = 0.9}, "share kept for validation");

  d.section("network", "Inputs and targets are brought to mean 0 and variance 1.");
  NetworkSpec& n = spec.network;
  d.choice("kind", n.kind, {{"perceptron", Architecture::perceptron}, {"experts", Architecture::experts}},
           "multilayer perceptron, or residual blocks of softly gated experts");
  d.integer("width", n.width, {.minimum = 1, .maximum = 16384},
            "of a hidden layer, or of the residual stream");
  d.integer("layers", n.layers, {.minimum = 1, .maximum = 64}, "hidden layers, or blocks");
  d.integer("experts", n.experts, {.minimum = 1, .maximum = 1024}, "of a block");
  d.integer("hidden", n.hidden, {.minimum = 1, .maximum = 16384}, "neurons of an expert");
  d.choice("activation", n.activation,
           {{"silu", nets::Activation::silu},
            {"gelu", nets::Activation::gelu},
            {"tanh", nets::Activation::tanh},
            {"relu", nets::Activation::relu}},
           "of hidden neurons");

  d.section("train", "The optimiser.");
  d.integer("steps", spec.steps, {.minimum = 1, .maximum = 1e9}, "optimiser steps");
  d.integer("batch", spec.batch, {.minimum = 1, .maximum = 1e6}, "points a step");
  study::describe_trainer(d, spec.schedule, spec.trainer, spec.clip,
                          "biases, gates, the first and the last layer");
  d.integer("checkpoint_every", spec.checkpoint_every, {.minimum = 1}, "steps");
  d.integer("measurements", spec.measurements, {.minimum = 1, .maximum = 10000},
            "times at which losses, spectra and energies are measured");
}

}  // namespace starling::muon
