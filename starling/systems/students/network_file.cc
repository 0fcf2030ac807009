#include "starling/systems/students/network_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "starling/base/atomic_file.h"
#include "starling/base/error.h"
#include "starling/data/array_file.h"
#include "starling/data/bytes.h"
#include "starling/data/npz.h"
#include "starling/data/safetensors.h"

namespace starling::students {
namespace {

using base::Index;
using base::Points;
using base::Vector;
using data::fail_input;
using data::in_quotes;
using data::shape_text;

// All tensors of the file by name.
struct Contents : data::ArrayFile {
  [[noreturn]] void fail(const std::string& message) const {
    fail_input(name, fmt::format("{}; it holds {}; name the tensors with teacher.w, teacher.bias, teacher.a "
                                 "and teacher.c",
                                 message, listing()));
  }
};

// NAME.bias of NAME.weight; of a name that is no state dict's, `other`.
std::string bias_name(const std::string& weight, const std::string& other) {
  constexpr std::string_view ending = "weight";
  return weight.ends_with(ending) ? weight.substr(0, weight.size() - ending.size()) + "bias" : other;
}

// The bias that the file has beside a weight, or an empty name.
std::string bias_beside(const Contents& file, const std::string& weight) {
  const std::string name = bias_name(weight, "");
  return file.find(name) != nullptr ? name : std::string();
}

// Whether `hidden` can feed `outer`: (n, d) and (o, n), with biases (n) and (o) where there are any.
bool feeds(const Contents& file, const std::string& hidden, const std::string& outer) {
  const auto &h = file.find(hidden)->shape, &o = file.find(outer)->shape;
  const data::Array* bias = file.find(bias_beside(file, hidden));
  const data::Array* c = file.find(bias_beside(file, outer));
  return h[0] == o[1] && (bias == nullptr || bias->shape == std::vector<std::int64_t>{h[0]}) &&
         (c == nullptr || c->shape == std::vector<std::int64_t>{o[0]});
}

// "fc1.weight" as "fc.weight" and 1: layers that are numbered follow each other.
struct Numbered {
  std::string text, digits;
  explicit Numbered(const std::string& name) {
    for (const char letter : name) (letter >= '0' && letter <= '9' ? digits : text) += letter;
  }
  bool precedes(const Numbered& other) const {
    return text == other.text && !digits.empty() &&
           std::pair(digits.size(), digits) < std::pair(other.digits.size(), other.digits);
  }
};

WeightNames state_dict_names(const Contents& file) {
  std::vector<std::string> matrices;
  for (const auto& [name, tensor] : file.arrays)
    if (name.ends_with("weight") && tensor.shape.size() == 2) matrices.push_back(name);
  if (matrices.size() != 2)
    file.fail(
        fmt::format("found {} matrices named ...weight; expected 2, or tensors w and a", matrices.size()));
  bool forward = feeds(file, matrices[0], matrices[1]), back = feeds(file, matrices[1], matrices[0]);
  if (!forward && !back)
    file.fail(fmt::format("{} and {} do not make one hidden layer: expected (n, d) and (o, n)",
                          in_quotes(matrices[0]), in_quotes(matrices[1])));
  if (forward && back) {
    forward = Numbered(matrices[0]).precedes(Numbered(matrices[1]));
    back = Numbered(matrices[1]).precedes(Numbered(matrices[0]));
  }
  if (!forward && !back)
    file.fail(fmt::format("shapes do not tell which of {} and {} is the hidden layer", in_quotes(matrices[0]),
                          in_quotes(matrices[1])));
  const std::string &w = matrices[forward ? 0 : 1], &a = matrices[forward ? 1 : 0];
  return {.w = w, .bias = bias_beside(file, w), .a = a, .c = bias_beside(file, a)};
}

// What the user named, completed by what stands beside it or by convention.
WeightNames complete(const Contents& file, WeightNames names) {
  if (names.w.empty() != names.a.empty()) file.fail("teacher.w and teacher.a: expected both or neither");
  if (names.w.empty()) {
    WeightNames found = file.find("w") != nullptr && file.find("a") != nullptr
                            ? WeightNames{.w = "w",
                                          .bias = file.find("bias") != nullptr ? "bias" : "",
                                          .a = "a",
                                          .c = file.find("c") != nullptr ? "c" : ""}
                            : state_dict_names(file);
    if (!names.bias.empty()) found.bias = names.bias;
    if (!names.c.empty()) found.c = names.c;
    names = found;
  } else {
    if (names.bias.empty()) names.bias = bias_beside(file, names.w);
    if (names.c.empty()) names.c = bias_beside(file, names.a);
  }
  for (const std::string& name : {names.w, names.bias, names.a, names.c})
    if (!name.empty() && file.find(name) == nullptr) file.fail(fmt::format("no tensor {}", in_quotes(name)));
  return names;
}

Points<double> matrix(const data::Array& tensor) {
  return Eigen::Map<const Points<double>>(tensor.values.data(), tensor.shape[0], tensor.shape[1]);
}

// A vector of `count` numbers, zero where the file has none.
Vector<double> vector(const Contents& file, const std::string& name, const char* what, Index count) {
  if (name.empty()) return Vector<double>::Zero(count);
  const data::Array& tensor = *file.find(name);
  if (tensor.shape != std::vector<std::int64_t>{count})
    file.fail(fmt::format("{} {} has shape {}; expected ({},)", what, in_quotes(name),
                          shape_text(tensor.shape), count));
  file.require_finite(name);
  return Eigen::Map<const Vector<double>>(tensor.values.data(), count);
}

// (n, o) from (n, o), (o, n) or (n); PyTorch's names mean (o, n) where both fit.
Points<double> outgoing(const Contents& file, Index n, NetworkLayout& layout) {
  const std::string& name = layout.names.a;
  data::Array tensor = *file.find(name);
  file.require_finite(name);
  layout.one_output = tensor.shape.size() == 1;
  if (layout.one_output) tensor.shape.push_back(1);
  const bool matrix_like = tensor.shape.size() == 2 && tensor.shape[0] > 0 && tensor.shape[1] > 0;
  const bool by_neuron = matrix_like && tensor.shape[0] == n, by_output = matrix_like && tensor.shape[1] == n;
  if (!by_neuron && !by_output)
    file.fail(fmt::format("outgoing weights {} have shape {}; expected ({}, outputs) or (outputs, {})",
                          in_quotes(name), shape_text(file.find(name)->shape), n, n));
  layout.outgoing_by_output = by_output && (!by_neuron || name.ends_with("weight"));
  const Points<double> table = matrix(tensor);
  return layout.outgoing_by_output ? Points<double>(table.transpose()) : table;
}

Container container_of(std::string_view name) {
  return name.ends_with(".npz") ? Container::npz : Container::safetensors;
}

}  // namespace

NetworkInFile parse_network(std::string_view bytes, std::string_view name, nets::Activation activation,
                            const WeightNames& names) {
  NetworkLayout layout;
  const Contents file{data::parse_arrays(bytes, name)};
  layout.container = container_of(name);
  layout.names = complete(file, names);
  layout.single = layout.container == Container::safetensors &&
                  std::ranges::any_of(file.arrays, [](const auto& one) { return one.second.type == "<f4"; });
  const data::Array& w = *file.find(layout.names.w);
  if (w.shape.size() != 2 || w.shape[0] < 1 || w.shape[1] < 1)
    file.fail(fmt::format("incoming weights {} have shape {}; expected (neurons, inputs), both at least 1",
                          in_quotes(layout.names.w), shape_text(w.shape)));
  file.require_finite(layout.names.w);
  Network network{activation, matrix(w), {}, {}, {}};
  network.bias = vector(file, layout.names.bias, "bias", network.neurons());
  network.a = outgoing(file, network.neurons(), layout);
  network.c = vector(file, layout.names.c, "output bias", network.outputs());
  return {std::move(network), layout};
}

NetworkInFile read_network(const std::filesystem::path& path, nets::Activation activation,
                           const WeightNames& names) {
  return parse_network(base::read_file(path), path.string(), activation, names);
}

std::string encode_network(const Network& network, NetworkLayout layout) {
  if (layout.names.bias.empty() && !network.bias.isZero(0))
    layout.names.bias = bias_name(layout.names.w, "bias");
  if (layout.names.c.empty() && !network.c.isZero(0)) layout.names.c = bias_name(layout.names.a, "c");
  const Points<double> a = layout.outgoing_by_output ? Points<double>(network.a.transpose()) : network.a;
  const std::vector<std::int64_t> shape_of_a =
      layout.one_output ? std::vector<std::int64_t>{a.size()} : std::vector<std::int64_t>{a.rows(), a.cols()};
  struct Part {
    const std::string& name;
    std::vector<std::int64_t> shape;
    std::span<const double> numbers;
  };
  const auto span = [](const auto& m) {
    return std::span<const double>(m.data(), static_cast<std::size_t>(m.size()));
  };
  const std::vector<Part> parts = {{layout.names.w, {network.neurons(), network.inputs()}, span(network.w)},
                                   {layout.names.bias, {network.neurons()}, span(network.bias)},
                                   {layout.names.a, shape_of_a, span(a)},
                                   {layout.names.c, {network.outputs()}, span(network.c)}};
  std::vector<data::NpzEntry> entries;
  data::TensorFile file;
  for (const Part& part : parts) {
    if (part.name.empty()) continue;
    if (layout.container == Container::npz) {
      entries.push_back({part.name, data::encode_npy(part.shape, part.numbers)});
    } else if (layout.single) {
      const std::vector<float> numbers(part.numbers.begin(), part.numbers.end());
      file.tensors.push_back(data::make_tensor<float>(part.name, part.shape, numbers));
    } else {
      file.tensors.push_back(data::make_tensor<double>(part.name, part.shape, part.numbers));
    }
  }
  return layout.container == Container::npz ? data::encode_npz(entries) : data::encode_safetensors(file);
}

std::string extension_of(Container container) {
  return container == Container::npz ? ".npz" : ".safetensors";
}

}  // namespace starling::students
