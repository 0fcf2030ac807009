#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "starling/nets/jets.h"
#include "starling/optim/block_optimizer.h"
#include "starling/optim/schedule.h"
#include "starling/study/spec_file.h"

namespace starling::pinn {

/// What a solution is compared with. `exact` is what the equations' text says by `exact u = ...`, if it does.
enum class ReferenceKind {
  exact,
  burgers,
  allen_cahn,
  kuramoto_sivashinsky,
  zabusky_kruskal,
  soliton,
  two_solitons,
  kovasznay,
  schroedinger,
  table
};

/// Where the points of the equations come from.
enum class Sampling {
  fixed,    ///< one even set
  renewed,  ///< another even set every `renew_every` steps
  adaptive  ///< drawn from a pool by the size of their residuals (Wu et al., CMAME 403, 2023: RAD)
};

/// When a training ends before its steps are done.
enum class Stop {
  rest,     ///< where rounding allows no further step
  held_out  ///< also where the loss at points held out has not fallen for a while; the best parameters are
            ///< kept
};

/// How the equations are asked to hold.
enum class EquationForm {
  collocation,  ///< at points
  variational   ///< against test functions on elements, by parts; see weak_form.h
};

enum class SolveMethod { none, lbfgs, bfgs, ssbfgs, ssbroyden, levenberg_marquardt, gauss_newton };

/// What sets the weights of the loss' terms while first-order steps run, a running mean of 0.9 of it: the sum
/// of all terms' sizes over the term's own.
enum class Balance {
  none,       ///< the spec's weights
  gradients,  ///< size is the norm of the term's gradient (Wang, Teng & Perdikaris, SIAM J. Sci. Comput. 43,
              ///< 2021)
  kernels     ///< the mean diagonal of its tangent kernel (Wang, Yu & Perdikaris, J. Comput. Phys. 449, 2022)
};

struct ProblemSpec {
  std::string equation{};  ///< see parse_system
  ReferenceKind reference = ReferenceKind::exact;
  std::string table{};  ///< columns: the axes, then the quantities
  std::string data{};   ///< measurements to be fitted, of the same columns
  double data_weight = 1;
  double noise = 0;  ///< standard deviation of the measurements; 0: not known
};

struct PointsSpec {
  std::int64_t interior = 2000, condition = 200;
  double condition_weight = 100;
  Sampling sampling = Sampling::fixed;
  std::int64_t renew_every = 500, pool = 20000;
  double power = 1, offset = 1;  ///< probabilities of |r|^power / mean + offset
  double causal = 0;             ///< ε of the weights e^(-ε Σ of the losses before) in time; 0: none
  std::int64_t chunks = 16;
  EquationForm form = EquationForm::collocation;
  std::vector<std::int64_t> elements{1};    ///< equal ones along each axis, one number for all
  std::int64_t tests = 10, quadrature = 0;  ///< of an element along an axis; 0: tests + 16 Gauss points
};

struct SolverSpec {
  optim::Rule first = optim::Rule::adamw;  ///< of the first `adam_steps`
  std::int64_t adam_steps = 0;
  double adam_rate = 1e-3;
  optim::Decay adam_decay = optim::Decay::constant;
  double weight_decay = 0;  ///< of first-order steps; Adam with it is AdamW
  Balance balance = Balance::none;
  std::int64_t balance_every = 100;
  SolveMethod method = SolveMethod::ssbroyden;
  std::int64_t steps = 2000;
  std::int64_t memory = 50;  ///< pairs of lbfgs
  std::string schedule{};    ///< phases in place of first, adam_steps, method and steps; see phases_of
  std::int64_t windows = 1;  ///< of time, one after another
  std::string curriculum{};  ///< easier values of `param`s that come first; see stages_of
  Stop stop = Stop::rest;
  double held_out = 0.1;        ///< share of all points
  std::int64_t patience = 500;  ///< steps of the last phase
  std::int64_t checkpoint_every = 500, measurements = 40;
};

/// The spec of `pinn`'s solve job: equations, a network, points, and the phases of its training.
struct SolveSpec {
  study::Common common{.system = "pinn", .job = "solve", .seed = 1};
  ProblemSpec problem;
  std::int64_t width = 20, layers = 3;  ///< hidden ones
  nets::JetActivation activation = nets::JetActivation::tanh;
  std::int64_t waves = 1;  ///< of a periodic axis
  PointsSpec points;
  SolverSpec solver;
};

void describe(study::Description& description, SolveSpec& spec);

}  // namespace starling::pinn
