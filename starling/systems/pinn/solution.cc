#include "starling/systems/pinn/solution.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "starling/systems/pinn/points.h"
#include "starling/systems/pinn/residual.h"
#include "starling/systems/pinn/windows.h"

namespace starling::pinn {
namespace {

using nlohmann::json;

// What of the domain a figure shows: one or two axes of `size` numbers each, the others held.
struct Section {
  std::vector<std::size_t> shown{};
  std::vector<std::vector<double>> ticks{};  // of the axes shown
  std::vector<double> points{};              // the last axis shown changes fastest
  std::string held{};                        // for the caption
};

Section section_of(const System& system) {
  const Box& box = *system.domain;
  const std::size_t axes = system.axes.size();
  Section out;
  for (std::size_t a = 0; a < axes; ++a) {
    if (axes <= 2 || (system.axes[a] != "t" && out.shown.size() < 2)) out.shown.push_back(a);
  }
  // Time runs to the right.
  if (out.shown.size() == 2 && system.axes[out.shown[0]] != "t") std::swap(out.shown[0], out.shown[1]);
  if (axes > 2) std::sort(out.shown.rbegin(), out.shown.rend());
  const int size = out.shown.size() == 1 ? 401 : 81;
  std::vector<double> point(axes);
  for (std::size_t a = 0; a < axes; ++a) {
    point[a] = system.axes[a] == "t" ? box.high[a] : (box.low[a] + box.high[a]) / 2;
    if (std::find(out.shown.begin(), out.shown.end(), a) == out.shown.end())
      out.held += fmt::format("{}{} = {:g}", out.held.empty() ? " At " : ", ", system.axes[a], point[a]);
  }
  if (!out.held.empty()) out.held += ".";
  for (const std::size_t a : out.shown) {
    std::vector<double> ticks;
    for (int i = 0; i < size; ++i) ticks.push_back(box.low[a] + (box.high[a] - box.low[a]) * i / (size - 1));
    out.ticks.push_back(std::move(ticks));
  }
  // Rows of a heat map are of the vertical axis, the last one shown.
  const auto rows = out.shown.size() == 2 ? out.ticks[1] : std::vector<double>{0};
  for (const double y : rows) {
    for (const double x : out.ticks[0]) {
      point[out.shown[0]] = x;
      if (out.shown.size() == 2) point[out.shown[1]] = y;
      out.points.insert(out.points.end(), point.begin(), point.end());
    }
  }
  return out;
}

json drawing_of(const System& system, const Section& section, const std::string& name,
                const std::vector<double>& values) {
  const std::vector<double>& x = section.ticks[0];
  json out = {{"x_label", system.axes[section.shown[0]]}};
  if (section.shown.size() == 1) {
    out.update({{"kind", "xy"},
                {"y_label", name},
                {"groups", {{{"label", name}, {"x", x}, {"y", values}, {"mode", "lines"}}}}});
    return out;
  }
  json rows = json::array();
  for (std::size_t r = 0; r < section.ticks[1].size(); ++r) {
    const auto begin = values.begin() + static_cast<std::ptrdiff_t>(r * x.size());
    rows.push_back(std::vector<double>(begin, begin + static_cast<std::ptrdiff_t>(x.size())));
  }
  out.update({{"kind", "heatmap"},
              {"numeric", true},
              {"x", x},
              {"y", section.ticks[1]},
              {"z", rows},
              {"y_label", system.axes[section.shown[1]]}});
  return out;
}

// Points of holes become NaN, which is drawn as nothing.
void cut_holes(const System& system, const std::vector<double>& points, std::vector<double>& values) {
  const std::size_t axes = system.axes.size();
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (within_hole(system, std::span(points).subspan(i * axes, axes))) values[i] = std::nan("");
  }
}

void record_points(study::Store& store, const System& system, const Section& section,
                   std::span<const double> interior) {
  if (section.shown.size() != 2 || system.axes.size() != 2) return;
  std::vector<double> x, y;
  for (std::size_t i = 0; i < interior.size(); i += 2) {
    x.push_back(interior[i + section.shown[0]]);
    y.push_back(interior[i + section.shown[1]]);
  }
  store.record(study::Figure{"7-points",
                             "Points of the equations at the end",
                             "",
                             {{"kind", "xy"},
                              {"x_label", system.axes[section.shown[0]]},
                              {"y_label", system.axes[section.shown[1]]},
                              {"groups", {{{"label", ""}, {"x", x}, {"y", y}, {"mode", "markers"}}}}}});
}

}  // namespace

std::vector<double> values_within(const Problem& problem, const std::vector<int>& nodes,
                                  std::span<const double> parameters, std::span<const double> points) {
  const Residual<double> residual(problem.system(), nodes, problem.network());
  Residual<double>::Workspace workspace;
  const std::size_t count = points.size() / problem.system().axes.size();
  std::vector<double> out(nodes.size() * count);
  if (count == 0) return out;
  residual.values(parameters, points.data(), static_cast<std::ptrdiff_t>(count), workspace, out.data());
  return out;
}

// Window by window: the points of each, and their values back in the order of the points.
std::vector<double> values_of(const Problem& problem, const std::vector<int>& nodes,
                              std::span<const double> parameters, std::span<const double> points) {
  const auto windows = static_cast<std::size_t>(problem.windows());
  if (windows == 1) return values_within(problem, nodes, parameters, points);
  const std::size_t axes = problem.system().axes.size(), t = time_axis(problem.system(), "train.windows"),
                    count = points.size() / axes;
  std::vector<std::vector<std::size_t>> members(windows);
  for (std::size_t i = 0; i < count; ++i)
    members[static_cast<std::size_t>(window_of(problem.system(), problem.windows(), points[i * axes + t]))]
        .push_back(i);
  std::vector<double> out(nodes.size() * count);
  for (std::size_t w = 0; w < windows; ++w) {
    std::vector<double> own;
    for (const std::size_t i : members[w])
      own.insert(own.end(), points.begin() + static_cast<std::ptrdiff_t>(i * axes),
                 points.begin() + static_cast<std::ptrdiff_t>((i + 1) * axes));
    const std::size_t size = problem.parameter_count();
    const std::vector<double> values = values_within(problem, nodes, parameters.subspan(w * size, size), own);
    for (std::size_t n = 0; n < nodes.size(); ++n) {
      for (std::size_t k = 0; k < members[w].size(); ++k)
        out[n * count + members[w][k]] = values[n * members[w].size() + k];
    }
  }
  return out;
}

std::vector<SolutionError> solution_errors(const Problem& problem, std::span<const double> parameters) {
  std::vector<SolutionError> out;
  for (std::size_t k = 0; k < problem.quantities().size(); ++k) {
    const auto& known = problem.reference()[k];
    if (!known) continue;
    const std::vector<double> found =
        values_of(problem, {problem.quantities()[k].node}, parameters, problem.reference_points());
    SolutionError error{.quantity = problem.quantities()[k].name};
    double miss = 0, size = 0;
    for (std::size_t i = 0; i < found.size(); ++i) {
      const double off = found[i] - (*known)[i];
      miss += off * off;
      size += (*known)[i] * (*known)[i];
      error.largest = std::max(error.largest, std::abs(off));
    }
    error.relative = size > 0 ? std::sqrt(miss / size) : std::sqrt(miss);
    out.push_back(error);
  }
  return out;
}

math::MeanInterval residual_size(const Problem& problem, std::span<const double> parameters,
                                 std::int64_t count, std::uint64_t seed) {
  const std::vector<double> points = interior_points(problem.system(), count, base::Stream(seed, 0, "judge"));
  const std::vector<double> residuals =
      values_of(problem, equation_roots(problem.system()), parameters, points);
  std::vector<double> squares(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < residuals.size(); ++i)
    squares[i % squares.size()] += residuals[i] * residuals[i];
  const math::MeanInterval mean = math::mean_interval(squares);
  return {std::sqrt(mean.mean), std::sqrt(std::max(0.0, mean.lower)), std::sqrt(mean.upper)};
}

void record_solution_figures(study::Store& store, const Problem& problem, std::span<const double> parameters,
                             std::span<const double> interior) {
  const System& system = problem.system();
  const Section section = section_of(system);
  const auto draw = [&](const std::string& id, const std::string& title, const std::string& name,
                        std::vector<double> values) {
    cut_holes(system, section.points, values);
    store.record(study::Figure{id, title, section.held, drawing_of(system, section, name, values)});
  };
  const auto known = problem.reference(section.points);
  for (std::size_t k = 0; k < problem.quantities().size(); ++k) {
    const Definition& quantity = problem.quantities()[k];
    const std::vector<double> found = values_of(problem, {quantity.node}, parameters, section.points);
    draw("4-solution-" + quantity.name, "The solution " + quantity.name, quantity.name, found);
    if (!known[k]) continue;
    std::vector<double> off = found;
    for (std::size_t i = 0; i < off.size(); ++i) off[i] -= (*known[k])[i];
    draw("5-error-" + quantity.name, "Error of " + quantity.name, "error", off);
  }
  for (std::size_t e = 0; e < system.equations.size(); ++e) {
    draw(fmt::format("6-residual-{}", e + 1),
         fmt::format("Residual of the equation of line {}", system.equations[e].line), "residual",
         values_of(problem, {system.equations[e].residual}, parameters, section.points));
  }
  record_points(store, system, section, interior);
}

}  // namespace starling::pinn
