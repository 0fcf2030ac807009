#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "starling/data/dataset.h"
#include "starling/nets/mlp.h"
#include "starling/study/spec_file.h"
#include "starling/systems/students/compression.h"
#include "starling/systems/students/network_file.h"

namespace starling::students {

enum class TeacherSource { fit, file };
enum class InputSource { file, normal };
enum class Rescale { none, unit };
enum class Answers { teacher, data };

/// The wide network: read from a file, or trained first on the labels or targets of the input.
struct TeacherSpec {
  TeacherSource source = TeacherSource::fit;
  std::string path;
  WeightNames names;
  nets::Activation activation = nets::Activation::tanh;
  std::int64_t width = 64, steps = 2000;  ///< of fit; a step sees all samples
  double rate = 0.01, decay = 1e-4;
};

struct InputSpec {
  InputSource source = InputSource::file;
  data::DatasetRequest file{};
  std::string targets;
  Rescale rescale = Rescale::none;
  double holdout = 0.25;
  std::int64_t count = 4096;  ///< of normal, held-out ones included
};

struct StudentSpec {
  std::vector<std::int64_t> neurons = {8, 16, 32};
  Answers answers = Answers::teacher;
};

struct SearchSpec {
  std::int64_t starts = 8;
  PolishSpec polish{};
};

struct RivalSpec {
  std::int64_t restarts = 100;
  std::int64_t steps = 5000;  ///< 0: as many passes over the samples as a start of the search took on average
  double rate = 0.01;
};

/// The spec of `students`' train job: compress a network.
struct TrainSpec {
  study::Common common{.system = "students", .job = "train", .seed = 1};
  TeacherSpec teacher;
  InputSpec input;
  StudentSpec student;
  SearchSpec search;
  RivalSpec rivals;
};

void describe(study::Description& description, TrainSpec& spec);

/// Error{usage} for keys that are each in range but do not go together.
void require_consistent(const TrainSpec& spec);

}  // namespace starling::students
