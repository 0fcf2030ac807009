// Residuals of equations and their gradients, 4 hidden layers of 50 tanh neurons in (x, t): what a call takes
// on one core, beside the machine's limit (the flops of its products at the rate of OpenBLAS's for 512 x
// 512), on two threads, and in single precision. bench/peers holds the same calls against PyTorch, JAX and
// DeepXDE.
//   bench_residual [ROUNDS]    11 by default; contestants take turns, medians and quartiles of the rounds'
//   ratios
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "starling/base/parallel.h"
#include "starling/base/random.h"
#include "starling/math/matrix_product.h"
#include "starling/systems/pinn/equation.h"
#include "starling/systems/pinn/residual.h"
#include "timing.h"

namespace {

using namespace starling;

const std::vector<std::pair<int, std::string>> equations = {{2, "u_t + u*u_x - 0.01/pi*u_xx = 0"},
                                                            {4, "u_t + u*u_x + u_xx + u_xxxx = 0"}};

double wall_seconds() {
  return bench::seconds_of(CLOCK_MONOTONIC);
}

// Seconds of a call, of as many as take a tenth of a second.
double seconds_of_call(const std::function<void()>& call) {
  call();
  double spent = 0;
  int calls = 0;
  const double began = wall_seconds();
  while (spent < 0.1) {
    call();
    ++calls;
    spent = wall_seconds() - began;
  }
  return spent / calls;
}

template <class T>
class GradientCall {
 public:
  GradientCall(const std::string& equation, std::ptrdiff_t points)
      : system_(pinn::parse_system(equation, {.axes = {"x", "t"}})),
        residual_(system_, pinn::equation_roots(system_), network_),
        parameters_(static_cast<std::size_t>(network_.parameter_count())),
        gradient_(parameters_.size()),
        points_(static_cast<std::size_t>(2 * points)) {
    base::Stream draws(1, 0, "bench");
    for (T& value : parameters_) value = static_cast<T>(0.15 * draws.normal());
    for (T& value : points_) value = static_cast<T>(draws.normal());
  }
  void operator()() {
    residual_.add_gradient(parameters_, points_.data(), static_cast<std::ptrdiff_t>(points_.size() / 2),
                           nullptr, 1, workspace_, gradient_);
  }
  // Forward and twice as much back, for every stream of every weight: specs of jets count so.
  double flops() const {
    double weights = 0;
    for (std::size_t l = 0; l + 1 < network_.widths.size(); ++l)
      weights += static_cast<double>(network_.widths[l] * network_.widths[l + 1]);
    return 6 * residual_.jets().streams().count() * weights * static_cast<double>(points_.size()) / 2;
  }

 private:
  nets::JetNetwork network_{{2, 50, 50, 50, 50, 1}};
  pinn::System system_;
  pinn::Residual<T> residual_;
  std::vector<T> parameters_, gradient_, points_;
  typename pinn::Residual<T>::Workspace workspace_;
};

struct Spread {
  std::vector<double> values;
  std::string text() {
    std::ranges::sort(values);
    const std::size_t n = values.size();
    return fmt::format("{:.2f} ({:.2f} - {:.2f})", values[n / 2], values[n / 4], values[n - 1 - n / 4]);
  }
};

// Flops a second of one core's products.
double product_rate() {
  constexpr std::ptrdiff_t n = 512;
  const std::vector<double> a(n * n, 1), b(n * n, 1);
  std::vector<double> out(n * n);
  return 2.0 * n * n * n / seconds_of_call([&] { math::product(n, n, n, a.data(), b.data(), out.data()); });
}

void race(int order, const std::string& equation, std::ptrdiff_t points, int rounds) {
  GradientCall<double> call(equation, points);
  GradientCall<float> single(equation, points);
  std::vector<double> seconds, of_two;
  Spread limit, threads, precision;
  for (int round = 0; round < rounds; ++round) {
    double one = 0, rate = 0, of_single = 0;
    {
      const base::ThreadLimit alone(1);
      one = seconds_of_call(std::ref(call));
      of_single = seconds_of_call(std::ref(single));
      rate = product_rate();
    }
    const base::ThreadLimit both(2);
    const double two = seconds_of_call(std::ref(call));
    seconds.push_back(one);
    of_two.push_back(two);
    limit.values.push_back(call.flops() / rate / one);
    threads.values.push_back(one / two);
    precision.values.push_back(one / of_single);
  }
  fmt::print(
      "order {}, {:5} points: {:8.3f} ms, {:5.1f} GFLOP/s, of the limit {}, two threads {} least {:.2f}, "
      "single {}\n",
      order, points, 1e3 * bench::median(seconds), 1e-9 * call.flops() / bench::median(seconds), limit.text(),
      threads.text(), std::ranges::min(seconds) / std::ranges::min(of_two), precision.text());
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? static_cast<int>(bench::number(argv[1])) : 11;
  for (const auto& [order, equation] : equations) {
    for (const std::ptrdiff_t points : {16, 128, 1024, 4096})
      race(order, equation, points, std::max(rounds, 1));
  }
}
