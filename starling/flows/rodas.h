#pragma once
#include <algorithm>
#include <cmath>

namespace starling::flows {

/// RODAS: six stages, order 4 with an embedded third, L-stable and stiffly accurate (Hairer & Wanner,
/// "Solving Ordinary Differential Equations II", 2nd ed., 1996, section VI.4), in the variables that save the
/// multiplication by the Jacobian (section IV.7).
struct Rodas {
  static constexpr int stages = 6;
  static constexpr double gamma = 0.25;
  static constexpr double a[stages][stages] = {
      {},
      {1.544},
      {0.9466785280815826, 0.2557011698983284},
      {3.314825187068521, 2.896124015972201, 0.9986419139977817},
      {1.221224509226641, 6.019134481288629, 12.53708332932087, -0.687886036105895},
      {1.221224509226641, 6.019134481288629, 12.53708332932087, -0.687886036105895, 1}};
  static constexpr double c[stages][stages] = {
      {},
      {-5.6688},
      {-2.430093356833875, -0.2063599157091915},
      {-0.1073529058151375, -9.594562251023355, -20.47028614809616},
      {7.496443313967647, -10.24680431464352, -33.99990352819905, 11.70890893206160},
      {8.083246795921522, -7.981132988064893, -31.52159432874371, 16.31930543123136, -6.058818238834054}};
};

/// What a step's length is multiplied by after a step whose error is `error` times the tolerance; NaN shrinks
/// it.
inline double step_growth(double error) {
  constexpr double shrink = 0.2, grow = 6, safety = 0.9;
  if (!(error < 1e30)) return shrink;
  if (error < 1e-4) return grow;
  return std::clamp(safety / std::sqrt(std::sqrt(error)), shrink, grow);
}

}  // namespace starling::flows
