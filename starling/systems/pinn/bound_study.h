#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "starling/base/random.h"
#include "starling/math/statistics.h"
#include "starling/systems/pinn/bound_norms.h"
#include "starling/systems/pinn/bound_spec.h"

namespace starling::pinn {

/// How the weight between the hidden layers of a class is drawn.
enum class HiddenWeight {
  glorot,      ///< as networks begin
  orthogonal,  ///< full rank, all singular values 1
  low_rank     ///< BoundStudySpec::rank equal singular values, of the same Frobenius norm as orthogonal
};

/// Networks [1, width, width, 1] on -1 <= x <= 1.
struct NetworkClass {
  nets::JetNetwork network;
  std::vector<std::vector<double>> members;
};

/// Draws class number `index`. Members of `glorot` are scaled to the amplitude of the spec; the others keep
/// their scale, so that products of their Frobenius norms agree.
NetworkClass draw_class(const BoundStudySpec& spec, HiddenWeight hidden, std::uint64_t index = 0);

/// What a class is measured with: the values of a function of every member on `pool` even points of the
/// interval, which samples are drawn from with replacement.
struct ClassValues {
  std::vector<std::vector<double>> values{};  ///< [member][pool]
  double largest() const;                     ///< |value|
};
constexpr std::int64_t pool_size = 4096;
std::vector<double> pool_points();
ClassValues class_values(const System& system, int node, const NetworkClass& drawn);

/// E max_j (1/n) Σ ε_i v_j(x_i) over points and signs, with its 95% interval over `replicates` draws.
math::MeanInterval rademacher(const ClassValues& values, std::int64_t n, std::int64_t replicates,
                              base::Stream stream);
/// E max_j (E v_j² - (1/n) Σ v_j(x_i)²), the uniform gap of the mean squares.
math::MeanInterval uniform_gap(const ClassValues& values, std::int64_t n, std::int64_t replicates,
                               base::Stream stream);

/// The largest windowed norms in a class, in H^smoothness to H^(smoothness + 4).
std::vector<double> class_norms(const System& system, const NetworkClass& drawn, double smoothness);

/// The complexity of the ball |u|_s <= 1 in one dimension, s = 1 or 2, exactly but for the draws of points
/// and signs: E √(εᵀ K ε) / n.
math::MeanInterval ball_complexity(int s, std::int64_t n, std::int64_t replicates, base::Stream stream);

/// One network trained on n independent points of -u_xx = π² sin(πx), boundary weight 100, and judged.
struct TrainedRun {
  std::int64_t points = 0;
  double train = 0, truth = 0;        ///< mean r² of its points, and over the interval
  double bound = 0, largest = 0;      ///< of the gap by gap_bound; M
  double norm = 0;                    ///< |u|_3, windowed
  double log_kappa = 0;               ///< of the hidden weight, s = 3
  double holdout = 0;                 ///< Bernstein's bound of `truth`
  double error = 0, certified = 0;    ///< sup |u - sin(πx)|, and its certificate
  double golowich = 0, bartlett = 0;  ///< of the value network
  double gap() const { return truth - train; }
};
TrainedRun train_and_judge(const BoundStudySpec& spec, std::int64_t points, std::int64_t run);

}  // namespace starling::pinn
