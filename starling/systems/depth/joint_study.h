#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "starling/systems/depth/head_law.h"
#include "starling/systems/depth/training.h"

namespace starling::depth {

/// How far networks of L layers and H heads, drawn from a law and trained, are from their limit: the joint
/// table of errors over (L, H) and the laws fitted to it.
struct JointStudySpec {
  std::vector<Index> layers = {4, 8, 16, 32, 64}, heads = {1, 4, 16};
  std::vector<Index> watch = {0, 1, 10, 50};  ///< steps of AdamW before which errors are measured
  Index replicas = 96;                        ///< networks of a cell; at least 2
  Optimiser optimiser{};
  bool causal = false;
  kernels::Norm norm = kernels::Norm::none;
  Index neurons_per_head = 0;   ///< where the law has neurons, and there alone
  Index reference_layers = 32;  ///< the limit by Richardson from this many layers, twice and four times
  Index resamples = 400;        ///< of the bootstrap; at least 2
  double confidence = 0.95;
  std::uint64_t seed = 1;
};

struct Estimate {
  double value = 0, standard_error = 0, lower = 0, upper = 0;
};

/// The errors of one kind at one step, of all replicas of a cell: mean_i |x_i - X_i|² each.
struct ErrorSample {
  std::vector<double> squares;
  Estimate mean;            ///< with Student's interval
  double mean_largest = 0;  ///< mean over replicas of max_i |x_i - X_i|²
};

struct JointCell {
  Index layers = 0, heads = 0;
  std::vector<ErrorSample> hidden;   ///< of x_L, by watch
  std::vector<ErrorSample> adjoint;  ///< of P = tokens ∂loss/∂x_0
  std::vector<double> loss;          ///< mean over replicas
};

/// log err² ≈ c + layers log L + heads log H by least squares, and err² ≈ a/L² + b/(L H) by weighted least
/// squares, weights the inverse squares of the errors' standard errors. Intervals by the bootstrap over
/// replicas within cells. The theorem's bound, L^-1 + L^-1/3 H^-1/2, would have -2/3 and -1; the sum of
/// independent fluctuations -1 and -1.
struct RateFit {
  Estimate layers, heads, a, b;
};

struct JointStudy {
  std::vector<Snapshot> limit;  ///< X, P and loss of the limit, by watch
  std::vector<JointCell> cells;
  std::vector<RateFit> hidden, adjoint;  ///< by watch
};

/// The limit alone: Richardson's extrapolation of stratified networks, by watch.
std::vector<Snapshot> trained_limit(const JointStudySpec& spec, const HeadLaw& law, Index tokens,
                                    std::span<const double> x, std::span<const double> y);

/// The stratified network of that many layers, by watch: what drawn networks of that depth fluctuate about.
std::vector<Snapshot> stratified_network(const JointStudySpec& spec, const HeadLaw& law, Index layers,
                                         Index tokens, std::span<const double> x, std::span<const double> y);

/// One cell against a reference, by watch: trained_limit() or stratified_network(). `task` names the cell's
/// random streams.
JointCell measure_cell(const JointStudySpec& spec, const HeadLaw& law, Index layers, Index heads,
                       std::uint32_t task, Index tokens, const std::vector<Snapshot>& reference,
                       std::span<const double> x, std::span<const double> y);

/// Root mean square over networks, drawn from the law and not trained, of the largest |x_i - X_i| over all
/// inputs and tokens. `inputs` holds sequences of `tokens`, one after another; X is the limit of each.
Estimate largest_error(const HeadLaw& law, Index layers, Index heads, Index networks, Index tokens,
                       std::span<const double> inputs, std::uint64_t seed, double confidence = 0.95);

/// The whole study, on all threads; the bytes do not depend on their number. Error{usage} for lists that are
/// empty or do not fit, else as train().
JointStudy study_jointly(const JointStudySpec& spec, const HeadLaw& law, Index tokens,
                         std::span<const double> x, std::span<const double> y);

}  // namespace starling::depth
