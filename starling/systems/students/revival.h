#pragma once
#include "starling/base/random.h"
#include "starling/systems/students/landscape.h"

namespace starling::students {

/// Gives every dead neuron of a relu student (w = 0, which contributes nothing whatever its outgoing weight)
/// small weights |w| = |a| = `size` along a random direction u, a with the sign that lowers the loss:
///   φ(u) = E[(f - f*) max(u.x, 0)],  a small neuron (ε u, a) changes the loss by 2 a ε φ(u).
/// A direction chosen by symmetry, the steepest say, would lead into saddles. Returns how many it revived.
base::Index revive(const Landscape& landscape, Neurons& student, double size, base::Stream stream);

}  // namespace starling::students
