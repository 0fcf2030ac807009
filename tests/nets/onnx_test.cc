#include "starling/nets/onnx.h"

#include <gtest/gtest.h>
#include <onnx/checker.h>
#include <onnx/onnx_pb.h>

#include <map>

#include "nets/problem.h"
#include "starling/base/error.h"

namespace starling::nets {
namespace {

using base::Index;
using Matrix = base::Points<double>;

onnx::ModelProto parsed(const std::string& bytes) {
  onnx::ModelProto model;
  EXPECT_TRUE(model.ParseFromString(bytes));
  return model;
}

Matrix value_of(const onnx::TensorProto& tensor) {
  if (tensor.data_type() != onnx::TensorProto::FLOAT) return {};  // an axis, which `result_of` knows
  const Index columns = tensor.dims_size() == 0 ? 1 : tensor.dims(tensor.dims_size() - 1);
  const auto count = static_cast<Index>(tensor.raw_data().size() / sizeof(float));
  return Eigen::Map<const base::Points<float>>(reinterpret_cast<const float*>(tensor.raw_data().data()),
                                               count / columns, columns)
      .cast<double>();
}

// a over b's rows, where b is a matrix of its shape, one row, or one number.
Matrix broadcast(const Matrix& b, const Matrix& a) {
  return b.replicate(a.rows() / b.rows(), a.cols() / b.cols());
}

// One node by the definition of its operation, in double; vectors of the batch are columns.
Matrix result_of(const onnx::NodeProto& node, const std::vector<Matrix>& in) {
  const std::string& kind = node.op_type();
  if (kind == "Gemm") return (in[0] * in[1].transpose()).rowwise() + in[2].row(0);
  if (kind == "Add") return in[0] + broadcast(in[1], in[0]);
  if (kind == "Mul") return in[0].cwiseProduct(broadcast(in[1], in[0]));
  if (kind == "Sigmoid") return (1 / (1 + (-in[0].array()).exp())).matrix();
  if (kind == "Tanh") return in[0].array().tanh().matrix();
  if (kind == "Relu") return in[0].cwiseMax(0.0);
  if (kind == "Erf") return in[0].unaryExpr([](double v) { return std::erf(v); });
  if (kind == "Softplus") return in[0].array().exp().log1p().matrix();
  if (kind == "Identity") return in[0];
  if (kind == "Unsqueeze") return in[0];
  if (kind == "Concat") {
    Matrix out(in[0].rows(), in[0].cols() + in[1].cols());
    out << in[0], in[1];
    return out;
  }
  EXPECT_EQ(kind, "Gather");
  Matrix out(in[1].rows(), in[0].cols());
  for (Index i = 0; i < out.rows(); ++i) out.row(i) = in[0].row(static_cast<Index>(in[1](i, 0)));
  return out;
}

Matrix evaluate(const onnx::GraphProto& graph, std::map<std::string, Matrix> values) {
  for (const auto& tensor : graph.initializer()) values[tensor.name()] = value_of(tensor);
  for (const auto& node : graph.node()) {
    std::vector<Matrix> in;
    for (const std::string& name : node.input()) in.push_back(values.at(name));
    values[node.output(0)] = result_of(node, in);
  }
  return values.at("sample");
}

std::map<std::string, Matrix> inputs_of(const Batch<float>& b) {
  std::map<std::string, Matrix> values = {{"noise", b.x.cast<double>()}};
  Matrix labels(static_cast<Index>(b.labels.size()), 1), guidance(static_cast<Index>(b.guidance.size()), 1);
  for (Index i = 0; i < labels.rows(); ++i) labels(i, 0) = b.labels[static_cast<std::size_t>(i)];
  for (Index i = 0; i < guidance.rows(); ++i) guidance(i, 0) = b.guidance[static_cast<std::size_t>(i)];
  if (labels.rows() > 0) values["label"] = labels;
  if (guidance.rows() > 0) values["guidance"] = guidance;
  return values;
}

void expect_agreement(const MlpSpec& spec) {
  Batch<float> b(spec, 37);
  b.forward();
  onnx::ModelProto model =
      parsed(encode_onnx(b.network, b.parameters, {.offset = 20, .factor = 3, .config = "{}"}));
  onnx::checker::check_model(model);
  EXPECT_EQ(static_cast<std::size_t>(model.graph().input_size()), inputs_of(b).size());
  const Matrix sample = evaluate(model.graph(), inputs_of(b));
  const Matrix expected = (b.out.cast<double>().array() * 3 + 20).matrix();
  ASSERT_EQ(sample.rows(), expected.rows());
  EXPECT_LT((sample - expected).cwiseAbs().maxCoeff(), 2e-5);
}

TEST(Onnx, FileComputesWhatTheNetworkComputesInDataUnits) {
  for (const Activation kind : all_activations) {
    for (const bool residual : {false, true}) {
      for (const Index classes : {0, 4}) {
        for (const bool guidance : {false, true}) {
          SCOPED_TRACE(::testing::Message()
                       << "activation " << static_cast<int>(kind) << ", residual " << residual << ", classes "
                       << classes << ", guidance " << guidance);
          expect_agreement({.inputs = 5,
                            .outputs = 3,
                            .width = 17,
                            .layers = 3,
                            .activation = kind,
                            .residual = residual,
                            .classes = classes,
                            .guidance = guidance});
        }
      }
    }
  }
}

TEST(Onnx, NetworkOfOneHiddenLayerAndOneClassIsNoException) {
  expect_agreement({.inputs = 1, .outputs = 1, .width = 1, .layers = 1, .residual = true, .classes = 1});
}

TEST(Onnx, FileNamesItsInputsInOrderAndKeepsTheConfig) {
  const Batch<float> b({.inputs = 5, .outputs = 3, .width = 4, .classes = 2, .guidance = true}, 1);
  const onnx::ModelProto model = parsed(encode_onnx(b.network, b.parameters, {.config = "{\"a\": 1}"}));
  std::string names;
  for (const auto& input : model.graph().input()) names += input.name() + " ";
  EXPECT_EQ(names, "noise label guidance ");
  EXPECT_EQ(model.graph().output(0).name(), "sample");
  EXPECT_EQ(model.metadata_props(0).value(), "{\"a\": 1}");
}

TEST(Onnx, RefusesParametersOfAnotherNetwork) {
  const Batch<float> b({.inputs = 5, .outputs = 3, .width = 4}, 1);
  EXPECT_THROW(encode_onnx(b.network, std::span<const float>(b.parameters).first(3), {}), base::Error);
}

}  // namespace
}  // namespace starling::nets
