#pragma once
#include <cstddef>
#include <span>
#include <vector>

namespace starling::optim {

/// Lion (Chen et al., "Symbolic discovery of optimization algorithms", 2023, program 1).
struct LionSpec {
  double beta1 = 0.9, beta2 = 0.99;  ///< in [0, 1)
  double decay = 0;                  ///< decoupled
};

template <class T>
struct LionState {
  std::vector<T> momentum;

  explicit LionState(std::size_t parameters) : momentum(parameters, T(0)) {}
};

/// parameters = (1 - rate decay) parameters - rate sign(β1 m + (1 - β1) g); m = β2 m + (1 - β2) g. All of one
/// length. The sign of 0 is 0.
template <class T>
void lion_step(const LionSpec& spec, double rate, std::span<T> parameters, std::span<const T> gradient,
               LionState<T>& state) {
  const T b1 = static_cast<T>(spec.beta1), b2 = static_cast<T>(spec.beta2);
  const T step = static_cast<T>(rate), keep = static_cast<T>(1 - rate * spec.decay);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const T g = gradient[i], m = state.momentum[i], u = b1 * m + (T(1) - b1) * g;
    parameters[i] = keep * parameters[i] - step * static_cast<T>((u > T(0)) - (u < T(0)));
    state.momentum[i] = b2 * m + (T(1) - b2) * g;
  }
}

}  // namespace starling::optim
