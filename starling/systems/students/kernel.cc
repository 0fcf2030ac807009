#include "starling/systems/students/kernel.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "starling/base/error.h"
#include "starling/systems/students/quadrature.h"

namespace starling::students {
namespace {

using std::numbers::pi;

const std::array<std::string, 15> names = {"erf",       "relu", "phi",     "gelu",     "linear",
                                           "quadratic", "he2",  "cubic",   "sin",      "cos",
                                           "exp",       "tanh", "sigmoid", "softplus", "silu"};

Kernel operator*(double factor, const Kernel& f) {
  return {.value = factor * f.value,
          .d1 = factor * f.d1,
          .dc = factor * f.dc,
          .d2 = factor * f.d2,
          .d11 = factor * f.d11,
          .d12 = factor * f.d12,
          .d22 = factor * f.d22,
          .d1c = factor * f.d1c,
          .d2c = factor * f.d2c,
          .dcc = factor * f.dcc};
}

Kernel operator+(const Kernel& f, const Kernel& g) {
  return {.value = f.value + g.value,
          .d1 = f.d1 + g.d1,
          .dc = f.dc + g.dc,
          .d2 = f.d2 + g.d2,
          .d11 = f.d11 + g.d11,
          .d12 = f.d12 + g.d12,
          .d22 = f.d22 + g.d22,
          .d1c = f.d1c + g.d1c,
          .d2c = f.d2c + g.d2c,
          .dcc = f.dcc + g.dcc};
}

// Leibniz' rule.
Kernel operator*(const Kernel& f, const Kernel& g) {
  return {.value = f.value * g.value,
          .d1 = f.d1 * g.value + f.value * g.d1,
          .dc = f.dc * g.value + f.value * g.dc,
          .d2 = f.d2 * g.value + f.value * g.d2,
          .d11 = f.d11 * g.value + 2 * f.d1 * g.d1 + f.value * g.d11,
          .d12 = f.d12 * g.value + f.d1 * g.d2 + f.d2 * g.d1 + f.value * g.d12,
          .d22 = f.d22 * g.value + 2 * f.d2 * g.d2 + f.value * g.d22,
          .d1c = f.d1c * g.value + f.d1 * g.dc + f.dc * g.d1 + f.value * g.d1c,
          .d2c = f.d2c * g.value + f.d2 * g.dc + f.dc * g.d2 + f.value * g.d2c,
          .dcc = f.dcc * g.value + 2 * f.dc * g.dc + f.value * g.dcc};
}

double determinant(const Overlap& o) {
  return 1 + o.q1 + o.q2 + o.gram;
}  // D² = AB - c²

// asin(c/√(AB)) = atan(c/D).
Kernel arcsine(const Overlap& o) {
  const double a = 1 + o.q1, b = 1 + o.q2, d = std::sqrt(determinant(o)), d3 = d * d * d;
  return {.value = std::atan2(o.c, d),
          .d1 = -o.c / (2 * a * d),
          .dc = 1 / d,
          .d2 = -o.c / (2 * b * d),
          .d11 = o.c / (2 * a * a * d) + o.c * b / (4 * a * d3),
          .d12 = o.c / (4 * d3),
          .d22 = o.c / (2 * b * b * d) + o.c * a / (4 * b * d3),
          .d1c = -b / (2 * d3),
          .d2c = -a / (2 * d3),
          .dcc = o.c / d3};
}

// 1/D.
Kernel inverse_root(const Overlap& o) {
  const double a = 1 + o.q1, b = 1 + o.q2, det = determinant(o);
  const double p = 1 / std::sqrt(det), p3 = p / det, p5 = p3 / det;
  return {.value = p,
          .d1 = -b * p3 / 2,
          .dc = o.c * p3,
          .d2 = -a * p3 / 2,
          .d11 = 3 * b * b * p5 / 4,
          .d12 = -p3 / 2 + 3 * a * b * p5 / 4,
          .d22 = 3 * a * a * p5 / 4,
          .d1c = -3 * b * o.c * p5 / 2,
          .d2c = -3 * a * o.c * p5 / 2,
          .dcc = p3 + 3 * o.c * o.c * p5};
}

Kernel erf_kernel(const Overlap& o) {
  return (2 / pi) * arcsine(o);
}

Kernel phi_kernel(const Overlap& o) {
  return Kernel{.value = 0.25} + (1 / (2 * pi)) * arcsine(o);
}

Kernel linear_kernel(const Overlap& o) {
  return {.value = o.c, .dc = 1};
}

Kernel gelu_kernel(const Overlap& o) {
  const double a = 1 + o.q1, b = 1 + o.q2, c2 = o.c * o.c, share = 1 / a + 1 / b;
  const Kernel numerator{.value = o.gram + c2 * share,
                         .d1 = o.q2 - c2 / (a * a),
                         .dc = 2 * o.c * (share - 1),
                         .d2 = o.q1 - c2 / (b * b),
                         .d11 = 2 * c2 / (a * a * a),
                         .d12 = 1,
                         .d22 = 2 * c2 / (b * b * b),
                         .d1c = -2 * o.c / (a * a),
                         .d2c = -2 * o.c / (b * b),
                         .dcc = 2 * (share - 1)};
  const Kernel c = linear_kernel(o);
  return 0.25 * c + (1 / (2 * pi)) * (c * arcsine(o) + numerator * inverse_root(o));
}

Kernel relu_kernel(const Overlap& o) {
  if (o.q1 == 0 || o.q2 == 0) return {.dc = o.q1 == o.q2 ? 0.5 : 0.25};
  constexpr double coincident = 1e-5;
  const double s = std::sqrt(o.gram);
  const double angle = std::atan2(s, o.c), spread = s / (4 * pi);
  Kernel out{.value = (s + (pi - angle) * o.c) / (2 * pi),
             .d1 = spread / o.q1,
             .dc = (pi - angle) / (2 * pi),
             .d2 = spread / o.q2};
  if (s < coincident * std::sqrt(o.q1 * o.q2)) return out;
  out.dcc = 1 / (2 * pi * s);
  out.d12 = out.dcc / 4;
  out.d1c = -o.c / (4 * pi * o.q1 * s);
  out.d2c = -o.c / (4 * pi * o.q2 * s);
  out.d11 = o.q2 / (8 * pi * o.q1 * s) - spread / (o.q1 * o.q1);
  out.d22 = o.q1 / (8 * pi * o.q2 * s) - spread / (o.q2 * o.q2);
  return out;
}

Kernel quadratic_kernel(const Overlap& o) {
  return {.value = o.q1 * o.q2 + 2 * o.c * o.c, .d1 = o.q2, .dc = 4 * o.c, .d2 = o.q1, .d12 = 1, .dcc = 4};
}

Kernel he2_kernel(const Overlap& o) {
  return {.value = (o.q1 - 1) * (o.q2 - 1) + 2 * o.c * o.c,
          .d1 = o.q2 - 1,
          .dc = 4 * o.c,
          .d2 = o.q1 - 1,
          .d12 = 1,
          .dcc = 4};
}

Kernel cubic_kernel(const Overlap& o) {
  return {.value = (6 * o.c * o.c + 9 * o.q1 * o.q2) * o.c,
          .d1 = 9 * o.q2 * o.c,
          .dc = 18 * o.c * o.c + 9 * o.q1 * o.q2,
          .d2 = 9 * o.q1 * o.c,
          .d12 = 9 * o.c,
          .d1c = 9 * o.q2,
          .d2c = 9 * o.q1,
          .dcc = 36 * o.c};
}

// e^{sign (q1+q2)/2} f(c) with f' = g and f'' = f.
Kernel exponential(double sign, double f, double g) {
  return {.value = f,
          .d1 = sign * f / 2,
          .dc = g,
          .d2 = sign * f / 2,
          .d11 = f / 4,
          .d12 = f / 4,
          .d22 = f / 4,
          .d1c = sign * g / 2,
          .d2c = sign * g / 2,
          .dcc = f};
}

struct Waves {
  double odd, even;
};

// e^{-(q1+q2)/2} sinh c and cosh c, which never overflow: |c| <= (q1+q2)/2.
Waves waves(const Overlap& o) {
  const double half = (o.q1 + o.q2) / 2;
  if (std::abs(o.c) < 1) return {std::exp(-half) * std::sinh(o.c), std::exp(-half) * std::cosh(o.c)};
  const double near = std::exp(o.c - half) / 2, far = std::exp(-o.c - half) / 2;
  return {near - far, near + far};
}

double exponent(const Overlap& o) {
  return std::exp((o.q1 + o.q2) / 2 + o.c);
}

}  // namespace

const std::string& name_of(Activation activation) {
  return names[static_cast<std::size_t>(activation)];
}

std::span<const std::string> activation_names() {
  return names;
}

int degree(Activation activation) {
  switch (activation) {
    case Activation::relu:
    case Activation::linear:
      return 1;
    case Activation::quadratic:
      return 2;
    case Activation::cubic:
      return 3;
    default:
      return 0;
  }
}

bool is_even(Activation activation) {
  return activation == Activation::quadratic || activation == Activation::he2 ||
         activation == Activation::cos;
}

bool is_odd(Activation activation) {
  switch (activation) {
    case Activation::erf:
    case Activation::linear:
    case Activation::cubic:
    case Activation::sin:
    case Activation::tanh:
      return true;
    default:
      return false;
  }
}

bool has_closed_form(Activation activation) {
  return activation < Activation::tanh;
}

Activation parse_activation(std::string_view name) {
  const auto* const found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) {
    throw base::Error(base::ErrorKind::usage,
                      "activation: unknown name '" + std::string(name) + "'" + base::suggestion(name, names));
  }
  return static_cast<Activation>(found - names.begin());
}

Overlap overlap(double q1, double c, double q2) {
  return {.q1 = q1, .c = c, .q2 = q2, .gram = std::max(0.0, q1 * q2 - c * c)};
}

Overlap overlap(const Eigen::Ref<const Eigen::RowVectorXd>& w,
                const Eigen::Ref<const Eigen::RowVectorXd>& v) {
  const double q1 = w.squaredNorm(), c = w.dot(v), q2 = v.squaredNorm();
  double gram = 0;
  if (q1 >= q2 && q1 > 0) gram = q1 * (v - (c / q1) * w).squaredNorm();
  if (q2 > q1) gram = q2 * (w - (c / q2) * v).squaredNorm();
  return {.q1 = q1, .c = c, .q2 = q2, .gram = gram};
}

Overlap self_overlap(double q) {
  return {.q1 = q, .c = q, .q2 = q, .gram = 0};
}

Kernel kernel(Activation activation, const Overlap& pair) {
  switch (activation) {
    case Activation::erf:
      return erf_kernel(pair);
    case Activation::relu:
      return relu_kernel(pair);
    case Activation::phi:
      return phi_kernel(pair);
    case Activation::gelu:
      return gelu_kernel(pair);
    case Activation::linear:
      return linear_kernel(pair);
    case Activation::quadratic:
      return quadratic_kernel(pair);
    case Activation::he2:
      return he2_kernel(pair);
    case Activation::cubic:
      return cubic_kernel(pair);
    case Activation::sin:
      return exponential(-1, waves(pair).odd, waves(pair).even);
    case Activation::cos:
      return exponential(-1, waves(pair).even, waves(pair).odd);
    case Activation::exp:
      return exponential(1, exponent(pair), exponent(pair));
    case Activation::tanh:
    case Activation::sigmoid:
    case Activation::softplus:
    case Activation::silu:
      break;
  }
  return kernel_from(quadrature(activation, pair).moments);
}

}  // namespace starling::students
