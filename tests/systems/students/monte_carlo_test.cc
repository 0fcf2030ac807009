#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <string>

#include "starling/base/random.h"
#include "starling/systems/students/landscape.h"
#include "starling/systems/students/quadrature.h"

namespace starling::students {
namespace {

using base::Index;

double sigma(Activation activation, double h) {
  if (activation == Activation::erf) return std::erf(h / std::numbers::sqrt2);
  if (activation == Activation::relu) return std::max(h, 0.0);
  if (activation == Activation::gelu) return h * std::erfc(-h / std::numbers::sqrt2) / 2;
  return jet(activation, h)[0];
}

Neurons random_neurons(Index n, Index d, std::uint64_t index) {
  base::Stream stream(7, 0, "monte carlo neurons", index);
  Neurons out{.w = base::Points<double>(n, d), .a = base::Vector<double>(n), .bias = base::Vector<double>(n)};
  stream.fill_normal(std::span<double>(out.w.data(), static_cast<std::size_t>(out.w.size())));
  stream.fill_normal(std::span<double>(out.a.data(), static_cast<std::size_t>(n)));
  stream.fill_normal(std::span<double>(out.bias.data(), static_cast<std::size_t>(n)));
  out.output = stream.normal();
  return out;
}

double answer(Activation activation, const Neurons& net, const Eigen::RowVectorXd& x) {
  double sum = *net.output;
  for (Index i = 0; i < net.a.size(); ++i)
    sum += net.a[i] * sigma(activation, net.w.row(i).dot(x) + net.bias[i]);
  return sum;
}

// 10⁷ samples; five activations at four standard errors: a false alarm in 3,000 changes of the seed.
TEST(Landscape, IsTheMeanOfTenMillionSamples) {
  constexpr Index samples = 10'000'000, d = 3;
  for (const Activation activation :
       {Activation::erf, Activation::relu, Activation::gelu, Activation::tanh, Activation::silu}) {
    const Neurons teacher = random_neurons(3, d, 0), student = random_neurons(2, d, 1);
    base::Stream stream(7, 0, "monte carlo inputs");
    double sum = 0, squares = 0;
    Eigen::RowVectorXd x(d);
    for (Index s = 0; s < samples; ++s) {
      stream.fill_normal(std::span<double>(x.data(), static_cast<std::size_t>(d)));
      const double gap = answer(activation, student, x) - answer(activation, teacher, x);
      sum += gap * gap;
      squares += gap * gap * gap * gap;
    }
    const double mean = sum / samples, deviation = std::sqrt((squares / samples - mean * mean) / samples);
    EXPECT_NEAR(Landscape(activation, teacher).mean_squared_error(student), mean, 4 * deviation)
        << static_cast<int>(activation);
  }
}

}  // namespace
}  // namespace starling::students
