#include "starling/systems/depth/mean_field.h"

#include <Eigen/Core>
#include <cmath>
#include <unsupported/Eigen/MatrixFunctions>

#include "starling/base/error.h"

namespace starling::depth {
namespace {

using Matrix = base::Points<double>;
using Column = base::Vector<double>;
using Map = Eigen::Map<const Matrix>;

// What one head adds to the rates of all tokens' adjoints, times the number of heads.
void add_head(const Matrix& q, const Matrix& k, const Matrix& ov, const Matrix& x, const Matrix& p,
              Matrix& rate) {
  const Index n = x.rows(), d = x.cols();
  const double beta = 1 / std::sqrt(static_cast<double>(q.rows()));
  const Matrix kq = beta * k.transpose() * q;  // β KᵀQ
  for (Index j = 0; j < n; ++j) {
    const Column xj = x.row(j).transpose(), direction = kq * xj, back = ov.transpose() * p.row(j).transpose();
    Column w = x * direction;
    w = (w.array() - w.maxCoeff()).exp();
    w /= w.mean();  // ∫ w dm = 1
    const Column a = x.transpose() * w / static_cast<double>(n);
    Matrix covariance = Matrix::Zero(d, d);
    for (Index i = 0; i < n; ++i) {
      const Column apart = x.row(i).transpose() - a;
      covariance += w[i] / static_cast<double>(n) * apart * apart.transpose();
      // (∂_m Γ(x_j, m)(x_i))ᵀ P_j / n
      const Column lions = w[i] * (back + direction * apart.dot(back));
      rate.row(i) += lions.transpose() / static_cast<double>(n);
    }
    rate.row(j) += (kq.transpose() * (covariance * back)).transpose();
  }
}

}  // namespace

std::vector<double> mean_field_adjoint_rate(const HeadLaw& law, std::span<const double> x,
                                            std::span<const double> p) {
  const Index d = law.width, r = law.head_width, n = static_cast<Index>(x.size()) / d, m = r * d;
  const Matrix tokens = Map(x.data(), n, d), adjoints = Map(p.data(), n, d);
  Matrix rate = Matrix::Zero(n, d);
  for (Index h = 0; h < law.atoms(); ++h) {
    const double* head = law.heads.data() + 4 * h * m;
    const Matrix ov = Map(head + 3 * m, d, r) * Map(head + 2 * m, r, d);
    add_head(Map(head, r, d), Map(head + m, r, d), ov, tokens, adjoints, rate);
  }
  rate /= static_cast<double>(law.atoms());
  return {rate.data(), rate.data() + rate.size()};
}

std::vector<double> uniform_attention_end(std::span<const double> x, std::span<const double> w,
                                          Index layers) {
  const auto d = static_cast<Index>(std::lround(std::sqrt(static_cast<double>(w.size()))));
  if (d * d != static_cast<Index>(w.size()) || d == 0 || static_cast<Index>(x.size()) % d != 0) {
    throw base::Error(base::ErrorKind::usage,
                      "uniform attention: expected w of (width, width) and x of (tokens, width)");
  }
  const Eigen::MatrixXd generator = Map(w.data(), d, d);
  Eigen::MatrixXd map = Eigen::MatrixXd::Identity(d, d);
  if (layers == 0) {
    map = generator.exp();
  } else {
    for (Index l = 0; l < layers; ++l) map += generator * map / static_cast<double>(layers);
  }
  Matrix out = Map(x.data(), static_cast<Index>(x.size()) / d, d);
  const Column mean = out.colwise().mean().transpose();
  out.rowwise() += (map * mean - mean).transpose();
  return {out.data(), out.data() + out.size()};
}

double scalar_model_error(Index layers, Index heads, double v, double sigma) {
  const double l = static_cast<double>(layers), h = static_cast<double>(heads);
  const double factor = 1 + v / l;
  return std::pow(factor * factor + sigma * sigma / (l * l * h), l) - 2 * std::exp(v) * std::pow(factor, l) +
         std::exp(2 * v);
}

}  // namespace starling::depth
