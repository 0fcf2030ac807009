#pragma once
#include "starling/base/random.h"
#include "starling/systems/students/network.h"

namespace starling::students::testing {

inline base::Points<double> normal_table(base::Index rows, base::Index columns, std::uint64_t index) {
  base::Stream stream(7, 0, "test table", index);
  base::Points<double> out(rows, columns);
  stream.fill_normal(std::span<double>(out.data(), static_cast<std::size_t>(out.size())));
  return out;
}

inline Network random_network(nets::Activation activation, base::Index n, base::Index d, base::Index o,
                              std::uint64_t index) {
  return {activation, normal_table(n, d, 4 * index), normal_table(n, 1, 4 * index + 1),
          normal_table(n, o, 4 * index + 2), normal_table(o, 1, 4 * index + 3)};
}

inline constexpr nets::Activation all_activations[] = {
    nets::Activation::silu, nets::Activation::gelu,    nets::Activation::tanh,     nets::Activation::relu,
    nets::Activation::erf,  nets::Activation::sigmoid, nets::Activation::softplus, nets::Activation::linear};

}  // namespace starling::students::testing
