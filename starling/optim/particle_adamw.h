#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace starling::optim {

/// What AdamW divides a particle's momentum by. A particle (an attention head) is made of blocks (its
/// matrices).
enum class SecondMomentScope {
  element,     ///< every entry by its own running mean of squares: Adam
  block_sum,   ///< a block by that of its sum of squares: a step of at most about the rate, whatever the size
  block_mean,  ///< a block by that of its mean square (Adam-mini, arXiv:2406.16793)
  head_sum     ///< all blocks of a particle by that of the sum of all squares
};

/// "element", "block_sum", "block_mean" or "head_sum"; Error{usage} for another name.
SecondMomentScope second_moment(std::string_view name);
std::string name_of(SecondMomentScope kind);

/// AdamW with decoupled decay that multiplies the rate: θ ← θ - rate (decay θ + m̂ / (√v̂ + ε)).
struct ParticleAdamWSpec {
  double beta1 = 0.9, beta2 = 0.95;  ///< in [0, 1)
  double epsilon = 1e-2;             ///< > 0: as it vanishes, steps become signs, which have no limit
  double decay = 0.01;               ///< >= 0
  SecondMomentScope second = SecondMomentScope::element;
  bool bias_correction = true;  ///< m̂, v̂ = m / (1 - β1^t), v / (1 - β2^t), t from 1
  /// What the gradient is multiplied by first. Gradients that shrink with a network's size, s times those of
  /// the mean field, take the steps of the mean field's ε where ε is multiplied by s too.
  double gradient_scale = 1;
};

/// Throws Error{usage} that names the field, its value and what is expected.
void validate(const ParticleAdamWSpec& spec);

/// Parameters lie as [particle][block][entry][lane]; lanes are networks of their own.
struct ParticleLayout {
  std::ptrdiff_t particles = 0, blocks = 0, block_size = 0, lanes = 1;

  std::ptrdiff_t size() const { return particles * blocks * block_size * lanes; }
  /// Numbers of the second moment.
  std::ptrdiff_t second_size(SecondMomentScope kind) const;
};

template <class T>
struct ParticleAdamWState {
  std::vector<T> first, second;
  std::int64_t step = 0;

  ParticleAdamWState(const ParticleLayout& layout, SecondMomentScope kind)
      : first(static_cast<std::size_t>(layout.size()), T(0)),
        second(static_cast<std::size_t>(layout.second_size(kind)), T(0)) {}
};

/// One step at `rate` of `layout.size()` parameters and gradients. The bytes do not depend on where they lie
/// in memory, nor, in a lane, on the others.
template <class T>
void particle_adamw_step(const ParticleAdamWSpec& spec, double rate, const ParticleLayout& layout,
                         T* parameters, const T* gradient, ParticleAdamWState<T>& state);

}  // namespace starling::optim
