#pragma once
#include <memory>

#include "starling/study/spec_file.h"
#include "starling/systems/muon/flow.h"

namespace starling::muon {

enum class Problem {
  two_layer,     ///< matrix particles under tanh that fit a random network of the same kind
  experts,       ///< a softly gated mixture of transformer blocks on random tokens
  least_squares  ///< linear features, condition number 100
};

/// The spec of `muon`'s flow job: one problem, its flow, and the claims of the theory.
struct FlowSpec {
  study::Common common{.system = "muon", .job = "flow", .seed = 1};
  Problem problem = Problem::two_layer;
  std::int64_t particles = 16;
  std::int64_t samples = 24;  ///< of the two-layer problem, or tokens of the experts
  std::int64_t rows = 3;      ///< of a matrix; the experts' hidden width
  std::int64_t columns = 2;   ///< of a matrix; the experts' width
  double epsilon = 0.1;       ///< e, in the units of P in P' = -γ P + g
  double gamma = 1;
  double horizon = 10;
  double dt = 0.05;              ///< of the discrete methods that are drawn beside the flow
  std::int64_t replicates = 20;  ///< random matrices and states behind each identity
  std::vector<std::int64_t> chaos_particles = {16, 32, 64, 128, 256};
  std::int64_t chaos_replicates = 128;
  std::int64_t chaos_reference = 20000;  ///< particles that stand for the mean field
};

void describe(study::Description& description, FlowSpec& spec);
/// Error{usage} for settings that do not go together.
void require_consistent(const FlowSpec& spec);

/// The objective that the spec describes, drawn from its seed.
std::unique_ptr<Objective> objective_of(const FlowSpec& spec);
/// N particles W ~ N(0, 1/columns) by entry, momenta 0; `purpose` and `index` name the draw.
State start_of(const FlowSpec& spec, const Objective& objective, base::Index particles, const char* purpose,
               std::int64_t index);

}  // namespace starling::muon
