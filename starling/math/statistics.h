#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "starling/base/random.h"

namespace starling::math {

/// A least-squares line with the two-sided Student t interval of its slope.
struct SlopeFit {
  double slope = 0, intercept = 0, standard_error = 0;
  double lower = 0, upper = 0;  ///< at the confidence asked for; infinite with two points
};

/// Fits y = intercept + slope x. At least two points, x not all equal, else Error{usage}.
SlopeFit fit_slope(std::span<const double> x, std::span<const double> y, double confidence = 0.95);

/// The slope with its percentile interval over `replicates` resamples of the pairs (Efron & Tibshirani, "An
/// introduction to the bootstrap", 1993, section 13.3): for errors that are not normal or not of one size.
/// `standard_error` is the replicates' standard deviation. Resamples whose x are all equal are drawn again.
/// At least three points, x not all equal, at least two replicates, else Error{usage}.
SlopeFit bootstrap_slope(std::span<const double> x, std::span<const double> y, std::int64_t replicates,
                         base::Stream& stream, double confidence = 0.95);

/// The coefficients c that minimise Σ_i w_i (y_i - Σ_j X_ij c_j)²; X is (y.size(), columns), row by row. At
/// least as many rows as columns, weights finite and not negative, full rank, else Error{usage}.
std::vector<double> weighted_least_squares(std::span<const double> x, std::span<const double> y,
                                           std::span<const double> weights, std::int64_t columns);

/// Slopes between neighbours: (y[i+1] - y[i]) / (x[i+1] - x[i]).
std::vector<double> local_slopes(std::span<const double> x, std::span<const double> y);

/// Kish's effective sample size (Σ w)^2 / Σ w^2 of weights that are not negative; 0 when all are 0.
double effective_sample_size(std::span<const double> weights);

/// The mean with its two-sided Student t interval; lower and upper are infinite for one value.
struct MeanInterval {
  double mean = 0, lower = 0, upper = 0;
};
MeanInterval mean_interval(std::span<const double> values, double confidence = 0.95);

/// A share of `trials` with its two-sided exact interval (Clopper & Pearson, Biometrika 26, 1934).
/// 0 <= successes <= trials and trials >= 1, else Error{usage}.
MeanInterval binomial_interval(std::int64_t successes, std::int64_t trials, double confidence = 0.95);

/// The `probability` quantile (0 to 1) of values in any order, linear between order statistics (Hyndman &
/// Fan, 1996, type 7; numpy's default). At least one value, else Error{usage}.
double quantile(std::vector<double> values, double probability);

/// Student's t quantile with `degrees` degrees of freedom.
double student_t_quantile(double probability, double degrees);

}  // namespace starling::math
