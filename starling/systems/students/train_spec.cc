#include "starling/systems/students/train_spec.h"

#include <algorithm>

#include "starling/base/error.h"
#include "starling/study/dataset_keys.h"

namespace starling::students {
namespace {

using base::Error;
using base::ErrorKind;

void describe_teacher(study::Description& d, TeacherSpec& t) {
  d.section("teacher", "The wide network: one hidden layer.");
  d.choice("source", t.source, {{"fit", TeacherSource::fit}, {"file", TeacherSource::file}},
           "fit: train it first on the labels or targets of the input; file: read it");
  d.text("path", t.path, "file: .npz or .safetensors, a PyTorch state dict too");
  d.text("w", t.names.w, "file: the name of the incoming weights (neurons, inputs); empty finds it");
  d.text("bias", t.names.bias, "file: of the hidden biases; empty finds them, or there are none");
  d.text("a", t.names.a, "file: of the outgoing weights (neurons, outputs) or (outputs, neurons)");
  d.text("c", t.names.c, "file: of the output biases");
  std::vector<std::pair<std::string, nets::Activation>> activations;
  for (const nets::Activation kind :
       {nets::Activation::tanh, nets::Activation::relu, nets::Activation::gelu, nets::Activation::silu,
        nets::Activation::erf, nets::Activation::sigmoid, nets::Activation::softplus,
        nets::Activation::linear})
    activations.emplace_back(name_of(kind), kind);
  d.choice("activation", t.activation, activations, "of the hidden layer; gelu is x Φ(x), erf is erf(x/√2)");
  d.integer("width", t.width, {.minimum = 1, .maximum = 16384}, "fit: neurons");
  d.integer("steps", t.steps, {.minimum = 1, .maximum = 1e7},
            "fit: AdamW steps, each on all samples, cosine");
  d.real("rate", t.rate, {.minimum = 0, .open_minimum = true}, "fit: largest learning rate");
  d.real("weight_decay", t.decay, {.minimum = 0}, "fit: AdamW");
}

void describe_input(study::Description& d, InputSpec& i) {
  d.section("input", "Where teacher and student have to agree.");
  d.choice("source", i.source, {{"file", InputSource::file}, {"normal", InputSource::normal}},
           "a file, or independent standard normal coordinates");
  study::describe_dataset(d, i.file);
  d.text("targets", i.targets, "npy of numbers (points) or (points, outputs) to learn, in place of labels");
  d.choice("rescale", i.rescale, {{"none", Rescale::none}, {"unit", Rescale::unit}},
           "unit maps the smallest value to -1 and the largest to 1 before the networks see it");
  d.real("holdout", i.holdout, {.minimum = 0.05, .maximum = 0.9}, "share kept for the judgement");
  d.integer("count", i.count, {.minimum = 8, .maximum = 1e7}, "normal: draws, held-out ones included");
}

}  // namespace

void describe(study::Description& d, TrainSpec& spec) {
  study::describe_common(d, spec.common);
  describe_teacher(d, spec.teacher);
  describe_input(d, spec.input);

  d.section("student", "The small networks.");
  d.integers("neurons", spec.student.neurons, {.minimum = 1, .maximum = 16384},
             "sizes to compress to, each at most the teacher's");
  d.choice("answers", spec.student.answers, {{"teacher", Answers::teacher}, {"data", Answers::data}},
           "what they fit: the teacher's outputs, or the labels or targets themselves");

  d.section("search", "The search for the best small network.");
  d.integer("starts", spec.search.starts, {.minimum = 1, .maximum = 10000},
            "merged, copies, then clustered and random in turn");
  d.integer("steps", spec.search.polish.steps, {.minimum = 1, .maximum = 1e6},
            "most steps of a start, each a minimum of the quadratic model within a radius");
  d.real("tolerance", spec.search.polish.tolerance, {.minimum = 1e-14, .maximum = 0.1},
         "converged: largest derivative of the loss over the variance of the outputs");

  d.section("rivals", "AdamW from random starts on the same loss, for comparison.");
  d.integer("adamw_restarts", spec.rivals.restarts, {.minimum = 0, .maximum = 100000}, "0: none");
  d.integer("steps", spec.rivals.steps, {.minimum = 0, .maximum = 1e7},
            "of each; 0: as many passes over the samples as the mean start of the search");
  d.real("rate", spec.rivals.rate, {.minimum = 0, .open_minimum = true}, "largest learning rate, cosine");
}

void require_consistent(const TrainSpec& spec) {
  const auto fail = [](const std::string& message) { throw Error(ErrorKind::usage, message); };
  const InputSpec& input = spec.input;
  if (spec.student.neurons.empty()) fail("student.neurons is empty; expected at least one size");
  std::vector<std::int64_t> sizes = spec.student.neurons;
  std::ranges::sort(sizes);
  if (std::ranges::adjacent_find(sizes) != sizes.end()) fail("student.neurons: a size comes twice");
  if (input.source == InputSource::file && input.file.path.empty())
    fail("input.path is empty; expected a file, because input.source is \"file\"");
  if (input.source == InputSource::normal && !input.targets.empty())
    fail("input.targets: normal draws have no targets; use a file, or leave it empty");
  if (spec.teacher.source == TeacherSource::file && spec.teacher.path.empty())
    fail("teacher.path is empty; expected a file, because teacher.source is \"file\"");
  if (spec.teacher.source == TeacherSource::fit && !spec.teacher.path.empty())
    fail("teacher.path: a teacher to be fitted has no file; set teacher.source to \"file\"");
  if (spec.teacher.source == TeacherSource::fit && input.source == InputSource::normal)
    fail("teacher.source \"fit\": normal draws have no labels; use a file of data, or a teacher from a file");
  if (spec.student.answers == Answers::data && input.source == InputSource::normal)
    fail("student.answers \"data\": normal draws have no labels; use \"teacher\"");
}

}  // namespace starling::students
