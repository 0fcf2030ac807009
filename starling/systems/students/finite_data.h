#pragma once
#include "starling/base/random.h"
#include "starling/systems/students/compression.h"
#include "starling/systems/students/landscape.h"

namespace starling::students {

/// The neuron function that a kernel averages. Error{usage} for one that networks do not have (phi,
/// quadratic, he2, cubic, sin, cos, exp).
nets::Activation activation_of_networks(Activation activation);

/// A student without biases fitted on samples, and how far it went.
struct SampleFit {
  Neurons student;
  Fit fit;
};

/// The student that minimises the loss over `samples` draws x ~ N(0, I) with the teacher's answers, from
/// `start` on: the finite-data twin of a critical point of the landscape. Its squared distance to the
/// population's solution falls as 1/samples when that is a non-degenerate minimum (M-estimation: van der
/// Vaart, Asymptotic Statistics, 1998, theorem 5.23). Error{usage} for samples < 1 and as
/// activation_of_networks.
SampleFit fit_on_samples(const Landscape& landscape, const Neurons& start, base::Index samples,
                         base::Stream& stream, const PolishSpec& spec = {.steps = 200, .tolerance = 1e-10});

/// |w - w'|² + |a - a'|², neurons taken in order.
double squared_distance(const Neurons& one, const Neurons& other);

}  // namespace starling::students
