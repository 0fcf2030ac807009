#include "starling/optim/quasi_newton.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "starling/base/error.h"
#include "starling/base/parallel.h"

namespace starling::optim {
namespace {

using base::Index;

constexpr std::size_t at(Index i) {
  return static_cast<std::size_t>(i);
}

// Eight partial sums in a fixed order: the same bytes however the memory is aligned.
double dot(const double* a, const double* b, Index n) {
  double sums[8] = {};
  Index i = 0;
  for (; i + 8 <= n; i += 8) {
    for (Index k = 0; k < 8; ++k) sums[k] += a[i + k] * b[i + k];
  }
  for (; i < n; ++i) sums[i & 7] += a[i] * b[i];
  return ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]));
}
double dot(const std::vector<double>& a, const std::vector<double>& b) {
  return dot(a.data(), b.data(), static_cast<Index>(a.size()));
}

bool all_finite(std::span<const double> values) {
  double sum = 0;
  for (const double value : values) sum += value * 0;
  return sum == 0;
}

constexpr Index rows_together = 32;

}  // namespace

QuasiNewton::QuasiNewton(const QuasiNewtonSpec& spec, Index size) : spec_(spec), size_(size) {
  constexpr Index most = 40000;  // 12.8 GB
  const bool dense = spec.method != QuasiNewtonMethod::lbfgs;
  if (size < 1 || spec.memory < 1 || (dense && size > most)) {
    throw base::Error(
        base::ErrorKind::usage,
        fmt::format("quasi-Newton: {} parameters and a memory of {}; expected at least 1 of each, and "
                    "at most {} parameters for a method with a dense matrix",
                    size, spec.memory, most));
  }
  for (auto* vector : {&gradient_, &next_gradient_, &direction_, &trial_, &s_, &y_, &hy_})
    vector->resize(at(size));
  if (dense) {
    inverse_.resize(at(size) * at(size));
  } else {
    pairs_.resize(2 * at(spec.memory) * at(size));
    rhos_.resize(at(spec.memory));
    alphas_.resize(at(spec.memory));
  }
  reset();
}

void QuasiNewton::reset() {
  stored_ = 0;
  newest_ = -1;
  first_update_ = true;
  std::fill(inverse_.begin(), inverse_.end(), 0.0);
  for (Index i = 0; i < size_ && !inverse_.empty(); ++i) inverse_[at(i * size_ + i)] = 1;
  fresh_ = true;
}

double QuasiNewton::gradient_norm() const {
  return std::sqrt(dot(gradient_, gradient_));
}

QuasiNewtonEnd QuasiNewton::start(const SmoothFunction& function, std::span<const double> x) {
  value_ = function(x, gradient_);
  if (!std::isfinite(value_) || !all_finite(gradient_)) return QuasiNewtonEnd::not_finite;
  former_value_ = value_ + gradient_norm() / 2;
  fresh_ = true;
  return QuasiNewtonEnd::none;
}

// p = -H g; update_inverse has it already unless the gradient is of another function.
void QuasiNewton::find_direction() {
  if (spec_.method == QuasiNewtonMethod::lbfgs) return two_loops();
  if (!fresh_) return;
  const auto run = [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i)
      direction_[at(i)] = -dot(inverse_.data() + i * size_, gradient_.data(), size_);
  };
  base::parallel_chunks(size_, rows_together, std::cref(run));
}

// Nocedal & Wright, algorithm 7.4, with H₀ = (s·y / y·y) I.
void QuasiNewton::two_loops() {
  for (Index i = 0; i < size_; ++i) direction_[at(i)] = -gradient_[at(i)];
  const auto pair = [&](int back) {
    return static_cast<Index>((newest_ - back + spec_.memory) % spec_.memory);
  };
  for (int back = 0; back < stored_; ++back) {
    const Index k = pair(back);
    const double* s = pairs_.data() + 2 * k * size_;
    alphas_[at(k)] = rhos_[at(k)] * dot(s, direction_.data(), size_);
    for (Index i = 0; i < size_; ++i) direction_[at(i)] -= alphas_[at(k)] * s[size_ + i];
  }
  if (stored_ > 0) {
    const double* y = pairs_.data() + (2 * pair(0) + 1) * size_;
    const double scale = 1 / (rhos_[at(pair(0))] * dot(y, y, size_));
    for (double& p : direction_) p *= scale;
  }
  for (int back = stored_ - 1; back >= 0; --back) {
    const Index k = pair(back);
    const double* s = pairs_.data() + 2 * k * size_;
    const double beta = rhos_[at(k)] * dot(s + size_, direction_.data(), size_);
    for (Index i = 0; i < size_; ++i) direction_[at(i)] += (alphas_[at(k)] - beta) * s[i];
  }
}

QuasiNewtonEnd QuasiNewton::step(const SmoothFunction& function, std::span<double> x) {
  if (gradient_norm() == 0) return QuasiNewtonEnd::stationary;
  find_direction();
  slope_ = dot(direction_, gradient_);
  if (!(slope_ < 0)) {  // H has lost its sign to rounding
    reset();
    find_direction();
    slope_ = dot(direction_, gradient_);
  }
  fresh_ = true;
  double first = std::min(1.0, 1.01 * 2 * (value_ - former_value_) / slope_);
  if (!(first > 0)) first = 1;
  double last = 0;
  const auto phi = [&](double length) {
    for (Index i = 0; i < size_; ++i) trial_[at(i)] = x[at(i)] + length * direction_[at(i)];
    last = length;
    Along here{.value = function(trial_, next_gradient_)};
    here.slope = dot(next_gradient_, direction_);
    return here;
  };
  const LineStep found = wolfe_search(std::cref(phi), {value_, slope_}, first, spec_.wolfe);
  if (!(found.length > 0)) return QuasiNewtonEnd::line_search;
  if (last != found.length) phi(found.length);  // the gradient there
  if (!all_finite(next_gradient_)) return QuasiNewtonEnd::not_finite;
  length_ = found.length;
  for (Index i = 0; i < size_; ++i) {
    s_[at(i)] = trial_[at(i)] - x[at(i)];
    y_[at(i)] = next_gradient_[at(i)] - gradient_[at(i)];
    x[at(i)] = trial_[at(i)];
  }
  former_value_ = value_;
  value_ = found.at.value;
  learn();
  return QuasiNewtonEnd::none;
}

std::vector<double> QuasiNewton::snapshot() const {
  std::vector<double> out{value_,
                          former_value_,
                          length_,
                          first_update_ ? 1.0 : 0.0,
                          fresh_ ? 1.0 : 0.0,
                          static_cast<double>(stored_),
                          static_cast<double>(newest_)};
  for (const auto* part : {&gradient_, &direction_, &inverse_, &pairs_, &rhos_})
    out.insert(out.end(), part->begin(), part->end());
  return out;
}

void QuasiNewton::restore(std::span<const double> numbers) {
  constexpr std::size_t scalars = 7;
  std::size_t expected = scalars;
  for (const auto* part : {&gradient_, &direction_, &inverse_, &pairs_, &rhos_}) expected += part->size();
  if (numbers.size() != expected)
    throw base::Error(
        base::ErrorKind::usage,
        fmt::format("quasi-Newton: a snapshot of {} numbers; expected {}", numbers.size(), expected));
  value_ = numbers[0];
  former_value_ = numbers[1];
  length_ = numbers[2];
  first_update_ = numbers[3] != 0;
  fresh_ = numbers[4] != 0;
  stored_ = static_cast<int>(numbers[5]);
  newest_ = static_cast<int>(numbers[6]);
  auto from = numbers.begin() + scalars;
  for (auto* part : {&gradient_, &direction_, &inverse_, &pairs_, &rhos_}) {
    std::copy_n(from, part->size(), part->begin());
    from += static_cast<std::ptrdiff_t>(part->size());
  }
}

// The scale τ and the parameter φ of SSBroyden2.
double QuasiNewton::self_scaled(double h, double b, double& phi) const {
  double a = b * h - 1;
  if (a == 0) a = 1e-16;
  const double c = std::sqrt(std::abs(a / (1 + a))), rm = std::min(1.0, h * (1 - c));
  double theta = std::max((rm - 1) / a, std::min(1 / rm, (1 - b) / b));
  if (!std::isfinite(theta)) theta = 0;
  const double sigma = 1 + a * theta, sn = std::pow(std::abs(sigma), 1 / (1 - static_cast<double>(size_))),
               rk = std::min(1.0, 1 / b);
  phi = (1 - theta) / (1 + a * theta);
  if (first_update_) return h / sigma;
  return theta <= 0 ? std::min(rk * sn, sigma) : rk * std::min(sn, 1 / theta);
}

void QuasiNewton::learn() {
  const double ys = dot(y_, s_);
  if (!(ys > 0)) {
    gradient_.swap(next_gradient_);
    return;
  }
  const double rho = 1 / ys;
  if (spec_.method == QuasiNewtonMethod::lbfgs) {
    newest_ = (newest_ + 1) % spec_.memory;
    stored_ = std::min(stored_ + 1, spec_.memory);
    double* pair = pairs_.data() + 2 * static_cast<Index>(newest_) * size_;
    std::copy(s_.begin(), s_.end(), pair);
    std::copy(y_.begin(), y_.end(), pair + size_);
    rhos_[at(newest_)] = rho;
    gradient_.swap(next_gradient_);
    return;
  }
  const auto multiply = [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) hy_[at(i)] = dot(inverse_.data() + i * size_, y_.data(), size_);
  };
  base::parallel_chunks(size_, rows_together, std::cref(multiply));
  const double yhy = dot(y_, hy_), h = rho * yhy, b = -length_ * rho * dot(s_, gradient_);
  gradient_.swap(next_gradient_);
  if (!(yhy > 0)) return;
  double scale = 1, phi = 1;
  if (spec_.method == QuasiNewtonMethod::ssbfgs_ab) scale = std::min(1.0, 1 / b);
  if (spec_.method == QuasiNewtonMethod::ssbroyden2) scale = self_scaled(h, b, phi);
  if (!(scale > 0) || !std::isfinite(scale) || !std::isfinite(phi)) scale = phi = 1;
  first_update_ = false;
  update_inverse(scale, phi, yhy, rho);
}

// H <- (H - Hy Hyᵀ / yHy + φ yHy v vᵀ) / τ + ρ s sᵀ with v = ρ s - Hy / yHy, and -H g in the same pass.
void QuasiNewton::update_inverse(double scale, double phi, double yhy, double rho) {
  const double keep = 1 / scale, ss = phi * yhy * rho * rho / scale + rho, sh = -phi * rho / scale,
               hh = (phi - 1) / (scale * yhy);
  const auto run = [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) {
      double* row = inverse_.data() + i * size_;
      const double along_s = ss * s_[at(i)] + sh * hy_[at(i)], along_h = sh * s_[at(i)] + hh * hy_[at(i)];
      for (Index j = 0; j < size_; ++j) row[j] = keep * row[j] + (along_s * s_[at(j)] + along_h * hy_[at(j)]);
      direction_[at(i)] = -dot(row, gradient_.data(), size_);
    }
  };
  base::parallel_chunks(size_, rows_together, std::cref(run));
  fresh_ = false;
}

}  // namespace starling::optim
