#pragma once
#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "starling/nets/jet_streams.h"

namespace starling::nets {

/// Smooth activations of a network that is differentiated in its inputs; z is the pre-activation.
enum class JetActivation {
  tanh,
  sin,
  softplus,  ///< log(1 + e^z)
  gelu,      ///< z Φ(z), exact
  silu,      ///< z / (1 + e^-z)
  erf        ///< erf(z), without the factor 1/√2 of nets::Activation
};

/// The activation of that name; Error{usage} with the nearest names.
JetActivation parse_jet_activation(const std::string& name);

/// An input of a network: a coordinate, or cos(frequency · x + phase), which makes a network periodic or
/// sharpens its eye for short waves (random Fourier features). A sine is a cosine of phase -π/2.
struct JetFeature {
  bool wave = false;
  int axis = 0;                               ///< of a coordinate
  std::array<double, most_axes> frequency{};  ///< of a wave
  double phase = 0;
};

/// The widths of a dense network from inputs to outputs, {2, 50, 50, 1}; the last layer is linear. Parameters
/// are one flat vector: for every layer its weight (outputs, inputs), row-major, then its bias.
struct JetNetwork {
  std::vector<std::ptrdiff_t> widths{};
  JetActivation activation = JetActivation::tanh;
  std::vector<JetFeature> features{};  ///< the inputs, in order; the coordinates themselves when empty

  std::ptrdiff_t layers() const { return static_cast<std::ptrdiff_t>(widths.size()) - 1; }
  std::ptrdiff_t parameter_count() const;
  std::ptrdiff_t weight(std::ptrdiff_t layer) const;  ///< where the layer's weight begins
  std::ptrdiff_t bias(std::ptrdiff_t layer) const;
};

}  // namespace starling::nets
