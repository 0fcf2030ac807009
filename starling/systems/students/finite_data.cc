#include "starling/systems/students/finite_data.h"

#include <fmt/format.h>

#include "starling/base/error.h"

namespace starling::students {
namespace {

using base::Error;
using base::ErrorKind;
using base::Index;
using base::Points;
using base::Vector;

Network as_network(const Neurons& neurons, nets::Activation activation) {
  return {activation, neurons.w, Vector<double>::Zero(neurons.w.rows()), neurons.a, Vector<double>::Zero(1)};
}

}  // namespace

nets::Activation activation_of_networks(Activation activation) {
  switch (activation) {
    case Activation::erf:
      return nets::Activation::erf;
    case Activation::relu:
      return nets::Activation::relu;
    case Activation::gelu:
      return nets::Activation::gelu;
    case Activation::linear:
      return nets::Activation::linear;
    default:
      throw Error(ErrorKind::usage,
                  fmt::format("activation {}: networks have erf, relu, gelu and linear of the landscape's",
                              activation_names()[static_cast<std::size_t>(activation)]));
  }
}

SampleFit fit_on_samples(const Landscape& landscape, const Neurons& start, Index samples,
                         base::Stream& stream, const PolishSpec& spec) {
  landscape.check(start);
  if (samples < 1) throw Error(ErrorKind::usage, fmt::format("{} samples; expected at least 1", samples));
  const nets::Activation activation = activation_of_networks(landscape.activation());
  Points<double> x(samples, landscape.dimension());
  stream.fill_normal(std::span<double>(x.data(), static_cast<std::size_t>(x.size())));
  Points<double> y = outputs(as_network(landscape.teacher(), activation), x);
  const SampleLoss loss(as_network(start, activation), Biases::fixed, std::move(x), std::move(y));
  SampleFit out{{}, polish(loss, parameters_of(loss.shape(), Biases::fixed), spec)};
  const Network best = loss.network(out.fit.parameters);
  out.student = {best.w, best.a.col(0)};
  return out;
}

double squared_distance(const Neurons& one, const Neurons& other) {
  return (one.w - other.w).squaredNorm() + (one.a - other.a).squaredNorm();
}

}  // namespace starling::students
