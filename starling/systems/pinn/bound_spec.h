#pragma once
#include <cstdint>
#include <vector>

#include "starling/study/spec_file.h"

namespace starling::pinn {

/// A finite class of networks on -1 <= x <= 1: their complexity can be measured, that of a ball only bounded.
struct ClassSpec {
  std::int64_t width = 16, members = 64;
  double gain = 3;       ///< of Glorot's weights in the first layer, and of biases
  double amplitude = 2;  ///< the largest |u| on the interval, of every member
};

/// The spec of `pinn`'s bounds job: the reconstructed bound against what is measured.
struct BoundStudySpec {
  study::Common common{.system = "pinn", .job = "bounds", .seed = 1};
  ClassSpec drawn;
  std::vector<std::int64_t> points = {16, 32, 64, 128, 256, 512, 1024};
  std::int64_t replicates = 400;
  std::int64_t degree = 5;    ///< powers u to u^degree
  std::int64_t tests = 6;     ///< of the variational form
  std::int64_t rank = 2;      ///< of the layers of low rank
  std::int64_t classes = 16;  ///< drawn for an interval of a ratio
  std::vector<std::int64_t> trained_points = {8, 12, 16, 24, 32, 48, 64, 96, 128};
  std::int64_t runs = 8, steps = 400;
  std::int64_t holdout = 1000;
};

void describe(study::Description& description, BoundStudySpec& spec);

/// Error{usage} for lists from which no slope can be fitted, and a low rank that is full.
void require_consistent(const BoundStudySpec& spec);

}  // namespace starling::pinn
