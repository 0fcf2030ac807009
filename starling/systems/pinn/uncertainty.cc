#include "starling/systems/pinn/uncertainty.h"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>

namespace starling::pinn {

LearnedIntervals learned_intervals(const System& system, Loss& loss, std::span<const double> parameters) {
  LearnedIntervals out;
  const auto rows = static_cast<Eigen::Index>(loss.residual_count()),
             size = static_cast<Eigen::Index>(parameters.size());
  constexpr double most = 1e8;
  if (system.learned.empty() || static_cast<double>(rows) * static_cast<double>(size) > most) return out;
  Eigen::VectorXd residual(rows);
  Eigen::MatrixXd jacobian(rows, size);
  loss.jacobian(parameters, {residual.data(), static_cast<std::size_t>(rows)},
                {jacobian.data(), static_cast<std::size_t>(rows * size)});
  const LossTerm& data = loss.term(loss.term_count() - 1);
  const auto n = static_cast<Eigen::Index>(data.targets.size());
  const Eigen::MatrixXd of_data = jacobian.bottomRows(n);
  Eigen::MatrixXd normal = jacobian.transpose() * jacobian;
  constexpr double damping = 1e-12;
  normal.diagonal().array() += damping * normal.diagonal().maxCoeff();
  const Eigen::LLT<Eigen::MatrixXd> factor(normal);
  if (factor.info() != Eigen::Success) return out;
  // The stacked rows are √(w/points) times what is missed; p does not change with that factor.
  const double row_weight = data.weight * static_cast<double>(data.roots.size()) / static_cast<double>(n);
  const Eigen::MatrixXd half = factor.matrixL().solve(of_data.transpose());
  out.determined = half.squaredNorm();
  const double free = std::max(1.0, static_cast<double>(n) - out.determined);
  out.noise = std::sqrt(residual.tail(n).squaredNorm() / row_weight / free);
  const auto learned = static_cast<Eigen::Index>(system.learned.size());
  for (Eigen::Index c = 0; c < learned; ++c) {
    const Eigen::Index at = size - learned + c;
    const Eigen::VectorXd column = factor.solve(Eigen::VectorXd::Unit(size, at));
    constexpr double normal_quantile = 1.959963984540054;
    const double spread = normal_quantile * out.noise * std::sqrt(row_weight) * (of_data * column).norm();
    const double raw = parameters[static_cast<std::size_t>(at)];
    const bool positive = system.learned[static_cast<std::size_t>(c)].positive;
    const auto value = [positive](double x) { return positive ? std::exp(x) : x; };
    out.coefficients.push_back({value(raw), value(raw - spread), value(raw + spread)});
  }
  return out;
}

}  // namespace starling::pinn
