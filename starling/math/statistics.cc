#include "starling/math/statistics.h"

#include <fmt/format.h>

#include <Eigen/QR>
#include <algorithm>
#include <boost/math/distributions/binomial.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <limits>
#include <numeric>

#include "starling/base/error.h"

namespace starling::math {
namespace {

double mean_of(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

}  // namespace

double student_t_quantile(double probability, double degrees) {
  return boost::math::quantile(boost::math::students_t(degrees), probability);
}

double quantile(std::vector<double> values, double probability) {
  if (values.empty() || !(probability >= 0 && probability <= 1)) {
    throw base::Error(base::ErrorKind::usage,
                      "quantile: expected at least one value and a probability from 0 to 1");
  }
  const double place = probability * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(below);
  std::nth_element(values.begin(), middle, values.end());
  const double low = *middle;
  if (below + 1 == values.size()) return low;
  return low + (place - static_cast<double>(below)) * (*std::min_element(middle + 1, values.end()) - low);
}

SlopeFit fit_slope(std::span<const double> x, std::span<const double> y, double confidence) {
  if (x.size() != y.size() || x.size() < 2) {
    throw base::Error(base::ErrorKind::usage,
                      "fit_slope: expected two lists of one length, at least two points");
  }
  const double mean_x = mean_of(x), mean_y = mean_of(y);
  double xx = 0, xy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    xx += (x[i] - mean_x) * (x[i] - mean_x);
    xy += (x[i] - mean_x) * (y[i] - mean_y);
  }
  if (!(xx > 0)) throw base::Error(base::ErrorKind::usage, "fit_slope: all x are equal");
  SlopeFit fit;
  fit.slope = xy / xx;
  fit.intercept = mean_y - fit.slope * mean_x;
  const double degrees = static_cast<double>(x.size()) - 2;
  double half = std::numeric_limits<double>::infinity();
  if (degrees > 0) {
    double residual = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double error = y[i] - fit.intercept - fit.slope * x[i];
      residual += error * error;
    }
    fit.standard_error = std::sqrt(residual / degrees / xx);
    half = student_t_quantile(0.5 + confidence / 2, degrees) * fit.standard_error;
  }
  fit.lower = fit.slope - half;
  fit.upper = fit.slope + half;
  return fit;
}

SlopeFit bootstrap_slope(std::span<const double> x, std::span<const double> y, std::int64_t replicates,
                         base::Stream& stream, double confidence) {
  if (x.size() < 3 || replicates < 2) {
    throw base::Error(base::ErrorKind::usage,
                      "bootstrap_slope: expected at least three points and two replicates");
  }
  SlopeFit fit = fit_slope(x, y, confidence);
  std::vector<double> slopes, drawn_x(x.size()), drawn_y(x.size());
  while (std::ssize(slopes) < replicates) {
    for (std::size_t i = 0; i < x.size(); ++i) {
      const std::size_t pick = stream.below(x.size());
      drawn_x[i] = x[pick];
      drawn_y[i] = y[pick];
    }
    const auto [least, most] = std::minmax_element(drawn_x.begin(), drawn_x.end());
    if (*least < *most) slopes.push_back(fit_slope(drawn_x, drawn_y, confidence).slope);
  }
  std::sort(slopes.begin(), slopes.end());
  // The quantile between order statistics, linear in between.
  const auto quantile = [&](double p) {
    const double place = p * static_cast<double>(slopes.size() - 1);
    const auto below = static_cast<std::size_t>(place), above = std::min(below + 1, slopes.size() - 1);
    return slopes[below] + (place - static_cast<double>(below)) * (slopes[above] - slopes[below]);
  };
  fit.lower = quantile(0.5 - confidence / 2);
  fit.upper = quantile(0.5 + confidence / 2);
  const double mean = mean_of(slopes);
  double squares = 0;
  for (const double s : slopes) squares += (s - mean) * (s - mean);
  fit.standard_error = std::sqrt(squares / static_cast<double>(slopes.size() - 1));
  return fit;
}

std::vector<double> weighted_least_squares(std::span<const double> x, std::span<const double> y,
                                           std::span<const double> weights, std::int64_t columns) {
  const auto rows = static_cast<Eigen::Index>(y.size());
  if (columns < 1 || rows < columns || std::ssize(x) != rows * columns || weights.size() != y.size() ||
      !std::all_of(weights.begin(), weights.end(), [](double w) { return w >= 0 && std::isfinite(w); })) {
    throw base::Error(base::ErrorKind::usage,
                      fmt::format("weighted_least_squares: {} values, {} weights, {} entries for {} columns",
                                  y.size(), weights.size(), x.size(), columns));
  }
  Eigen::MatrixXd design(rows, columns);
  Eigen::VectorXd values(rows);
  for (Eigen::Index i = 0; i < rows; ++i) {
    const double root = std::sqrt(weights[static_cast<std::size_t>(i)]);
    for (Eigen::Index j = 0; j < columns; ++j)
      design(i, j) = root * x[static_cast<std::size_t>(i * columns + j)];
    values[i] = root * y[static_cast<std::size_t>(i)];
  }
  const Eigen::ColPivHouseholderQR<Eigen::MatrixXd> factors(design);
  if (factors.rank() < columns)
    throw base::Error(base::ErrorKind::usage, "weighted_least_squares: the columns depend on each other");
  const Eigen::VectorXd solution = factors.solve(values);
  return {solution.begin(), solution.end()};
}

std::vector<double> local_slopes(std::span<const double> x, std::span<const double> y) {
  std::vector<double> slopes;
  for (std::size_t i = 0; i + 1 < std::min(x.size(), y.size()); ++i) {
    slopes.push_back((y[i + 1] - y[i]) / (x[i + 1] - x[i]));
  }
  return slopes;
}

double effective_sample_size(std::span<const double> weights) {
  double sum = 0, squares = 0;
  for (const double w : weights) {
    sum += w;
    squares += w * w;
  }
  return squares > 0 ? sum * sum / squares : 0;
}

MeanInterval mean_interval(std::span<const double> values, double confidence) {
  if (values.empty()) throw base::Error(base::ErrorKind::usage, "mean_interval: expected at least one value");
  const double mean = mean_of(values), n = static_cast<double>(values.size());
  double half = std::numeric_limits<double>::infinity();
  if (values.size() > 1) {
    double squares = 0;
    for (const double v : values) squares += (v - mean) * (v - mean);
    half = student_t_quantile(0.5 + confidence / 2, n - 1) * std::sqrt(squares / (n - 1) / n);
  }
  return {mean, mean - half, mean + half};
}

MeanInterval binomial_interval(std::int64_t successes, std::int64_t trials, double confidence) {
  if (trials < 1 || successes < 0 || successes > trials) {
    throw base::Error(base::ErrorKind::usage,
                      fmt::format("binomial_interval: {} of {} trials; expected 0 to all of at least one",
                                  successes, trials));
  }
  using Binomial = boost::math::binomial_distribution<double>;
  const double n = static_cast<double>(trials), k = static_cast<double>(successes),
               tail = (1 - confidence) / 2;
  return {k / n, Binomial::find_lower_bound_on_p(n, k, tail), Binomial::find_upper_bound_on_p(n, k, tail)};
}

}  // namespace starling::math
