// The only file that includes ONNX and protocol buffers.
#include "starling/nets/onnx.h"

#include <fmt/format.h>
#include <onnx/onnx_pb.h>

#include <numbers>

#include "starling/base/error.h"
#include "starling/base/version.h"

namespace starling::nets {
namespace {

constexpr std::size_t most_bytes = (std::size_t{1} << 31U) - (std::size_t{1} << 20U);

// Nodes, each with one output of its own name. A node whose inputs are made in its argument list stands
// behind them, as ONNX wants.
class Graph {
 public:
  explicit Graph(onnx::GraphProto& graph) : graph_(graph) { graph_.set_name("generator"); }

  // An input or output of (batch, columns), or of one value a row for no columns.
  static void declare(onnx::ValueInfoProto* value, const std::string& name, int type, base::Index columns) {
    value->set_name(name);
    auto* tensor = value->mutable_type()->mutable_tensor_type();
    tensor->set_elem_type(type);
    tensor->mutable_shape()->add_dim()->set_dim_param("batch");
    if (columns > 0) tensor->mutable_shape()->add_dim()->set_dim_value(columns);
  }

  std::string input(const std::string& name, int type, base::Index columns) {
    declare(graph_.add_input(), name, type, columns);
    return name;
  }

  std::string constant(const std::string& name, std::span<const std::int64_t> shape,
                       std::span<const float> values) {
    auto* tensor = graph_.add_initializer();
    tensor->set_name(name);
    tensor->set_data_type(onnx::TensorProto::FLOAT);
    for (const std::int64_t extent : shape) tensor->add_dims(extent);
    tensor->set_raw_data(values.data(), values.size_bytes());
    return name;
  }
  std::string scalar(const std::string& name, double value) {
    const auto number = static_cast<float>(value);
    return constant(name, {}, {&number, 1});
  }

  onnx::NodeProto* add(const char* operation, const std::string& output,
                       std::initializer_list<std::string> inputs) {
    auto* node = graph_.add_node();
    node->set_op_type(operation);
    node->set_name(output);
    node->add_output(output);
    for (const std::string& name : inputs) node->add_input(name);
    return node;
  }
  std::string node(const char* operation, const std::string& output,
                   std::initializer_list<std::string> inputs) {
    add(operation, output, inputs);
    return output;
  }

  // x W^T + b
  std::string affine(const std::string& output, const std::string& x, const std::string& weight,
                     const std::string& bias) {
    auto* transposed = add("Gemm", output, {x, weight, bias})->add_attribute();
    transposed->set_name("transB");
    transposed->set_type(onnx::AttributeProto::INT);
    transposed->set_i(1);
    return output;
  }

  // (batch, columns) with the values (batch) as one more column.
  std::string with_column(const std::string& output, const std::string& matrix, const std::string& values) {
    auto* axes = graph_.add_initializer();
    axes->set_name("column_axis");
    axes->set_data_type(onnx::TensorProto::INT64);
    axes->add_dims(1);
    axes->add_int64_data(1);
    auto* axis =
        add("Concat", output, {matrix, node("Unsqueeze", values + ".column", {values, "column_axis"})})
            ->add_attribute();
    axis->set_name("axis");
    axis->set_type(onnx::AttributeProto::INT);
    axis->set_i(1);
    return output;
  }

 private:
  onnx::GraphProto& graph_;
};

std::string activate(Graph& graph, Activation kind, const std::string& name, const std::string& x) {
  switch (kind) {
    case Activation::silu:
      return graph.node("Mul", name, {x, graph.node("Sigmoid", name + ".sigmoid", {x})});
    case Activation::gelu: {
      // x (1 + erf(x / sqrt 2)) / 2
      const std::string erf =
          graph.node("Erf", name + ".erf", {graph.node("Mul", name + ".scaled", {x, "gelu.slope"})});
      const std::string twice = graph.node("Add", name + ".twice", {erf, "gelu.one"});
      return graph.node("Mul", name, {graph.node("Mul", name + ".half", {x, "gelu.half"}), twice});
    }
    case Activation::tanh:
      return graph.node("Tanh", name, {x});
    case Activation::erf:
      return graph.node("Erf", name, {graph.node("Mul", name + ".scaled", {x, "erf.slope"})});
    case Activation::sigmoid:
      return graph.node("Sigmoid", name, {x});
    case Activation::softplus:
      return graph.node("Softplus", name, {x});
    case Activation::linear:
      return graph.node("Identity", name, {x});
    case Activation::relu:
      break;
  }
  return graph.node("Relu", name, {x});
}

void add_layers(Graph& graph, const MlpSpec& spec, const OnnxOptions& options) {
  std::string x = graph.input("noise", onnx::TensorProto::FLOAT, spec.inputs), before;
  const std::string label =
      spec.classes > 0 ? graph.input("label", onnx::TensorProto::INT64, 0) : std::string();
  if (spec.guidance) x = graph.with_column("input", x, graph.input("guidance", onnx::TensorProto::FLOAT, 0));
  if (spec.activation == Activation::gelu) {
    graph.scalar("gelu.slope", 1 / std::numbers::sqrt2);
    graph.scalar("gelu.one", 1);
    graph.scalar("gelu.half", 0.5);
  }
  if (spec.activation == Activation::erf) graph.scalar("erf.slope", 1 / std::numbers::sqrt2);
  for (base::Index l = 0; l <= spec.layers; ++l) {
    const std::string layer = fmt::format("layers.{}", l);
    before = graph.affine(layer + ".affine", x, layer + ".weight", layer + ".bias");
    if (l == spec.layers) break;
    if (l == 0 && spec.classes > 0) {
      before = graph.node("Add", layer + ".of_class",
                          {before, graph.node("Gather", "class", {"classes.weight", label})});
    }
    const std::string after = activate(graph, spec.activation, layer + ".activation", before);
    x = spec.residual && l > 0 ? graph.node("Add", layer + ".residual", {after, x}) : after;
  }
  const std::string scaled = graph.node("Mul", "scaled", {before, graph.scalar("factor", options.factor)});
  graph.node("Add", "sample", {scaled, graph.scalar("offset", options.offset)});
}

}  // namespace

std::string encode_onnx(const Mlp<float>& network, std::span<const float> parameters,
                        const OnnxOptions& options) {
  if (parameters.size() != static_cast<std::size_t>(network.parameter_count())) {
    throw base::Error(base::ErrorKind::usage, fmt::format("ONNX: {} parameters, expected {}",
                                                          parameters.size(), network.parameter_count()));
  }
  if (parameters.size_bytes() > most_bytes) {
    throw base::Error(base::ErrorKind::usage,
                      fmt::format("ONNX: {} parameters weigh {} bytes; such a file holds at most {}",
                                  parameters.size(), parameters.size_bytes(), most_bytes));
  }
  onnx::ModelProto model;
  model.set_ir_version(7);
  model.add_opset_import()->set_version(13);
  model.set_producer_name("starling");
  model.set_producer_version(std::string(base::version()));
  auto* config = model.add_metadata_props();
  config->set_key("config");
  config->set_value(options.config);
  Graph graph(*model.mutable_graph());
  for (const Block& block : network.blocks()) {
    std::size_t size = 1;
    for (const auto extent : block.shape) size *= static_cast<std::size_t>(extent);
    graph.constant(block.name, block.shape, parameters.subspan(static_cast<std::size_t>(block.offset), size));
  }
  add_layers(graph, network.spec(), options);
  Graph::declare(model.mutable_graph()->add_output(), "sample", onnx::TensorProto::FLOAT,
                 network.spec().outputs);
  std::string bytes;
  if (!model.SerializeToString(&bytes)) {
    throw base::Error(base::ErrorKind::usage, "ONNX: the network does not fit such a file");
  }
  return bytes;
}

}  // namespace starling::nets
