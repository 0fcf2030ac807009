#include "starling/systems/drift/animation.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace starling::drift {
namespace {

using base::Index;
using study::SeriesPoint;

constexpr Index points_a_frame = 400, background_points = 1500;

nlohmann::json values(const study::Store& store, const std::string& task, const char* axis) {
  nlohmann::json out = nlohmann::json::array();
  for (const SeriesPoint& point : store.series(task, axis)) out.push_back(point.value);
  return out;
}

}  // namespace

void record_frame(study::Store& store, std::int64_t number, const base::PointsRef<double>& cloud) {
  std::vector<SeriesPoint> x, y;
  for (Index i = 0; i < std::min(cloud.rows(), points_a_frame); ++i) {
    x.push_back({i, cloud(i, 0)});
    y.push_back({i, cloud(i, 1)});
  }
  study::Store::Transaction transaction(store);
  store.record(fmt::format("frame {:09d}", number), "x", "", x);
  store.record(fmt::format("frame {:09d}", number), "y", "", y);
  transaction.commit();
}

void record_animation(study::Store& store, const std::string& title, const std::string& caption,
                      const base::PointsRef<double>& background,
                      const std::function<std::string(std::int64_t)>& label) {
  nlohmann::json frames = nlohmann::json::array();
  for (const auto& series : store.series_names()) {
    if (series.task.rfind("frame ", 0) != 0 || series.name != "x") continue;
    frames.push_back({{"label", label(std::stoll(series.task.substr(6)))},
                      {"x", values(store, series.task, "x")},
                      {"y", values(store, series.task, "y")}});
  }
  nlohmann::json behind = {{"label", "held-out data"}};
  for (Index i = 0; i < std::min(background.rows(), background_points); ++i) {
    behind["x"].push_back(background(i, 0));
    behind["y"].push_back(background(i, 1));
  }
  store.record(study::Figure{
      "4-animation", title, caption, {{"kind", "animation"}, {"frames", frames}, {"background", behind}}});
}

}  // namespace starling::drift
