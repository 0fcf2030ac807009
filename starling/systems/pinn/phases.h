#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "starling/systems/pinn/solve_spec.h"

namespace starling::pinn {

/// A part of a training: steps of a first-order rule, or of a method that keeps a curvature.
struct Phase {
  std::optional<optim::Rule> rule{};  ///< else `method`
  SolveMethod method = SolveMethod::none;
  std::int64_t steps = 0;
  double rate = 0;  ///< of a rule
  optim::Decay decay = optim::Decay::constant;
};

/// The names that a spec gives to rules and methods.
const std::vector<std::pair<std::string, optim::Rule>>& rule_names();
const std::vector<std::pair<std::string, SolveMethod>>& method_names();

/// What a training goes through, in order, at least one phase: those of `train.schedule` where it is given,
///
///     muon 500 0.02 cosine, adam 1000, ssbroyden 3000
///
/// a name, its steps, and of a rule the rate and its decay where they are not those of the spec; otherwise
/// `adam_steps` of `first`, then `steps` of `method`. Error{usage} with the number and text of a phase.
std::vector<Phase> phases_of(const SolverSpec& spec);

/// Values of `param`s in place of those of an equation's text.
using Coefficients = std::map<std::string, double>;

/// The stages of `train.curriculum`, each of which goes through all phases from where the one before ended,
///
///     b 10 20 30, nu 0.1 0.03 0.01
///
/// names, and as many values of each. The last stage has no values: its equations are the text's.
/// Error{usage} with the text that is wrong; what is a `param` is not known here.
std::vector<Coefficients> stages_of(const SolverSpec& spec);

/// The steps of all phases, in every window and stage.
std::int64_t all_steps(const SolverSpec& spec);

}  // namespace starling::pinn
