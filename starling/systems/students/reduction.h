#pragma once
#include <optional>

#include "starling/systems/students/landscape.h"

namespace starling::students {

/// Whether σ(-h) = -σ(h): a neuron may then change the signs of w and a together.
bool is_odd(Activation activation);

/// Whether σ(s h) = s σ(h) for s > 0: only a |w| matters then.
bool is_homogeneous_of_degree_one(Activation activation);

/// A student without what it does not need.
struct Reduced {
  Neurons student;
  base::Index dead = 0;    ///< neurons dropped because they contribute nothing
  base::Index merged = 0;  ///< neurons that did another one's work
};

/// Drops neurons whose own power a² E[σ(w.x)²] is below 1e-6, and adds the outgoing weights of neurons that
/// are alike: |w_i - w_j| within 30% of the larger, for odd activations also |w_i + w_j|, for homogeneous
/// ones in direction alone. arXiv:2311.01644 counts neither as a neuron of the solution. Outgoing weights
/// that are fixed are left alone.
Reduced reduce(const Landscape& landscape, const Neurons& student);

/// The same function in one form: relu neurons with a = ±1 (which takes the rescaling w → s w, a → a/s out of
/// the Hessian), odd neurons with a > 0.
Neurons canonical(const Landscape& landscape, Neurons student);

}  // namespace starling::students
