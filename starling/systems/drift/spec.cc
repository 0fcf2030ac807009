#include "starling/systems/drift/spec.h"

#include "starling/study/dataset_keys.h"
#include "starling/study/trainer_keys.h"

namespace starling::drift {

void describe_data(study::Description& d, DataSpec& data, const std::string& purpose) {
  d.section("data", purpose);
  d.choice("source", data.source,
           {{"file", Source::file},
            {"checkerboard", Source::checkerboard},
            {"swiss_roll", Source::swiss_roll},
            {"moons", Source::moons},
            {"eight_gaussians", Source::eight_gaussians}},
           "a file, or a built-in set in two dimensions");
  study::describe_dataset(d, data.file);
  d.choice("rescale", data.rescale, {{"none", Rescale::none}, {"unit", Rescale::unit}},
           "unit maps the smallest value to -1 and the largest to 1");
  d.real("holdout", data.holdout, {.minimum = 0.05, .maximum = 0.9}, "share of a file kept for the monitors");
}

void describe_scales(study::Description& d, DriftSpec& f) {
  d.choice("kernel", f.kernel, {{"laplace", Kernel::laplace}, {"gaussian", Kernel::gaussian}},
           "of displacement and conservative");
  d.reals(
      "temperatures", f.temperatures, {.minimum = 0, .open_minimum = true},
      "scales tau or h in units of the rule, their fields added; of release in units of the mean distance");
  BandwidthSpec& b = f.bandwidth;
  d.choice("rule", b.rule,
           {{"fixed", BandwidthRule::fixed},
            {"median", BandwidthRule::median},
            {"neighbours", BandwidthRule::neighbours},
            {"rate", BandwidthRule::rate}},
           "unit of the scales: 1, median distance, mean neighbour distance, or N^(-1/(d+4))");
  d.integer("neighbours", b.neighbours, {.minimum = 1, .maximum = 1000}, "of the rule neighbours");
  d.boolean("self_interaction", f.self_interaction, "whether a sample counts in its own cloud");
  d.real("anneal_from", f.anneal_from, {.minimum = 0},
         "scales fall geometrically from here; 0: no annealing");
  d.integer("anneal_steps", f.anneal_steps, {.minimum = 1}, "over this many steps");
}

void describe(study::Description& d, Spec& spec) {
  study::describe_common(d, spec.common);
  describe_data(d, spec.data, "What the generator learns.");

  d.section("queue", "Data as a stream: a step draws from the newest points of each class.");
  d.integer("size", spec.queue.size, {.minimum = 0, .maximum = 1e6},
            "newest points of a class; 0: draw from all data");
  d.integer("push", spec.queue.push, {.minimum = 1, .maximum = 1e6}, "points of each class that a step adds");

  d.section("generator", "The network from noise to sample.");
  GeneratorSpec& g = spec.generator;
  d.integer("noise", g.noise, {.minimum = 1, .maximum = 65536}, "dimension of the noise");
  d.integer("width", g.width, {.minimum = 1, .maximum = 16384}, "neurons in a hidden layer");
  d.integer("layers", g.layers, {.minimum = 1, .maximum = 64}, "hidden layers");
  d.choice("activation", g.activation,
           {{"silu", nets::Activation::silu},
            {"gelu", nets::Activation::gelu},
            {"tanh", nets::Activation::tanh},
            {"relu", nets::Activation::relu}},
           "activation");
  d.boolean("residual", g.residual, "hidden layers after the first add their input");
  d.boolean("conditional", g.conditional, "one law for each class of the labels");

  d.section("guidance", "Classifier-free guidance, learned in training; sampling stays one step.");
  GuidanceSpec& guidance = spec.guidance;
  d.real("largest", guidance.largest, {.minimum = 1, .maximum = 100},
         "strengths run from 1 to here; 1: none");
  d.real("power", guidance.power, {.minimum = 0, .maximum = 20}, "density of the strength a: a^-power");
  d.real("plain_share", guidance.plain_share, {.minimum = 0, .maximum = 1}, "share of blocks of strength 1");
  d.integer("negatives", guidance.negatives, {.minimum = 1, .maximum = 1e5},
            "points of all classes that push each block away");

  d.section("features", "Where distances are measured.");
  FeatureSpec& features = spec.features;
  d.choice("kind", features.kind,
           {{"none", FeatureKind::none},
            {"random", FeatureKind::random},
            {"pca", FeatureKind::pca},
            {"autoencoder", FeatureKind::autoencoder}},
           "the data themselves, or a fixed map of them");
  d.integer("dimension", features.dimension, {.minimum = 1, .maximum = 4096}, "of the features");
  d.real("keep", features.keep, {.minimum = 0, .maximum = 100},
         "weight of the data's own coordinates beside the features; 0: none");
  d.integer("width", features.width, {.minimum = 1, .maximum = 4096}, "autoencoder: hidden neurons");
  d.integer("steps", features.steps, {.minimum = 1, .maximum = 1e6}, "autoencoder: steps of 256 points");

  d.section("field", "The drifting field.");
  DriftSpec& f = spec.drift;
  d.choice("kind", f.field,
           {{"displacement", TrainField::displacement},
            {"toy", TrainField::toy},
            {"paper", TrainField::paper},
            {"release", TrainField::release},
            {"conservative", TrainField::conservative},
            {"sharp", TrainField::sharp}},
           "which field");
  d.real("step", f.step, {.minimum = 0, .open_minimum = true}, "the target is x + step * V");
  describe_scales(d, f);

  d.section("train", "The optimiser.");
  TrainSpec& t = spec.train;
  d.integer("steps", t.steps, {.minimum = 1, .maximum = 1e9}, "optimiser steps");
  d.integer("batch", t.batch, {.minimum = 1, .maximum = 1e6},
            "generated samples a step; for each class when conditional");
  d.integer("data_batch", t.data_batch, {.minimum = 1, .maximum = 1e6}, "data points a step; likewise");
  study::describe_trainer(d, t.schedule, t.trainer, t.clip, "biases, class vectors and the last layer");
  d.real("average", t.average, {.minimum = 0, .maximum = 0.999999},
         "decay of the parameters' running average; 0: none");
  d.integer("checkpoint_every", t.checkpoint_every, {.minimum = 1}, "steps");
  d.integer("evaluation", t.evaluation, {.minimum = 10, .maximum = 100000}, "samples for the monitors");
  d.integer("repeats", t.repeats, {.minimum = 2, .maximum = 100}, "independent samples behind each interval");
}

}  // namespace starling::drift
