#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "starling/base/matrix.h"
#include "starling/nets/mlp.h"

namespace starling::drift {

enum class FeatureKind {
  none,         ///< drift in data space
  random,       ///< tanh(A (x - mean) + b), A and b fixed normal draws
  pca,          ///< the leading principal components, each scaled to unit variance
  autoencoder,  ///< the code of a small autoencoder, trained first
};

struct FeatureSpec {
  FeatureKind kind = FeatureKind::none;
  std::int64_t dimension = 16;  ///< of the features; of pca at most that of the data
  double keep = 0.5;  ///< the data's own coordinates, times this, join the features; 0 leaves free what no
                      ///< feature sees
  std::int64_t width = 128;   ///< autoencoder: neurons in its one hidden layer
  std::int64_t steps = 1000;  ///< autoencoder: AdamW steps of 256 points
};

/// Error{usage} when the map cannot be fitted to `data` (N, d): more principal components than dimensions or
/// points.
void check_features(const FeatureSpec& spec, const base::Points<float>& data);

/// Where distances are measured: a fixed map phi from data space to features. A generator then drifts towards
/// the target phi(x) + V(phi(x)), and the gradient returns through phi. Distances of raw pixels concentrate
/// (all points look alike from everywhere), so that a kernel sees no neighbours there; in features it does.
class FeatureMap {
 public:
  /// Fits the map to `data` (N, d); everything random is keyed by `seed`. Errors as check_features;
  /// Error{numerical} when the autoencoder diverges.
  FeatureMap(const FeatureSpec& spec, const base::Points<float>& data, std::uint64_t seed);

  bool identity() const { return spec_.kind == FeatureKind::none; }
  base::Index dimension() const { return dimension_ + kept_; }

  /// phi(x), shape (N, dimension): the features, then keep times x.
  base::Points<float> map(const base::Points<float>& x) const;

  /// The gradient at x of Σ g · phi(x), for `g` (N, dimension): shape (N, d).
  base::Points<float> pull_back(const base::Points<float>& x, const base::Points<float>& g) const;

  /// Mean squared error of the autoencoder on its data, a coordinate; 0 for the other kinds.
  double reconstruction_error() const { return reconstruction_error_; }

 private:
  base::Points<float> features(const base::Points<float>& x) const;
  base::Points<float> features_back(const base::Points<float>& x, const base::Points<float>& g) const;
  void fit_random(const base::Points<float>& data, std::uint64_t seed);
  void fit_pca(const base::Points<float>& data);
  void fit_autoencoder(const base::Points<float>& data, std::uint64_t seed);

  FeatureSpec spec_;
  base::Index dimension_, kept_;  // features, and data coordinates beside them
  Eigen::Matrix<float, 1, Eigen::Dynamic> mean_, bias_,
      unit_;                    // unit: of an autoencoder, 1 / spread of each code
  base::Points<float> linear_;  // (dimension, d)
  std::unique_ptr<nets::Mlp<float>> encoder_;
  std::vector<float> encoder_parameters_;
  double reconstruction_error_ = 0;
};

}  // namespace starling::drift
