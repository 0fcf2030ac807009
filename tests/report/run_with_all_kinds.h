#pragma once
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "starling/data/png.h"
#include "starling/report/sample_sheet.h"
#include "starling/study/store.h"

namespace starling::report {

/// A folder for one test, removed with it.
class Folder {
 public:
  explicit Folder(const std::string& name)
      : path_(std::filesystem::temp_directory_path() / ("starling-report-" + name)) {
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// Tries to close what it stands in, as HTML, as JSON in a script, and as a label that Plotly reads.
inline const std::string hostile =
    "</script><script>throw 1</script><img src=x onerror='throw 2'>\"&<b>bold</b>";

inline nlohmann::json example_manifest() {
  return {{"version", "0.1.0"},
          {"commit", "0123456789ab"},
          {"build", "g++ 12.2, Release"},
          {"seed", 7},
          {"status", "done"},
          {"seconds", 41.7},
          {"threads", 2},
          {"machine", {{"cpu", "An Example CPU"}, {"cores", 2}}},
          {"config",
           {{"system", "drift"},
            {"job", "train"},
            {"seed", 7},
            {"field", {{"kernel", "laplace"}, {"temperatures", {0.02, 0.05, 0.2}}}},
            {"train", {{"steps", 4000}, {"rate", 0.001}}}}}};
}

/// Records one figure of every kind, hostile text in each place that takes text, metrics, claims and
/// warnings. The number of figures that can be drawn.
inline int record_all_kinds(study::Store& store) {
  using nlohmann::json;
  study::Store::Transaction transaction(store);
  std::vector<study::SeriesPoint> loss, rate;
  for (int step = 0; step < 4000; step += 10) {
    loss.push_back({step, 2 * std::exp(-step / 600.0) + 0.02 + 0.01 * std::sin(step * 0.37)});
    rate.push_back({step, 0.5 * std::exp(-step / 1500.0) + 0.01});
  }
  store.record("train", "loss", "", loss);
  store.record("train", "rate", "", rate);
  for (const char* task : {"seed 1", "seed 2"}) {
    const double scale = std::string(task) == "seed 1" ? 1.0 : 1.2;
    store.record(study::Metric{task, "energy_distance", "", 0.0021 * scale, 0.0018 * scale, 0.0025 * scale,
                               0.0016, ""});
    store.record(study::Metric{task, "sliced_wasserstein", "length", 0.31 * scale, 0.27 * scale, 0.36 * scale,
                               0.25, "p = 2"});
    store.record(study::Metric{task, "coverage", "", 0.94, {}, {}, {}, hostile});
  }
  store.record(study::Metric{"seed 1", "smallest_eigenvalue", "", -3.2e-9, {}, {}, {}, ""});
  store.record(study::Warning{"seed 1", 120, "the effective sample size fell to 3.1 of 256 " + hostile});

  study::Claim claim{"drift.rate",
                     "The Fisher residual falls as 1/N.",
                     "Theorem 4.2",
                     "slope over N = 64 to 4096",
                     "an interval that excludes -1",
                     -1.02,
                     -1.09,
                     -0.95,
                     "-1",
                     study::Verdict::holds,
                     ""};
  store.record(claim);
  claim = {"drift.bound",
           "The step-size guarantee bounds the loss. " + hostile,
           "Proposition 3 (reconstruction)",
           "largest ratio of loss to bound",
           "a ratio above 1",
           1.31,
           1.22,
           1.4,
           "at most 1",
           study::Verdict::fails,
           "The bound's constant is not known; this one is a reconstruction."};
  store.record(claim);
  claim = {"drift.occupancy",
           "Every mode is occupied.",
           "Section 5",
           "share of empty modes",
           "",
           {},
           {},
           {},
           "0",
           study::Verdict::inconclusive,
           "Too few samples for the claim to have power."};
  store.record(claim);

  json xs = json::array(), ys = json::array(), errors = json::array();
  for (int i = 0; i < 7; ++i) {
    xs.push_back(64 << i);
    ys.push_back(3.0 / (64 << i));
    errors.push_back(0.4 / (64 << i));
  }
  json frames = json::array();
  const auto ring = [](double radius) {
    json x = json::array(), y = json::array();
    for (int i = 0; i < 200; ++i) {
      x.push_back(radius * std::cos(i * 0.7));
      y.push_back(radius * std::sin(i * 0.7) + 0.1 * std::cos(i * 2.3));
    }
    return json{{"x", x}, {"y", y}};
  };
  for (int f = 0; f <= 10; ++f) {
    json frame = ring(0.2 + 0.08 * f);
    frame["label"] = "step " + std::to_string(100 * f);
    frames.push_back(frame);
  }
  json background = ring(1);
  background["label"] = "data";

  Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> digits(32, 64);
  for (int i = 0; i < 32; ++i) {
    for (int j = 0; j < 64; ++j) digits(i, j) = static_cast<float>((i * j) % 17) / 16;
  }
  store.record_image("samples", data::encode_png(sample_sheet(digits, 8, 8, 8)));

  const auto figure = [&store](const std::string& id, const std::string& title, const std::string& caption,
                               json drawing) {
    store.record(study::Figure{id, title, caption, std::move(drawing)});
  };
  figure("01-loss", "Training loss", "The loss of each step.",
         {{"kind", "curves"},
          {"y_label", "loss"},
          {"log_y", true},
          {"curves",
           {{{"task", "train"}, {"series", "loss"}, {"label", "loss"}},
            {{"task", "train"}, {"series", "rate"}, {"label", hostile}},
            {{"task", "train"}, {"series", "absent"}, {"label", "absent"}}}},
          {"reference_lines", {{{"y", 0.02}, {"label", "noise"}}}}});
  figure("02-rate", "Residual against particles", hostile,
         {{"kind", "xy"},
          {"x_label", "particles N"},
          {"y_label", "Fisher residual"},
          {"log_x", true},
          {"log_y", true},
          {"groups",
           {{{"label", "measured"}, {"x", xs}, {"y", ys}, {"error", errors}, {"mode", "markers"}},
            {{"label", "1/N"}, {"x", xs}, {"y", ys}, {"mode", "lines"}}}}});
  figure("03-particles", "Particles on their way", "Grey: the data.",
         {{"kind", "animation"}, {"frames", frames}, {"background", background}});
  figure("04-samples", "Samples", "Drawn from the generator.", {{"kind", "image"}, {"image", "samples"}});
  figure("05-floors", "Metrics over their floors", "One means: as good as fresh data.",
         {{"kind", "floors"}, {"metrics", {"energy_distance", "sliced_wasserstein", hostile}}});
  figure("07-overlaps", "Overlaps", hostile,
         {{"kind", "heatmap"},
          {"x", {"1", "2", hostile}},
          {"y", {"first", "second"}},
          {"z", {{1.0, 0.1, -0.2}, {0.0, -0.9, 0.3}}}});
  figure("07-overlaps-by-head", "Overlaps behind a slider", "",
         {{"kind", "heatmap"},
          {"x", {"1", "2"}},
          {"y", {"first", hostile}},
          {"frames",
           {{{"label", "head 1"}, {"z", {{1.0, 0.1}, {0.0, -0.9}}}},
            {{"label", hostile}, {"z", {{0.5, 0.2}, {0.3, 0.4}}}}}}});
  figure(
      "08-graph", "A graph", "Lines with gaps, points with names.",
      {{"kind", "xy"},
       {"groups",
        {{{"label", "ways"}, {"x", {0, 1, nullptr, 0, 2}}, {"y", {1, 2, nullptr, 1, 3}}, {"mode", "lines"}},
         {{"label", "points"},
          {"x", {0, 1, 2}},
          {"y", {1, 2, 3}},
          {"text", {"a", "b", hostile}},
          {"mode", "markers+text"}}}}});
  figure("06-absent", "Not there", "", {{"kind", "image"}, {"image", hostile}});
  transaction.commit();
  return 8;
}

}  // namespace starling::report
