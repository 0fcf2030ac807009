#pragma once
#include "starling/study/system.h"

namespace oscillators {

/// Kuramoto's coupled oscillators: dθ_i/dt = ω_i + (K/N) Σ_j sin(θ_j - θ_i), the frequencies ω_i of a Cauchy
/// law of half-width γ. Source: Y. Kuramoto, Chemical Oscillations, Waves, and Turbulence, 1984.
const starling::study::System& system();

}  // namespace oscillators
