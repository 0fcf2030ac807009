// Fourier modes through FFTW: the exponential integrator and Sobolev norms.
#include <fftw3.h>
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <memory>
#include <mutex>
#include <numbers>
#include <numeric>

#include "starling/base/error.h"
#include "starling/systems/pinn/references.h"

namespace starling::pinn {
namespace {

using base::Error;
using base::ErrorKind;
using Complex = std::complex<double>;
using std::numbers::pi;

// FFTW plans one at a time in the whole process; its transforms may run together.
std::mutex& planner() {
  static std::mutex mutex;
  return mutex;
}

// Where memory is short FFTW ends the program; std::bad_alloc is reported, and the run can go on.
void require_room_to_plan() {
  constexpr std::size_t enough = std::size_t{8} << 20;
  std::vector<char>().reserve(enough);
}

struct EndPlan {
  void operator()(fftw_plan_s* plan) const {
    const std::lock_guard lock(planner());
    fftw_destroy_plan(plan);
  }
};
using Plan = std::unique_ptr<fftw_plan_s, EndPlan>;

fftw_complex* raw(std::vector<Complex>& values) {
  return reinterpret_cast<fftw_complex*>(values.data());
}

// Values on n points and modes 0..n/2 of a real function.
class RealTransform {
 public:
  explicit RealTransform(int n)
      : values(static_cast<std::size_t>(n)), modes(static_cast<std::size_t>(n) / 2 + 1) {
    const std::lock_guard lock(planner());
    require_room_to_plan();
    forward_.reset(fftw_plan_dft_r2c_1d(n, values.data(), raw(modes), FFTW_ESTIMATE));
    backward_.reset(fftw_plan_dft_c2r_1d(n, raw(modes), values.data(), FFTW_ESTIMATE));
  }
  void to_modes() { fftw_execute(forward_.get()); }
  void to_values() {  // destroys the modes
    fftw_execute(backward_.get());
    for (double& value : values) value /= static_cast<double>(values.size());
  }
  std::vector<double> values;
  std::vector<Complex> modes;

 private:
  Plan forward_, backward_;
};

struct SpectralSetting {
  double low, length;
  int modes;
  double step;
};

SpectralSetting setting_of(SpectralEquation equation) {
  switch (equation) {
    case SpectralEquation::allen_cahn:
      return {-1, 2, 4096, 1.0 / 2000};
    case SpectralEquation::kuramoto_sivashinsky:
      return {0, 32 * pi, 512, 1.0 / 160};
    case SpectralEquation::zabusky_kruskal:
      break;
  }
  return {-1, 2, 512, 1.0 / 16000};
}

double initial(SpectralEquation equation, double x) {
  switch (equation) {
    case SpectralEquation::allen_cahn:
      x -= 2 * std::round(x / 2);
      return x * x * std::cos(pi * x);
    case SpectralEquation::kuramoto_sivashinsky:
      return std::cos(x / 16) * (1 + std::sin(x / 16));
    case SpectralEquation::zabusky_kruskal:
      break;
  }
  return std::cos(pi * x);
}

Complex linear_rate(SpectralEquation equation, double k) {
  switch (equation) {
    case SpectralEquation::allen_cahn:
      return 5 - 1e-4 * k * k;
    case SpectralEquation::kuramoto_sivashinsky:
      return k * k - k * k * k * k;
    case SpectralEquation::zabusky_kruskal:
      break;
  }
  return Complex(0, 0.022 * 0.022 * k * k * k);
}

// u_t = L u + N(u) on Fourier modes.
class Integrator {
 public:
  Integrator(SpectralEquation equation, const SpectralSetting& setting)
      : equation_(equation), setting_(setting), transform_(setting.modes), count_(transform_.modes.size()) {
    for (std::size_t j = 0; j < count_; ++j)
      wave_.push_back(2 * pi * static_cast<double>(j) / setting.length);
    for (std::size_t i = 0; i < transform_.values.size(); ++i) {
      transform_.values[i] = initial(equation, setting.low + setting.length * static_cast<double>(i) /
                                                                 static_cast<double>(setting.modes));
    }
    transform_.to_modes();
    v_ = transform_.modes;
    for (auto* array : {&nv_, &a_, &na_, &b_, &nb_, &c_, &nc_}) array->resize(count_);
  }

  void advance(double duration) {
    if (duration <= 0) return;
    const double steps = std::ceil(duration / setting_.step - 1e-9);
    prepare(duration / steps);
    for (double i = 0; i < steps; ++i) step();
  }

  // The Fourier sum at x; powers of e^{ikx} are set anew every 32 terms.
  double at(double x) const {
    const double angle = 2 * pi * (x - setting_.low) / setting_.length;
    const Complex turn = std::polar(1.0, angle);
    Complex power = 1, sum = 0;
    for (std::size_t j = 1; j + 1 < count_; ++j) {
      power = j % 32 == 1 ? std::polar(1.0, angle * static_cast<double>(j)) : power * turn;
      sum += v_[j] * power;
    }
    const double last = v_[count_ - 1].real() * std::cos(angle * static_cast<double>(count_ - 1));
    return (v_[0].real() + 2 * sum.real() + last) / static_cast<double>(setting_.modes);
  }

 private:
  // The coefficients as means over a circle around each hL, free of cancellation.
  void prepare(double h) {
    constexpr int circle = 32;
    for (auto* array : {&e_, &half_, &q_, &f1_, &f2_, &f3_}) array->assign(count_, 0.0);
    for (std::size_t j = 0; j < count_; ++j) {
      const Complex z = h * linear_rate(equation_, wave_[j]);
      e_[j] = std::exp(z);
      half_[j] = std::exp(z / 2.0);
      for (int m = 0; m < circle; ++m) {
        const Complex r = z + std::polar(1.0, 2 * pi * (m + 0.5) / circle), er = std::exp(r),
                      cube = r * r * r;
        const double share = h / circle;
        q_[j] += share * (std::exp(r / 2.0) - 1.0) / r;
        f1_[j] += share * (-4.0 - r + er * (4.0 - 3.0 * r + r * r)) / cube;
        f2_[j] += share * (2.0 + r + er * (r - 2.0)) / cube;
        f3_[j] += share * (-4.0 - 3.0 * r - r * r + er * (4.0 - r)) / cube;
      }
    }
  }

  void nonlinear(const std::vector<Complex>& modes, std::vector<Complex>& out) {
    transform_.modes = modes;
    transform_.to_values();
    const bool cubic = equation_ == SpectralEquation::allen_cahn;
    for (double& u : transform_.values) u = cubic ? -5 * u * u * u : u * u;
    transform_.to_modes();
    for (std::size_t j = 0; j < count_; ++j)
      out[j] = cubic ? transform_.modes[j] : Complex(0, -0.5 * wave_[j]) * transform_.modes[j];
    if (!cubic) out[count_ - 1] = 0;
  }

  void step() {
    nonlinear(v_, nv_);
    for (std::size_t j = 0; j < count_; ++j) a_[j] = half_[j] * v_[j] + q_[j] * nv_[j];
    nonlinear(a_, na_);
    for (std::size_t j = 0; j < count_; ++j) b_[j] = half_[j] * v_[j] + q_[j] * na_[j];
    nonlinear(b_, nb_);
    for (std::size_t j = 0; j < count_; ++j) c_[j] = half_[j] * a_[j] + q_[j] * (2.0 * nb_[j] - nv_[j]);
    nonlinear(c_, nc_);
    for (std::size_t j = 0; j < count_; ++j)
      v_[j] = e_[j] * v_[j] + nv_[j] * f1_[j] + 2.0 * (na_[j] + nb_[j]) * f2_[j] + nc_[j] * f3_[j];
  }

  SpectralEquation equation_;
  SpectralSetting setting_;
  RealTransform transform_;
  std::size_t count_;
  std::vector<double> wave_;
  std::vector<Complex> v_, nv_, a_, na_, b_, nb_, c_, nc_, e_, half_, q_, f1_, f2_, f3_;
};

}  // namespace

std::vector<double> spectral_reference(SpectralEquation equation, std::span<const double> x,
                                       std::span<const double> t, int modes, double step) {
  SpectralSetting setting = setting_of(equation);
  if (modes != 0) setting.modes = modes;
  if (step != 0) setting.step = step;
  const bool power = setting.modes >= 16 && setting.modes <= 65536 &&
                     std::has_single_bit(static_cast<unsigned>(setting.modes));
  if (x.size() != t.size() || !power || !(setting.step > 1e-7)) {
    throw Error(ErrorKind::usage,
                fmt::format("spectral reference: {} x, {} t, {} modes, step {}; expected as many x as t, "
                            "a power of 2 from 16 to 65536, a step above 1e-7",
                            x.size(), t.size(), setting.modes, setting.step));
  }
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!std::isfinite(x[i]) || !(t[i] >= 0 && t[i] <= 1000))
      throw Error(ErrorKind::usage,
                  fmt::format("spectral reference: x = {}, t = {}; expected finite x and t from 0 to 1000",
                              x[i], t[i]));
  }
  std::vector<std::size_t> order(x.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return t[a] < t[b]; });
  std::vector<double> values(x.size());
  Integrator integrator(equation, setting);
  double now = 0;
  for (const std::size_t i : order) {
    if (t[i] > now) {
      integrator.advance(t[i] - now);
      now = t[i];
    }
    values[i] = now == 0 ? initial(equation, x[i]) : integrator.at(x[i]);
  }
  return values;
}

double sobolev_norm(std::span<const double> values, std::span<const std::size_t> shape,
                    std::span<const double> spacing, double s) {
  std::size_t size = 1;
  for (const std::size_t extent : shape) size *= extent;
  const bool fits = (shape.size() == 1 || shape.size() == 2) && spacing.size() == shape.size() &&
                    size == values.size() && size > 0;
  if (!fits || !(s >= 0 && s <= 20) ||
      std::any_of(spacing.begin(), spacing.end(), [](double h) { return !(h > 0); })) {
    throw Error(ErrorKind::usage,
                fmt::format("norm: {} values on {} axes, s = {}; expected a grid of one or two axes, "
                            "a positive spacing for each, and s from 0 to 20",
                            values.size(), shape.size(), s));
  }
  std::vector<Complex> modes(values.begin(), values.end());
  {
    std::vector<int> extents(shape.begin(), shape.end());
    Plan plan;
    {
      const std::lock_guard lock(planner());
      require_room_to_plan();
      plan.reset(fftw_plan_dft(static_cast<int>(extents.size()), extents.data(), raw(modes), raw(modes),
                               FFTW_FORWARD, FFTW_ESTIMATE));
    }
    fftw_execute(plan.get());
  }
  const auto frequency = [&](std::size_t axis, std::size_t j) {
    const std::size_t n = shape[axis];
    const double number =
        j <= n / 2 ? static_cast<double>(j) : static_cast<double>(j) - static_cast<double>(n);
    return 2 * pi * number / (static_cast<double>(n) * spacing[axis]);
  };
  double sum = 0, cell = 1;
  for (const double h : spacing) cell *= h;
  for (std::size_t i = 0; i < size; ++i) {
    const std::size_t columns = shape.back();
    double square = std::pow(frequency(shape.size() - 1, i % columns), 2);
    if (shape.size() == 2) square += std::pow(frequency(0, i / columns), 2);
    sum += std::pow(1 + square, s) * std::norm(modes[i]);
  }
  return std::sqrt(sum * cell / static_cast<double>(size));
}

}  // namespace starling::pinn
