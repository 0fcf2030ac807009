#pragma once
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "starling/study/store.h"
#include "starling/systems/muon/learner.h"

namespace starling::muon {

/// What a network's matrices did in one step.
struct MatrixMeasures {
  std::vector<std::pair<std::string, double>> numbers;  ///< by name of the series
  std::vector<double> momentum;  ///< singular values of all momenta; empty where the rule has none
  std::vector<double> update;    ///< of all changes, over the rate
};

/// Watches the matrices that a rule steps: spectra, orthogonality, energies, cycles, curvature along the
/// step.
///
/// With M the running mean of the gradient, γ = (1 - β)/rate and c the shape's scale, the flow behind Muon
/// has H = J + (c/γ) Σ Ψ_e(M), and H + Σ <M, -change> is constant (flow.h) where rates are small, batches
/// whole, e absolute, all parameters matrices, and there is no Nesterov and no decay. Elsewhere its change
/// says how far a run is from that.
class MatrixMonitor {
 public:
  MatrixMonitor(const TrainSpec& spec, const std::vector<optim::TrainedBlock>& blocks);

  bool watches_anything() const { return !blocks_.empty(); }
  /// To be called after every step, with the change before it.
  void after_step(LearnerState& state, std::span<const float> moved_before);
  /// The cosine between the last two changes of all matrices: near -1 in a cycle of period two.
  double step_cosine() const { return cosine_; }
  /// `loss`: J where the parameters are now. `curvature`: <change, H change>/|change|² of the last batch.
  MatrixMeasures measure(LearnerState& state, const StepReport& report, double loss, double curvature) const;
  /// The largest curvature that the last step's rate can bear, rate c (1 - β) h/e < 2 (1 + β), from the
  /// smallest e of the matrices; infinite where no theory is known.
  double stable_curvature(LearnerState& state, double rate) const;

 private:
  bool has_momenta() const;
  bool has_theory() const;  // of which the flow is known
  double factor_of(const optim::TrainedBlock& block) const;
  double epsilon_of(const Eigen::MatrixXd& momentum) const;
  template <class F>
  void each_momentum(LearnerState& state, F f) const;

  const TrainSpec& spec_;
  std::vector<optim::TrainedBlock> blocks_;  // matrices, each by itself
  double cosine_ = 0;
};

/// Keeps spectra for ridge lines, under the number of a step.
void record_spectra(study::Store& store, std::int64_t step, const MatrixMeasures& measures);
/// Draws them: one line a step, its height the density of the logarithm of the singular values.
void record_ridges(study::Store& store);

}  // namespace starling::muon
