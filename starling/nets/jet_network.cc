#include "starling/nets/jet_network.h"

#include <array>

#include "starling/base/error.h"

namespace starling::nets {
namespace {

constexpr std::size_t index(std::ptrdiff_t i) {
  return static_cast<std::size_t>(i);
}

}  // namespace

JetActivation parse_jet_activation(const std::string& name) {
  static const std::array<std::string, 6> names{"tanh", "sin", "softplus", "gelu", "silu", "erf"};
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == name) return static_cast<JetActivation>(i);
  }
  throw base::Error(base::ErrorKind::usage,
                    "unknown activation '" + name + "'" + base::suggestion(name, names));
}

std::ptrdiff_t JetNetwork::weight(std::ptrdiff_t layer) const {
  std::ptrdiff_t offset = 0;
  for (std::ptrdiff_t l = 0; l < layer; ++l) offset += (widths[index(l)] + 1) * widths[index(l + 1)];
  return offset;
}
std::ptrdiff_t JetNetwork::bias(std::ptrdiff_t layer) const {
  return weight(layer) + widths[index(layer)] * widths[index(layer + 1)];
}
std::ptrdiff_t JetNetwork::parameter_count() const {
  return weight(layers());
}

}  // namespace starling::nets
