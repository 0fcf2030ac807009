#pragma once
#include <string>

#include "starling/base/matrix.h"
#include "starling/nets/mlp.h"

namespace starling::students {

/// f(x) = Aᵀ σ(W x + bias) + c: one hidden layer of n neurons from d inputs to o outputs.
struct Network {
  nets::Activation activation = nets::Activation::tanh;
  base::Points<double> w;     ///< incoming weights, (n, d)
  base::Vector<double> bias;  ///< (n)
  base::Points<double> a;     ///< outgoing weights, (n, o)
  base::Vector<double> c;     ///< (o)

  base::Index neurons() const { return w.rows(); }
  base::Index inputs() const { return w.cols(); }
  base::Index outputs() const { return a.cols(); }
};

/// Whether biases and c are trained or held where they are.
enum class Biases { free, fixed };

/// How a network lies in a vector of parameters: w row by row, bias, a row by row, c; without bias and c
/// where those are fixed.
base::Index parameter_count(const Network& network, Biases biases);
base::Vector<double> parameters_of(const Network& network, Biases biases);
/// The network of the same shape as `like`, and its biases where they are fixed.
Network with_parameters(const Network& like, Biases biases, const base::Vector<double>& parameters);

/// W x + bias for each row of x, (N, n).
base::Points<double> preactivations(const Network& network, const base::PointsRef<double>& x);
/// σ(W x + bias), (N, n).
base::Points<double> activations(const Network& network, const base::PointsRef<double>& x);
/// f at each row of x, (N, o). Error{usage} when x has not d columns.
base::Points<double> outputs(const Network& network, const base::PointsRef<double>& x);

/// σ(-h) = -σ(h): a neuron may change the sign of all its weights.
bool is_odd(nets::Activation activation);

/// The names that a spec uses: silu, gelu, tanh, relu, erf, sigmoid, softplus, linear.
std::string name_of(nets::Activation activation);

}  // namespace starling::students
