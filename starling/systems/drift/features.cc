#include "starling/systems/drift/features.h"

#include <fmt/format.h>

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>

#include "starling/base/error.h"
#include "starling/base/random.h"
#include "starling/optim/adamw.h"

namespace starling::drift {
namespace {

using base::Index;
using base::Points;

}  // namespace

void check_features(const FeatureSpec& spec, const Points<float>& data) {
  const Index most = std::min(data.cols(), data.rows() - 1);
  if (spec.kind != FeatureKind::pca || spec.dimension <= most) return;
  throw base::Error(base::ErrorKind::usage,
                    fmt::format("features.dimension: {} principal components of {} points in {} dimensions; "
                                "expected at most {}",
                                spec.dimension, data.rows(), data.cols(), most));
}

FeatureMap::FeatureMap(const FeatureSpec& spec, const Points<float>& data, std::uint64_t seed)
    : spec_(spec),
      dimension_(spec.kind == FeatureKind::none ? data.cols() : spec.dimension),
      kept_(spec.kind != FeatureKind::none && spec.keep > 0 ? data.cols() : 0) {
  check_features(spec, data);
  if (spec.kind == FeatureKind::random) fit_random(data, seed);
  if (spec.kind == FeatureKind::pca) fit_pca(data);
  if (spec.kind == FeatureKind::autoencoder) fit_autoencoder(data, seed);
}

// A has variance 1 / (trace of the data's covariance): the arguments of tanh have unit variance over the
// data.
void FeatureMap::fit_random(const Points<float>& data, std::uint64_t seed) {
  mean_ = data.colwise().mean();
  const double spread =
      (data.rowwise() - mean_).cast<double>().squaredNorm() / static_cast<double>(data.rows());
  base::Stream stream(seed, 0, "random features");
  linear_.resize(dimension_, data.cols());
  stream.fill_normal(std::span<float>(linear_.data(), static_cast<std::size_t>(linear_.size())));
  if (spread > 0) linear_ /= static_cast<float>(std::sqrt(spread));
  bias_.resize(dimension_);
  stream.fill_normal(std::span<float>(bias_.data(), static_cast<std::size_t>(dimension_)));
}

void FeatureMap::fit_pca(const Points<float>& data) {
  mean_ = data.colwise().mean();
  const Eigen::MatrixXd centred = (data.rowwise() - mean_).cast<double>();
  const Eigen::MatrixXd covariance = centred.transpose() * centred / static_cast<double>(data.rows() - 1);
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(covariance);
  const double floor = 1e-12 * std::max(solver.eigenvalues().maxCoeff(), 1e-300);
  linear_.resize(dimension_, data.cols());
  for (Index k = 0; k < dimension_; ++k) {
    const Index from = data.cols() - 1 - k;  // eigenvalues ascend
    Eigen::VectorXd direction = solver.eigenvectors().col(from);
    // The sign of an eigenvector is arbitrary: its largest entry is made positive.
    Index largest = 0;
    direction.cwiseAbs().maxCoeff(&largest);
    if (direction(largest) < 0) direction = -direction;
    linear_.row(k) =
        (direction / std::sqrt(std::max(solver.eigenvalues()(from), floor))).cast<float>().transpose();
  }
}

void FeatureMap::fit_autoencoder(const Points<float>& data, std::uint64_t seed) {
  constexpr Index batch = 256;
  constexpr double rate = 1e-3;
  encoder_ = std::make_unique<nets::Mlp<float>>(
      nets::MlpSpec{.inputs = data.cols(), .outputs = dimension_, .width = spec_.width, .layers = 1});
  const nets::Mlp<float> decoder(
      {.inputs = dimension_, .outputs = data.cols(), .width = spec_.width, .layers = 1});
  const auto encoder_size = static_cast<std::size_t>(encoder_->parameter_count());
  std::vector<float> parameters(encoder_size + static_cast<std::size_t>(decoder.parameter_count())),
      gradient(parameters.size());
  const auto part = [&](std::vector<float>& all, bool first) {
    return first ? std::span<float>(all).first(encoder_size) : std::span<float>(all).subspan(encoder_size);
  };
  base::Stream initial(seed, 0, "initial autoencoder");
  encoder_->initialise(initial, part(parameters, true));
  decoder.initialise(initial, part(parameters, false));
  nets::Mlp<float>::Workspace encoding, decoding;
  Points<float> x(std::min<Index>(batch, data.rows()), data.cols()), code, out, d_out, d_code;
  optim::AdamWState<float> adam(parameters.size());
  for (std::int64_t step = 0; step < spec_.steps; ++step) {
    base::Stream stream(seed, 0, "autoencoder batch", static_cast<std::uint64_t>(step));
    for (Index i = 0; i < x.rows(); ++i)
      x.row(i) = data.row(static_cast<Index>(stream.below(static_cast<std::uint64_t>(data.rows()))));
    encoder_->forward(part(parameters, true), x, {}, encoding, code);
    decoder.forward(part(parameters, false), code, {}, decoding, out);
    d_out = (out - x) * (2.0F / static_cast<float>(x.size()));
    decoder.backward(part(parameters, false), decoding, d_out, part(gradient, false), &d_code);
    encoder_->backward(part(parameters, true), encoding, d_code, part(gradient, true));
    optim::adamw_step<float>({}, rate, parameters, gradient, adam);
  }
  encoder_->forward(part(parameters, true), data, {}, encoding, code);
  decoder.forward(part(parameters, false), code, {}, decoding, out);
  reconstruction_error_ = (out - data).cast<double>().squaredNorm() / static_cast<double>(data.size());
  if (!std::isfinite(reconstruction_error_)) {
    throw base::Error(base::ErrorKind::numerical, "features: the autoencoder's error is not finite");
  }
  encoder_parameters_.assign(parameters.begin(),
                             parameters.begin() + static_cast<std::ptrdiff_t>(encoder_size));
  // Codes in units of their spread, as principal components are.
  mean_ = code.colwise().mean();
  unit_ = ((code.rowwise() - mean_).cwiseAbs2().colwise().mean().array() + 1e-12F).sqrt().inverse().matrix();
}

Points<float> FeatureMap::map(const Points<float>& x) const {
  if (kept_ == 0) return features(x);
  Points<float> out(x.rows(), dimension());
  out << features(x), x * static_cast<float>(spec_.keep);
  return out;
}

Points<float> FeatureMap::pull_back(const Points<float>& x, const Points<float>& g) const {
  Points<float> out = features_back(x, g.leftCols(dimension_));
  if (kept_ > 0) out += g.rightCols(kept_) * static_cast<float>(spec_.keep);
  return out;
}

Points<float> FeatureMap::features(const Points<float>& x) const {
  switch (spec_.kind) {
    case FeatureKind::none:
      return x;
    case FeatureKind::random:
      return (((x.rowwise() - mean_) * linear_.transpose()).rowwise() + bias_).array().tanh().matrix();
    case FeatureKind::pca:
      return (x.rowwise() - mean_) * linear_.transpose();
    case FeatureKind::autoencoder: {
      nets::Mlp<float>::Workspace workspace;
      Points<float> code;
      encoder_->forward(encoder_parameters_, x, {}, workspace, code);
      return ((code.rowwise() - mean_).array().rowwise() * unit_.array()).matrix();
    }
  }
  return x;
}

Points<float> FeatureMap::features_back(const Points<float>& x, const Points<float>& g) const {
  switch (spec_.kind) {
    case FeatureKind::none:
      return g;
    case FeatureKind::random: {
      const Points<float> phi = features(x);
      return (g.array() * (1 - phi.array().square())).matrix() * linear_;
    }
    case FeatureKind::pca:
      return g * linear_;
    case FeatureKind::autoencoder: {
      nets::Mlp<float>::Workspace workspace;
      Points<float> code, d_x;
      std::vector<float> unused(encoder_parameters_.size());
      encoder_->forward(encoder_parameters_, x, {}, workspace, code);
      encoder_->backward(encoder_parameters_, workspace, (g.array().rowwise() * unit_.array()).matrix(),
                         unused, &d_x);
      return d_x;
    }
  }
  return g;
}

}  // namespace starling::drift
