#include "starling/systems/muon/matrix_monitor.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "starling/math/spectral_map.h"

namespace starling::muon {
namespace {

using base::Index;
using study::SeriesPoint;

constexpr const char* spectra_task = "spectrum ";
constexpr std::size_t ridge_points = 64, most_ridges = 12;

Eigen::MatrixXd matrix_of(std::span<const float> numbers, const optim::TrainedBlock& block,
                          double scale = 1) {
  const Eigen::Map<const base::Points<float>> values(numbers.data() + block.offset, block.rows,
                                                     block.columns);
  return scale * values.cast<double>();
}

// Root mean square of s² over its mean, less 1: 0 for a multiple of a matrix with orthonormal rows.
double from_orthogonal(const Eigen::VectorXd& singular) {
  const double mean = singular.squaredNorm() / static_cast<double>(std::max<Index>(1, singular.size()));
  if (!(mean > 0)) return 0;
  return std::sqrt((singular.array().square() / mean - 1).square().mean());
}

double stable_rank(const Eigen::VectorXd& singular) {
  const double largest = singular.size() > 0 ? singular[0] : 0;
  return largest > 0 ? singular.squaredNorm() / (largest * largest) : 0;
}

void append(std::vector<double>& to, const Eigen::VectorXd& values) {
  to.insert(to.end(), values.begin(), values.end());
}

}  // namespace

MatrixMonitor::MatrixMonitor(const TrainSpec& spec, const std::vector<optim::TrainedBlock>& blocks)
    : spec_(spec) {
  for (const optim::TrainedBlock& block : blocks) {
    for (Index i = 0; block.is_matrix && i < block.batch; ++i) {
      optim::TrainedBlock one = block;
      one.offset += i * block.rows * block.columns;
      one.batch = 1;
      blocks_.push_back(one);
    }
  }
}

bool MatrixMonitor::has_momenta() const {
  using optim::Rule;
  return has_theory() || spec_.trainer.rule == Rule::normuon || spec_.trainer.rule == Rule::adamuon;
}
bool MatrixMonitor::has_theory() const {
  return spec_.trainer.rule == optim::Rule::muon || spec_.trainer.rule == optim::Rule::scion;
}
double MatrixMonitor::factor_of(const optim::TrainedBlock& block) const {
  return optim::shape_factor(optim::muon_spec(spec_.trainer).scale, block.rows, block.columns);
}

double MatrixMonitor::epsilon_of(const Eigen::MatrixXd& momentum) const {
  const auto least = static_cast<double>(std::min(momentum.rows(), momentum.cols()));
  return spec_.trainer.epsilon * momentum.norm() / std::sqrt(least);
}

// f(block, momentum) for every matrix; a tensor of several holds their momenta one after another.
template <class F>
void MatrixMonitor::each_momentum(LearnerState& state, F f) const {
  if (!has_momenta()) return;
  std::map<std::string, std::span<float>> momenta;
  for (const auto& [name, values] : state.optimizer.state()) momenta.emplace(name, values);
  std::map<std::string, Index> used;
  for (const optim::TrainedBlock& block : blocks_) {
    optim::TrainedBlock within = block;
    within.offset = used[block.name];
    used[block.name] += block.rows * block.columns;
    f(block, matrix_of(momenta.at(block.name + ".momentum"), within));
  }
}

void MatrixMonitor::after_step(LearnerState& state, std::span<const float> before) {
  double product = 0, now = 0, then = 0;
  for (const optim::TrainedBlock& block : blocks_) {
    const auto begin = static_cast<std::size_t>(block.offset);
    for (std::size_t i = begin; i < begin + block.size(); ++i) {
      const double a = static_cast<double>(state.moved[i]), b = static_cast<double>(before[i]);
      product += a * b;
      now += a * a;
      then += b * b;
    }
  }
  cosine_ = now > 0 && then > 0 ? product / std::sqrt(now * then) : 0;
  if (!has_theory()) return;
  each_momentum(state, [&](const optim::TrainedBlock& block, const Eigen::MatrixXd& momentum) {
    state.dissipated -= (momentum.array() * matrix_of(state.moved, block).array()).sum();
  });
}

double MatrixMonitor::stable_curvature(LearnerState& state, double rate) const {
  double most = std::numeric_limits<double>::infinity();
  const double beta = spec_.trainer.momentum;
  if (!has_theory()) return most;
  each_momentum(state, [&](const optim::TrainedBlock& block, const Eigen::MatrixXd& momentum) {
    const double scale = factor_of(block), e = epsilon_of(momentum);
    if (e > 0) most = std::min(most, 2 * (1 + beta) * e / (rate * scale * (1 - beta)));
  });
  return most;
}

MatrixMeasures MatrixMonitor::measure(LearnerState& state, const StepReport& report, double loss,
                                      double curvature) const {
  MatrixMeasures out;
  double orthogonality = 0, rank = 0;
  for (const optim::TrainedBlock& block : blocks_) {
    const Eigen::VectorXd s = math::singular_values(matrix_of(state.moved, block, 1 / report.rate));
    orthogonality += from_orthogonal(s) / static_cast<double>(blocks_.size());
    rank += stable_rank(s) / static_cast<double>(blocks_.size());
    append(out.update, s);
  }
  out.numbers = {{"orthogonality_error", orthogonality}, {"update_stable_rank", rank}};
  out.numbers.emplace_back("step_cosine", cosine_);
  out.numbers.emplace_back("curvature", curvature);
  if (!has_momenta()) return out;

  double kinetic = 0, pairing = 0, potential = 0, below = 0, momentum_rank = 0;
  const double gamma = (1 - spec_.trainer.momentum) / report.rate;
  each_momentum(state, [&](const optim::TrainedBlock& block, const Eigen::MatrixXd& momentum) {
    const Eigen::VectorXd s = math::singular_values(momentum);
    append(out.momentum, s);
    momentum_rank += stable_rank(s) / static_cast<double>(blocks_.size());
    const double e = epsilon_of(momentum);
    if (!(e > 0)) return;
    const math::SpectralMap map(e);
    double psi = 0;
    for (const double value : s) {
      psi += map.psi(value);
      pairing += value * map.f(value);
      below += value < e ? 1 : 0;
    }
    potential += psi;
    kinetic += factor_of(block) * psi / gamma;
  });
  const auto directions = static_cast<double>(std::max<std::size_t>(1, out.momentum.size()));
  out.numbers.emplace_back("momentum_stable_rank", momentum_rank);
  out.numbers.emplace_back("below_epsilon", below / directions);
  if (potential > 0) out.numbers.emplace_back("fenchel_ratio", pairing / potential);
  if (!has_theory()) return out;
  out.numbers.emplace_back("objective", loss);
  out.numbers.emplace_back("hamiltonian", loss + kinetic);
  out.numbers.emplace_back("dissipated", state.dissipated);
  const double bearable = stable_curvature(state, report.rate);
  if (std::isfinite(bearable)) out.numbers.emplace_back("stable_curvature", bearable);
  return out;
}

void record_spectra(study::Store& store, std::int64_t step, const MatrixMeasures& measures) {
  const auto points = [](std::vector<double> values) {
    std::ranges::sort(values);
    std::vector<SeriesPoint> out;
    for (std::size_t i = 0; i < values.size(); ++i) out.push_back({static_cast<std::int64_t>(i), values[i]});
    return out;
  };
  const std::string task = fmt::format("{}{:09d}", spectra_task, step);
  store.record(task, "update", "", points(measures.update));
  if (!measures.momentum.empty()) store.record(task, "momentum", "", points(measures.momentum));
}

namespace {

// Gaussian smoothing of log10 s, by Silverman's rule, on a grid from `low` to `high`.
nlohmann::json ridge(const std::vector<double>& logs, double low, double high, double base, double height) {
  double mean = 0, squares = 0;
  const double n = static_cast<double>(logs.size());
  for (const double x : logs) mean += x / n;
  for (const double x : logs) squares += (x - mean) * (x - mean) / n;
  const double width = std::max(1e-3 * (high - low), 1.06 * std::sqrt(squares) * std::pow(n, -0.2));
  std::vector<double> density(ridge_points, 0.0);
  nlohmann::json x = nlohmann::json::array(), y = nlohmann::json::array();
  for (std::size_t i = 0; i < ridge_points; ++i) {
    const double at = low + (high - low) * static_cast<double>(i) / (ridge_points - 1);
    for (const double value : logs) density[i] += std::exp(-0.5 * std::pow((at - value) / width, 2));
    x.push_back(std::pow(10.0, at));
  }
  const double most = *std::ranges::max_element(density);
  for (const double value : density) y.push_back(base + height * (most > 0 ? value / most : 0));
  return {{"x", x}, {"y", y}, {"mode", "lines"}};
}

void record_ridge_figure(study::Store& store, const std::string& series, const std::string& title) {
  std::vector<std::pair<std::int64_t, std::vector<double>>> spectra;
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (const study::SeriesName& name : store.series_names()) {
    if (!name.task.starts_with(spectra_task) || name.name != series) continue;
    std::vector<double> logs;
    for (const SeriesPoint& point : store.series(name.task, series)) {
      if (point.value > 1e-12) logs.push_back(std::log10(point.value));
    }
    if (logs.empty()) continue;
    low = std::min(low, *std::ranges::min_element(logs));
    high = std::max(high, *std::ranges::max_element(logs));
    spectra.emplace_back(std::stoll(name.task.substr(std::char_traits<char>::length(spectra_task))), logs);
  }
  if (spectra.empty()) return;
  low = std::max(low, high - 4);  // four decades: what is smaller is rounding or all but gone
  const std::size_t every = (spectra.size() + most_ridges - 1) / most_ridges;
  nlohmann::json groups = nlohmann::json::array();
  for (std::size_t i = 0; i < spectra.size(); i += every) {
    auto& [step, logs] = spectra[i];
    std::erase_if(logs, [low](double value) { return value < low; });
    if (logs.empty()) continue;
    nlohmann::json line = ridge(logs, low - 0.1, high + 0.1, static_cast<double>(groups.size()), 1.6);
    line["label"] = fmt::format("step {}", step);
    groups.push_back(line);
  }
  store.record(
      study::Figure{"3-spectra-" + series,
                    title,
                    "Density of the singular values of all matrices, one line a step, later ones higher.",
                    {{"kind", "xy"},
                     {"groups", groups},
                     {"log_x", true},
                     {"x_label", "singular value"},
                     {"y_label", "density, shifted by step"}}});
}

}  // namespace

void record_ridges(study::Store& store) {
  record_ridge_figure(store, "momentum", "Singular values of the momenta");
  record_ridge_figure(store, "update", "Singular values of the steps, over the rate");
}

}  // namespace starling::muon
