#include "starling/systems/students/network.h"

#include <fmt/format.h>

#include "starling/base/error.h"
#include "starling/base/parallel.h"
#include "starling/math/matrix_product.h"
#include "starling/nets/activation.h"

namespace starling::students {

using base::Index;
using base::Points;
using base::Vector;

namespace {

constexpr Index rows_of_a_chunk = 256;

// Calls f(begin of the parameters, pointer to the network's numbers, how many) for each part in order.
template <class AnyNetwork, class F>
void for_each_part(AnyNetwork& network, Biases biases, F f) {
  Index at = 0;
  const auto part = [&](auto& numbers) {
    f(at, numbers.data(), numbers.size());
    at += numbers.size();
  };
  part(network.w);
  if (biases == Biases::free) part(network.bias);
  part(network.a);
  if (biases == Biases::free) part(network.c);
}

}  // namespace

Index parameter_count(const Network& network, Biases biases) {
  return network.w.size() + network.a.size() +
         (biases == Biases::free ? network.bias.size() + network.c.size() : 0);
}

Vector<double> parameters_of(const Network& network, Biases biases) {
  Vector<double> out(parameter_count(network, biases));
  for_each_part(network, biases, [&](Index at, const double* numbers, Index count) {
    out.segment(at, count) = Eigen::Map<const Vector<double>>(numbers, count);
  });
  return out;
}

Network with_parameters(const Network& like, Biases biases, const Vector<double>& parameters) {
  Network out = like;
  for_each_part(out, biases, [&](Index at, double* numbers, Index count) {
    Eigen::Map<Vector<double>>(numbers, count) = parameters.segment(at, count);
  });
  return out;
}

Points<double> preactivations(const Network& network, const base::PointsRef<double>& x) {
  if (x.cols() != network.inputs()) {
    throw base::Error(base::ErrorKind::usage, fmt::format("network: {} columns of x, expected {} inputs",
                                                          x.cols(), network.inputs()));
  }
  const Index n = network.neurons();
  const Points<double> whole = x;
  Points<double> out(x.rows(), n);
  base::parallel_chunks(x.rows(), rows_of_a_chunk, [&](Index begin, Index end) {
    math::product_nt(end - begin, whole.cols(), n, whole.data() + begin * whole.cols(), network.w.data(),
                     out.data() + begin * n);
    out.middleRows(begin, end - begin).rowwise() += network.bias.transpose();
  });
  return out;
}

Points<double> activations(const Network& network, const base::PointsRef<double>& x) {
  const Points<double> before = preactivations(network, x);
  Points<double> after(before.rows(), before.cols());
  nets::activate(network.activation, before, after);
  return after;
}

Points<double> outputs(const Network& network, const base::PointsRef<double>& x) {
  const Points<double> after = activations(network, x);
  Points<double> out(x.rows(), network.outputs());
  math::product(x.rows(), network.neurons(), network.outputs(), after.data(), network.a.data(), out.data());
  out.rowwise() += network.c.transpose();
  return out;
}

bool is_odd(nets::Activation activation) {
  return activation == nets::Activation::tanh || activation == nets::Activation::erf ||
         activation == nets::Activation::linear;
}

std::string name_of(nets::Activation activation) {
  switch (activation) {
    case nets::Activation::silu:
      return "silu";
    case nets::Activation::gelu:
      return "gelu";
    case nets::Activation::tanh:
      return "tanh";
    case nets::Activation::relu:
      return "relu";
    case nets::Activation::erf:
      return "erf";
    case nets::Activation::sigmoid:
      return "sigmoid";
    case nets::Activation::softplus:
      return "softplus";
    case nets::Activation::linear:
      break;
  }
  return "linear";
}

}  // namespace starling::students
