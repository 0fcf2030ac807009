#pragma once
#include <algorithm>
#include <cmath>
#include <numbers>
#include <span>
#include <string>
#include <vector>

#include "starling/base/matrix.h"
#include "starling/base/random.h"
#include "starling/nets/mlp.h"

namespace starling::nets {

inline double act(Activation kind, double x) {
  switch (kind) {
    case Activation::silu:
      return x / (1 + std::exp(-x));
    case Activation::gelu:
      return 0.5 * x * (1 + std::erf(x / std::numbers::sqrt2));
    case Activation::tanh:
      return std::tanh(x);
    case Activation::relu:
      return std::max(x, 0.0);
    case Activation::erf:
      return std::erf(x / std::numbers::sqrt2);
    case Activation::sigmoid:
      return 1 / (1 + std::exp(-x));
    case Activation::softplus:
      return std::log1p(std::exp(x));
    case Activation::linear:
      return x;
  }
  return 0;
}

inline constexpr Activation all_activations[] = {Activation::silu,     Activation::gelu,  Activation::tanh,
                                                 Activation::relu,     Activation::erf,   Activation::sigmoid,
                                                 Activation::softplus, Activation::linear};

/// A batch with parameters, all drawn from one seed.
template <class T>
struct Batch {
  Mlp<T> network;
  std::vector<T> parameters, gradient, guidance;
  std::vector<std::int32_t> labels;
  base::Points<T> x, out, d_out;
  typename Mlp<T>::Workspace workspace;

  Batch(const MlpSpec& spec, base::Index rows)
      : network(spec),
        parameters(static_cast<std::size_t>(network.parameter_count())),
        gradient(parameters.size()),
        x(rows, spec.inputs),
        d_out(rows, spec.outputs) {
    base::Stream stream(5, 0, "test network");
    network.initialise(stream, parameters);
    stream.fill_normal(std::span<T>(x.data(), static_cast<std::size_t>(x.size())));
    stream.fill_normal(std::span<T>(d_out.data(), static_cast<std::size_t>(d_out.size())));
    for (base::Index i = 0; i < rows; ++i) {
      if (spec.classes > 0) {
        labels.push_back(static_cast<std::int32_t>(stream.below(static_cast<std::uint64_t>(spec.classes))));
      }
      if (spec.guidance) guidance.push_back(static_cast<T>(stream.normal()));
    }
  }
  void forward() { network.forward(parameters, x, labels, guidance, workspace, out); }
  void backward() { network.backward(parameters, workspace, d_out, gradient); }
  double loss() {
    forward();
    return out.template cast<double>().cwiseProduct(d_out.template cast<double>()).sum();
  }
};

/// The definition, one row at a time in double; blocks are looked up by name.
template <class T>
std::vector<double> reference_row(const Batch<T>& b, base::Index row) {
  const MlpSpec& spec = b.network.spec();
  const auto block = [&](const std::string& name) {
    const auto found = std::find_if(b.network.blocks().begin(), b.network.blocks().end(),
                                    [&](const Block& candidate) { return candidate.name == name; });
    return b.parameters.data() + found->offset;
  };
  std::vector<double> a;
  for (base::Index j = 0; j < spec.inputs; ++j) a.push_back(static_cast<double>(b.x(row, j)));
  if (spec.guidance) a.push_back(static_cast<double>(b.guidance[static_cast<std::size_t>(row)]));
  for (base::Index l = 0; l <= spec.layers; ++l) {
    const bool last = l == spec.layers;
    const std::string layer = "layers." + std::to_string(l);
    const T* weight = block(layer + ".weight");
    const T* bias = block(layer + ".bias");
    std::vector<double> next;
    for (base::Index o = 0; o < (last ? spec.outputs : spec.width); ++o) {
      double z = static_cast<double>(bias[o]);
      for (std::size_t j = 0; j < a.size(); ++j)
        z += a[j] * static_cast<double>(weight[static_cast<std::size_t>(o) * a.size() + j]);
      if (l == 0 && spec.classes > 0) {
        z += static_cast<double>(
            block("classes.weight")[b.labels[static_cast<std::size_t>(row)] * spec.width + o]);
      }
      const double skip = spec.residual && l > 0 && !last ? a[static_cast<std::size_t>(o)] : 0;
      next.push_back(last ? z : act(spec.activation, z) + skip);
    }
    a = next;
  }
  return a;
}

}  // namespace starling::nets
