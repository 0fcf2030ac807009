#pragma once
#include <vector>

namespace starling::math {

/// p(x) = a x + b x³ + c x⁵: one step of an iteration that draws singular values to 1.
struct OddQuintic {
  double a = 0, b = 0, c = 0;
  double operator()(double x) const { return x * (a + x * x * (b + x * x * c)); }
};

/// Quintics p_1, p_2, ... to be applied one after another.
struct MinimaxSchedule {
  std::vector<OddQuintic> steps{};
  double error = 0;  ///< sup of |1 - p_T(...p_1(x))| over [lower, 1]
};

/// Greedy minimax: each p_t has the least sup |1 - p| on the interval [l, u] that its forerunners leave,
/// [lower, 1] at first, found by exchange in 34-digit arithmetic (Amsel et al., "The Polar Express",
/// arXiv:2505.16932, sections 3 and 4, for a lower bound that is known). `cushion` > 0 designs for
/// [max(l, cushion u), u] and centres the image, as the published table does at lower = 1e-3, cushion =
/// 0.02407327424182761. Error{usage} unless 0 < lower <= 1, 0 <= steps <= 64 and 0 <= cushion < 1.
MinimaxSchedule minimax_schedule(double lower, int steps, double cushion = 0);

/// As many steps as bring the error to `tolerance`, at most 64.
MinimaxSchedule minimax_schedule_to(double lower, double tolerance);

/// Schedules for every lower bound in [lowest, 1], made once and then only read: eight bounds an octave, each
/// served by the next below it.
class MinimaxTable {
 public:
  /// With `steps` > 0 that many steps each, else as many as `tolerance` asks for. Error{usage} as above.
  MinimaxTable(double lowest, double tolerance, int steps = 0);
  /// Null where lower < lowest, or is not a number.
  const MinimaxSchedule* find(double lower) const;

 private:
  std::vector<MinimaxSchedule> schedules_;  // of lower bounds 2^(-i/8)
  double lowest_;
};

}  // namespace starling::math
