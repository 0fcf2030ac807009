#pragma once
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

namespace starling::optim {

/// AdamW (Loshchilov & Hutter, "Decoupled weight decay regularization", 2019, algorithm 2).
struct AdamWSpec {
  double beta1 = 0.9, beta2 = 0.999;  ///< in [0, 1)
  double epsilon = 1e-8;              ///< > 0
  double decay = 0;                   ///< decoupled; 0 is Adam
};

template <class T>
struct AdamWState {
  std::vector<T> first, second;  ///< running means of the gradient and of its square
  std::int64_t step = 0;

  explicit AdamWState(std::size_t parameters) : first(parameters, T(0)), second(parameters, T(0)) {}
};

/// One step at learning rate `rate`; parameters, gradient and state have one length.
template <class T>
void adamw_step(const AdamWSpec& spec, double rate, std::span<T> parameters, std::span<const T> gradient,
                AdamWState<T>& state) {
  ++state.step;
  const double n = static_cast<double>(state.step);
  const T b1 = static_cast<T>(spec.beta1), b2 = static_cast<T>(spec.beta2);
  const T step = static_cast<T>(rate / (1 - std::pow(spec.beta1, n)));
  const T correction = static_cast<T>(1 / (1 - std::pow(spec.beta2, n)));
  const T keep = static_cast<T>(1 - rate * spec.decay), epsilon = static_cast<T>(spec.epsilon);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const T g = gradient[i];
    state.first[i] = b1 * state.first[i] + (T(1) - b1) * g;
    state.second[i] = b2 * state.second[i] + (T(1) - b2) * g * g;
    parameters[i] =
        keep * parameters[i] - step * state.first[i] / (std::sqrt(state.second[i] * correction) + epsilon);
  }
}

extern template void adamw_step(const AdamWSpec&, double, std::span<float>, std::span<const float>,
                                AdamWState<float>&);
extern template void adamw_step(const AdamWSpec&, double, std::span<double>, std::span<const double>,
                                AdamWState<double>&);

}  // namespace starling::optim
