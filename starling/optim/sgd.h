#pragma once
#include <cstddef>
#include <span>
#include <vector>

namespace starling::optim {

/// Stochastic gradient descent with heavy-ball momentum (Polyak, 1964), decay decoupled as in AdamW.
struct SgdSpec {
  double momentum = 0;  ///< in [0, 1); 0 is plain descent
  double decay = 0;     ///< decoupled
};

template <class T>
struct SgdState {
  std::vector<T> velocity;

  explicit SgdState(std::size_t parameters) : velocity(parameters, T(0)) {}
};

/// velocity = momentum velocity + gradient; parameters = (1 - rate decay) parameters - rate velocity. All of
/// one length.
template <class T>
void sgd_step(const SgdSpec& spec, double rate, std::span<T> parameters, std::span<const T> gradient,
              SgdState<T>& state) {
  const T momentum = static_cast<T>(spec.momentum), step = static_cast<T>(rate);
  const T keep = static_cast<T>(1 - rate * spec.decay);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    state.velocity[i] = momentum * state.velocity[i] + gradient[i];
    parameters[i] = keep * parameters[i] - step * state.velocity[i];
  }
}

}  // namespace starling::optim
