#pragma once
#include <memory>
#include <span>
#include <vector>

#include "starling/optim/block_optimizer.h"
#include "starling/optim/particle_adamw.h"
#include "starling/systems/depth/network.h"

namespace starling::depth {

/// In which units AdamW's ε stands: those of the mean field's gradient, L^α H ∂loss/∂θ, which is O(1) in L
/// and H, or of ∂loss/∂θ itself, which shrinks, so that one ε means ever flatter descent as networks grow.
enum class EpsilonUnits { mean_field, raw };

/// What steps the particles of a network along the mean field's gradients: each by itself, so that there is a
/// limit as they grow in number.
struct Optimiser {
  double rate = 0.02;
  optim::ParticleAdamWSpec adam{};  ///< its gradient_scale is set by `units`
  EpsilonUnits units = EpsilonUnits::mean_field;
  /// A rule other than adamw takes the place of `adam`, but for its betas and its decay: rules of matrices
  /// step Q, K, V and O of every head, and leave neurons to AdamW.
  optim::TrainerSpec other{};
};

/// Throws Error{usage} that names the field, its value and what is expected.
void validate(const Optimiser& optimiser);

/// ε in the mean field's units, whatever units the spec gives it in.
double mean_field_epsilon(const NetworkSpec& network, const Optimiser& optimiser);

/// The optimiser of one network, or of one in every lane of [entry][lane].
class ParticleStepper {
 public:
  /// `keep_going`: networks whose gradients are not finite become NaN, each by itself, instead of an error.
  ParticleStepper(const NetworkSpec& network, const Optimiser& optimiser, Index lanes, bool keep_going);
  ~ParticleStepper();

  /// One step of layout [layer][head][Q, K, V, O], then neurons. Error{numerical} that names step, layer and
  /// head for a gradient that is not finite.
  void step(std::span<double> weights, std::span<const double> gradient);

 private:
  struct Species;
  struct Matrices;
  [[noreturn]] void report(std::span<const double> gradient) const;

  HeadShape shape_;
  double rate_;
  Index lanes_, steps_ = 0;
  bool keep_going_;
  std::vector<Species> species_;    // of AdamW
  std::vector<Matrices> networks_;  // of another rule, one a lane
};

}  // namespace starling::depth
