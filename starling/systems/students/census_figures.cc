#include "starling/systems/students/census_figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "starling/base/error.h"
#include "starling/systems/students/one_neuron.h"

namespace starling::students {
namespace {

using nlohmann::json;
using study::Figure;

constexpr std::size_t most_bars = 12, most_points = 3, most_eigenvalues = 2000;

std::string id_of(const CensusResult& result, const std::string& name) {
  return fmt::format("n{:04}-{}", result.students, name);
}

std::string title_of(const CensusResult& result, const std::string& title) {
  return fmt::format("{}, {}", title, census_task(result.students));
}

std::string short_name(std::size_t c, const CensusClass& one) {
  return fmt::format(
      "{}: {} {:.6g}", c + 1,
      one.point.label == Label::minimum ? to_string(one.point.kind) : to_string(one.point.label),
      one.point.loss);
}

// w_i.v_j / |v_j|, a row a neuron.
json overlaps(const Landscape& landscape, const CriticalPoint& point) {
  const base::Points<double>& v = landscape.teacher().w;
  json x = json::array(), y = json::array(), z = json::array();
  for (base::Index j = 0; j < v.rows(); ++j) x.push_back(fmt::format("teacher {}", j + 1));
  for (base::Index i = 0; i < point.live(); ++i) {
    y.push_back(fmt::format("{}: |w| = {:.3f}, a = {:.3f}", i + 1, point.student.w.row(i).norm(),
                            point.student.a[i]));
    json row = json::array();
    for (base::Index j = 0; j < v.rows(); ++j)
      row.push_back(point.student.w.row(i).dot(v.row(j)) / v.row(j).norm());
    z.push_back(std::move(row));
  }
  return {{"kind", "heatmap"},  {"x", x}, {"y", y}, {"z", z}, {"x_label", "overlap with"},
          {"y_label", "neuron"}};
}

json spectrum(const CriticalPoint& point, const std::string& label) {
  json x = json::array(), y = json::array();
  for (base::Index i = 0; i < point.eigenvalues.size(); ++i) {
    x.push_back(i + 1);
    y.push_back(point.eigenvalues[i]);
  }
  return {{"label", label}, {"x", x}, {"y", y}, {"mode", "markers"}};
}

json line(const std::string& label, json x, json y, const char* mode = "lines") {
  return {{"label", label}, {"x", std::move(x)}, {"y", std::move(y)}, {"mode", mode}};
}

}  // namespace

std::optional<double> copy_average_loss(const CensusSpec& spec, std::int64_t students) {
  const bool critical = spec.activation == Activation::erf || spec.activation == Activation::sin;
  if (!critical || spec.outgoing == Outgoing::fixed) return std::nullopt;
  return one_neuron(spec.teachers - students + 1, spec.activation).loss;
}

std::optional<PerturbedCopy> perturbed_copy_of(const CensusSpec& spec, std::int64_t students) {
  if (spec.activation != Activation::erf || spec.outgoing == Outgoing::fixed || students == 1 ||
      students == spec.teachers)
    return std::nullopt;
  try {
    return perturbed_copy_numbers(students, spec.teachers, dimension_of(spec), spec.activation);
  } catch (const base::Error& error) {
    if (error.kind() != base::ErrorKind::numerical) throw;
    return std::nullopt;
  }
}

std::string describe_class(const CensusClass& one) {
  return fmt::format("{}, {}, index {}, {} live", to_string(one.point.label), to_string(one.point.kind),
                     one.point.index, one.point.live());
}

void record_shares_figure(const CensusResult& result, study::Store& store) {
  json x = json::array(), y = json::array(), above = json::array(), below = json::array();
  const auto& classes = result.census.classes;
  for (std::size_t c = 0; c < std::min(most_bars, classes.size()); ++c) {
    x.push_back(short_name(c, classes[c]));
    y.push_back(classes[c].share.mean);
    above.push_back(classes[c].share.upper - classes[c].share.mean);
    below.push_back(classes[c].share.mean - classes[c].share.lower);
  }
  store.record(Figure{
      id_of(result, "1-shares"),
      title_of(result, "Where the flows end"),
      fmt::format("Share of {} random starts that end at each critical point up to symmetry, with its exact "
                  "95% interval; the number is the loss.",
                  result.census.class_of.size()),
      {{"kind", "xy"},
       {"y_label", "share of the runs"},
       {"groups",
        {{{"label", ""}, {"x", x}, {"y", y}, {"error", above}, {"error_below", below}, {"mode", "bars"}}}}}});
}

void record_point_figures(const CensusSpec& spec, const CensusResult& result, study::Store& store) {
  const Landscape landscape = landscape_of(spec);
  json groups = json::array();
  const auto& classes = result.census.classes;
  for (std::size_t c = 0; c < std::min(most_points, classes.size()); ++c) {
    const CriticalPoint& point = classes[c].point;
    if (point.live() == 0) continue;
    store.record(Figure{id_of(result, fmt::format("2-overlaps-{}", c + 1)),
                        title_of(result, fmt::format("Overlaps of class {}", short_name(c, classes[c]))),
                        fmt::format("{}; teachers of each neuron: {}", describe_class(classes[c]),
                                    structure(point.stands_for)),
                        overlaps(landscape, point)});
    if (point.eigenvalues.size() <= static_cast<base::Index>(most_eigenvalues))
      groups.push_back(spectrum(point, short_name(c, classes[c])));
  }
  store.record(
      Figure{id_of(result, "3-spectra"),
             title_of(result, "Spectra of the Hessian"),
             "Eigenvalues in ascending order; a minimum has none below zero.",
             {{"kind", "xy"}, {"x_label", "number"}, {"y_label", "eigenvalue"}, {"groups", groups}}});
}

void record_trace_figures(const CensusSpec& spec, const CensusResult& result, study::Store& store) {
  const Landscape landscape = landscape_of(spec);
  json losses = json::array(), ways = json::array();
  for (std::size_t t = 0; t < result.traces.size(); ++t) {
    const Trace& trace = result.traces[t];
    losses.push_back(line(fmt::format("start {}", t + 1), trace.times, trace.losses));
    const auto groups = stands_for(landscape, trace.students.back());
    json x = json::array(), y = json::array();
    for (base::Index i = 0; i < trace.students.back().a.size(); ++i) {
      const auto& mine = groups[static_cast<std::size_t>(i)];
      const base::Index first = mine.empty() ? 0 : mine.front();
      for (const Neurons& now : trace.students) {
        const double own = now.w.row(i).dot(landscape.teacher().w.row(first));
        x.push_back(own);
        y.push_back(std::sqrt(std::max(0.0, now.w.row(i).squaredNorm() - own * own)));
      }
      x.push_back(nullptr);
      y.push_back(nullptr);
    }
    ways.push_back(line(fmt::format("start {}", t + 1), x, y));
  }
  store.record(Figure{id_of(result, "4-losses"),
                      title_of(result, "Loss along the flow"),
                      "Time of dw/dt = -∂L/∂w.",
                      {{"kind", "xy"},
                       {"x_label", "time"},
                       {"y_label", "loss"},
                       {"log_x", true},
                       {"log_y", true},
                       {"groups", losses}}});
  store.record(Figure{
      id_of(result, "5-ways"),
      title_of(result, "Ways of the neurons"),
      "Each neuron's overlap with the teacher it comes to stand for, and what of it is orthogonal to that "
      "teacher. A copy ends at (±1, 0).",
      {{"kind", "xy"},
       {"x_label", "overlap with its teacher"},
       {"y_label", "orthogonal part"},
       {"groups", ways}}});
}

void record_saddle_figure(const CensusResult& result, study::Store& store) {
  const auto& points = result.connections->points;
  std::map<std::string, json> nodes;
  for (const CriticalPoint& point : points) {
    json& group = nodes[point.index > 0 ? std::string("saddle") : to_string(point.label)];
    if (group.is_null()) group = {{"x", json::array()}, {"y", json::array()}, {"text", json::array()}};
    group["x"].push_back(point.index);
    group["y"].push_back(point.loss);
    group["text"].push_back(structure(point.stands_for));
  }
  json x = json::array(), y = json::array();
  for (const Descent& descent : result.connections->descents) {
    for (const std::int32_t end : {descent.saddle, descent.end}) {
      const CriticalPoint& point = points[static_cast<std::size_t>(end)];
      x.push_back(point.index);
      y.push_back(point.loss);
    }
    x.push_back(nullptr);
    y.push_back(nullptr);
  }
  json groups = json::array({line("ways down", x, y)});
  for (auto& [label, group] : nodes) {
    group["label"] = label;
    group["mode"] = "markers+text";
    groups.push_back(group);
  }
  store.record(Figure{
      id_of(result, "6-saddles"),
      title_of(result, "Saddles and what lies below them"),
      "Critical points by index and loss, named by the teachers of each neuron; a line joins a saddle to "
      "where the flow from its negative directions comes to rest.",
      {{"kind", "xy"}, {"x_label", "negative eigenvalues"}, {"y_label", "loss"}, {"groups", groups}}});
}

void record_overview(const CensusSpec& spec, study::Store& store) {
  std::map<std::string, std::pair<json, json>> found;
  json n_average = json::array(), average = json::array(), n_perturbed = json::array(),
       perturbed = json::array();
  std::map<std::string, json> shares;
  const std::vector<study::Metric> metrics = store.metrics();
  std::vector<std::int64_t> sizes = spec.students;
  std::ranges::sort(sizes);
  for (const std::int64_t n : sizes) {
    for (const study::Metric& metric : metrics) {
      if (metric.task != census_task(n)) continue;
      if (metric.name.starts_with("class_") && metric.name.ends_with("_loss")) {
        found["critical points found"].first.push_back(n);
        found["critical points found"].second.push_back(metric.value);
      } else if (metric.name == "copy_average_loss") {
        n_average.push_back(n);
        average.push_back(metric.value);
      } else if (metric.name == "perturbed_copy_loss") {
        n_perturbed.push_back(n);
        perturbed.push_back(metric.value);
      } else if (metric.name.ends_with("_average_share") || metric.name.ends_with("_copy_share") ||
                 metric.name == "redundant_share") {
        json& group = shares[metric.name];
        if (group.is_null())
          group = {{"x", json::array()},
                   {"y", json::array()},
                   {"error", json::array()},
                   {"error_below", json::array()}};
        group["x"].push_back(n);
        group["y"].push_back(metric.value);
        group["error"].push_back(*metric.upper - metric.value);
        group["error_below"].push_back(metric.value - *metric.lower);
      }
    }
  }
  json groups = json::array();
  for (auto& [label, xy] : found) groups.push_back(line(label, xy.first, xy.second, "markers"));
  if (!average.empty()) groups.push_back(line("best copy average", n_average, average, "lines"));
  if (!perturbed.empty()) groups.push_back(line("perturbed copy", n_perturbed, perturbed, "lines"));
  store.record(Figure{"0-loss",
                      "Loss against the number of students",
                      "Every critical point that a flow reached.",
                      {{"kind", "xy"}, {"x_label", "students n"}, {"y_label", "loss"}, {"groups", groups}}});
  json bars = json::array();
  for (auto& [name, group] : shares) {
    group["label"] = name.substr(0, name.size() - 6);
    group["mode"] = "lines+markers";
    bars.push_back(group);
  }
  store.record(Figure{
      "0-shares",
      "Shares against the number of students",
      "With exact 95% intervals.",
      {{"kind", "xy"}, {"x_label", "students n"}, {"y_label", "share of the runs"}, {"groups", bars}}});
}

}  // namespace starling::students
