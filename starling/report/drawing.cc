#include "starling/report/drawing.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "starling/report/html.h"

namespace starling::report {
namespace {

using nlohmann::json;
using study::Metric;
using study::SeriesPoint;
using study::Store;

constexpr std::size_t most_points =
    4000;  // a curve: more than any screen has columns, few enough to keep a page small

json nothing(const std::string& reason) {
  return {{"kind", "none"}, {"reason", reason}};
}

// Keeps the first and last, and the smallest and the largest of each bucket: spikes survive.
std::vector<SeriesPoint> thinned(const std::vector<SeriesPoint>& points) {
  if (points.size() <= most_points) return points;
  const std::size_t buckets = most_points / 2 - 1;
  std::vector<SeriesPoint> out{points.front()};
  const auto less = [](const SeriesPoint& a, const SeriesPoint& b) { return a.value < b.value; };
  for (std::size_t b = 0; b < buckets; ++b) {
    const std::size_t inner = points.size() - 2;
    const auto bucket =
        std::span(points).subspan(1 + b * inner / buckets, (b + 1) * inner / buckets - b * inner / buckets);
    const auto [low, high] = std::minmax_element(bucket.begin(), bucket.end(), less);
    out.push_back(*std::min(low, high));
    if (low != high) out.push_back(*std::max(low, high));
  }
  out.push_back(points.back());
  return out;
}

json with_axes(const json& drawing, json groups) {
  json out = {{"kind", "xy"}, {"groups", std::move(groups)}};
  for (const char* key : {"x_label", "y_label", "log_x", "log_y", "reference_lines"}) {
    if (drawing.contains(key)) out[key] = drawing.at(key);
  }
  return out;
}

json curves(const Store& store, const json& drawing) {
  json groups = json::array(), missing = json::array();
  for (const json& curve : drawing.at("curves")) {
    const auto task = curve.at("task").get<std::string>(), series = curve.at("series").get<std::string>();
    const std::vector<SeriesPoint> points = thinned(store.series(task, series));
    if (points.empty()) {
      missing.push_back(fmt::format("series {} of {}", series, task));
      continue;
    }
    json x = json::array(), y = json::array();
    for (const SeriesPoint& point : points) {
      x.push_back(point.step);
      y.push_back(point.value);
    }
    groups.push_back({{"label", curve.value("label", series)}, {"x", x}, {"y", y}, {"mode", "lines"}});
  }
  if (groups.empty()) return nothing("The run recorded none of the series that this figure draws.");
  json out = with_axes(drawing, groups);
  if (!out.contains("x_label")) out["x_label"] = "step";
  out["missing"] = missing;
  return out;
}

// Each bar is value / floor, so that metrics of any unit share one axis and 1 means: as good as fresh data.
json floors(const Store& store, const json& drawing) {
  const std::vector<Metric> metrics = store.metrics();
  std::vector<std::string> tasks;
  json missing = json::array();
  const auto names = drawing.at("metrics").get<std::vector<std::string>>();
  const auto usable = [](const Metric& metric) {
    return metric.floor && *metric.floor > 0 && std::isfinite(metric.value);
  };
  for (const std::string& name : names) {
    bool found = false;
    for (const Metric& metric : metrics) {
      if (metric.name != name || !usable(metric)) continue;
      found = true;
      if (std::find(tasks.begin(), tasks.end(), metric.task) == tasks.end()) tasks.push_back(metric.task);
    }
    if (!found) missing.push_back("metric " + name + " with a floor above zero");
  }
  json groups = json::array();
  for (const std::string& task : tasks) {
    json x = json::array(), y = json::array(), error = json::array(), error_below = json::array();
    for (const Metric& metric : metrics) {
      if (metric.task != task || !usable(metric) ||
          std::find(names.begin(), names.end(), metric.name) == names.end())
        continue;
      x.push_back(metric.name);
      y.push_back(metric.value / *metric.floor);
      error.push_back(metric.upper ? (*metric.upper - metric.value) / *metric.floor : 0);
      error_below.push_back(metric.lower ? (metric.value - *metric.lower) / *metric.floor : 0);
    }
    groups.push_back({{"label", task},
                      {"x", x},
                      {"y", y},
                      {"error", error},
                      {"error_below", error_below},
                      {"mode", "bars"}});
  }
  if (groups.empty()) return nothing("The run recorded no floor for the metrics that this figure compares.");
  json out = with_axes(drawing, groups);
  out["y_label"] = drawing.value("y_label", "value / floor");
  out["reference_lines"] = json::array({{{"y", 1}, {"label", "floor: data against data"}}});
  out["missing"] = missing;
  return out;
}

json image(const Store& store, const json& drawing) {
  const auto id = drawing.at("image").get<std::string>();
  const std::string png = store.image(id);
  if (png.empty()) return nothing(fmt::format("The run recorded no image '{}'.", id));
  return {{"kind", "image"}, {"png", base64(png)}};
}

}  // namespace

json resolve(const Store& store, const json& drawing) {
  try {
    const auto kind = drawing.at("kind").get<std::string>();
    if (kind == "curves") return curves(store, drawing);
    if (kind == "floors") return floors(store, drawing);
    if (kind == "image") return image(store, drawing);
    if (kind == "xy") {
      return drawing.at("groups").empty() ? nothing("The run recorded no points for this figure.")
                                          : with_axes(drawing, drawing.at("groups"));
    }
    if (kind == "heatmap")
      return drawing.at(drawing.contains("frames") ? "frames" : "z").empty()
                 ? nothing("The run recorded no numbers for this figure.")
                 : drawing;
    if (kind == "animation")
      return drawing.at("frames").empty() ? nothing("The run recorded no frames.") : drawing;
    return nothing(fmt::format("This version draws no figure of kind '{}'.", kind));
  } catch (const json::exception& error) {
    return nothing(fmt::format("The figure is damaged: {}", error.what()));
  }
}

}  // namespace starling::report
