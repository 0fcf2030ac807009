#pragma once
#include <cstdint>
#include <vector>

#include "starling/study/spec_file.h"
#include "starling/systems/depth/joint_study.h"
#include "starling/systems/depth/transfer.h"

namespace starling::depth {

/// The heads that networks are drawn from, and what they are trained on: formulas of a seed.
struct LimitProblem {
  std::int64_t atoms = 32, head_width = 2, width = 4, tokens = 8;
  std::int64_t law_seed = 1, token_seed = 2;
  double outward = 0.5;  ///< how much values point back to their tokens; 0: tokens have no drift
};

/// The spec of `depth`'s limit job: errors of networks of L layers and H heads against their limit, before
/// and while AdamW trains them, and the claims of the theory.
struct LimitStudySpec {
  study::Common common{.system = "depth", .job = "limit", .seed = 1};
  LimitProblem problem;
  std::vector<std::int64_t> layers = {4, 8, 16, 32, 64}, heads = {1, 4, 16}, steps = {0, 1, 10, 50};
  std::int64_t replicas = 96;
  bool causal = false;
  Optimiser optimiser{};
  double target = 0.03;  ///< the error for which layers times heads are told
  std::vector<std::int64_t> transfer_layers = {8, 32, 128};
  std::int64_t transfer_replicas = 16;
  std::vector<std::int64_t> token_counts = {4, 8, 16, 32, 64};
  std::vector<std::int64_t> widths = {8, 16, 32};

  JointStudySpec joint() const;
  HeadLaw law() const;
};

void describe(study::Description& description, LimitStudySpec& spec);

/// Error{usage} for lists from which no slope can be fitted, or steps that do not ascend from 0.
void require_consistent(const LimitStudySpec& spec);

}  // namespace starling::depth
