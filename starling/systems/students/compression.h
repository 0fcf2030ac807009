#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "starling/optim/adamw.h"
#include "starling/optim/schedule.h"
#include "starling/systems/students/sample_loss.h"

namespace starling::students {

/// How far an optimiser went on one loss, and what it cost.
struct Fit {
  base::Vector<double> parameters{};
  double loss = 0;
  double gradient = 0;  ///< largest |∂L/∂parameter| at the end
  bool converged = false;
  bool is_minimum = false;  ///< converged, and the Hessian has no negative eigenvalue; only polish() knows
  std::int64_t steps = 0;
  std::int64_t passes = 0;  ///< over the samples: gradients and Hessian-vector products, one each; a dense
                            ///< step by its multiplications
  std::vector<double> losses{};  ///< at the start and after each step
};

/// When to stop polishing.
struct PolishSpec {
  std::int64_t steps = 500;
  double tolerance = 1e-7;  ///< converged: largest |∂L/∂parameter| at most this times the variance of y
};

/// Called before each pass over the samples with the loss last seen; may throw, for instance because the user
/// asked to stop.
using Watch = std::function<void(double loss)>;

/// Descends to a local minimum by a trust region with the exact Hessian: by products while 100 of them make a
/// step, then by the dense Hessian of up to 4096 parameters, by which it also leaves saddles. With more
/// parameters by products alone, to a stationary point.
/// Error{numerical} when the loss is lost at the start.
Fit polish(const SampleLoss& loss, const base::Vector<double>& start, const PolishSpec& spec,
           const Watch& watch = {});

/// Full-batch AdamW on the same loss, for comparison and for training a teacher. One step is one pass. Never
/// `converged`. Error{numerical} when the loss is lost.
Fit adamw(const SampleLoss& loss, const base::Vector<double>& start, const optim::Schedule& schedule,
          const optim::AdamWSpec& spec, const Watch& watch = {});

/// One optimum, and how the search came to it.
struct LocalOptimum {
  std::size_t best = 0;             ///< which fit is lowest in it
  std::vector<std::size_t> fits{};  ///< all that ended in it
  double loss = 0;
  double distance = 0;  ///< from the best optimum: 1/N Σ |f - f_best|²
};

/// Fits put together that are one optimum: their answers differ by 1/N Σ |f - g|² <= 1e-3 of the lower one's
/// loss (or 1e-12 of the variance of y). In order of loss, the best first.
std::vector<LocalOptimum> distinct_optima(const SampleLoss& loss, const std::vector<Fit>& fits);

/// |correlation| over the samples of each student neuron's activation with each teacher neuron's, (n, k); 0
/// for a neuron that is constant.
base::Points<double> neuron_correlations(const Network& student, const Network& teacher,
                                         const base::PointsRef<double>& x);

/// Which teacher neurons a small network's neuron stands for.
struct Role {
  std::vector<base::Index> teachers;  ///< counted from 0, closest first
  double closest = 0;                 ///< largest correlation among them
  std::string text() const;           ///< "copies 17", "averages 3, 9, 21", "stands for none"
};

/// Each teacher neuron goes to the student neuron it correlates with most, when that is at least 0.5; one
/// role a student neuron.
std::vector<Role> roles(const base::Points<double>& correlations);

}  // namespace starling::students
