#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "starling/systems/drift/animation.h"
#include "starling/systems/drift/particle_monitors.h"

namespace starling::drift {
namespace {

using base::Index;
using base::Points;
using study::SeriesPoint;

const std::map<std::string, std::string>& notes() {
  static const std::map<std::string, std::string> all = {
      {"energy_distance", "V-statistic to held-out data"},
      {"sliced_wasserstein", "W2 over 64 directions to held-out data"},
      {"centre_velocity", "mean |v|² at the particles"},
      {"coincident", "particles that another one sits on"},
      {"seen_data", "effective share of the data in a particle's kernel weights"},
      {"least_occupancy", "smallest kernel sum over the cloud, the particle included"},
      {"mean_inverse_occupancy", "mean of 1 / n_i"},
      {"self_term", "(d/h²) mean of 1 / n_i"},
      {"mismatch_share", "|residual| / |V| of the Laplace displacement"},
      {"turning", "mean cosine of successive steps; below 0 they overshoot"},
      {"objective", "what the flow descends"},
      {"smoothed_fisher", "∫ |v|² q_h"},
      {"smoothed_kl", "KL(q_h | pi_h)"}};
  return all;
}

class Curves {
 public:
  Curves(const study::Store& store, std::string task) : store_(store), task_(std::move(task)) {
    for (const SeriesPoint& point : store_.series(task_, "time")) times_[point.step] = point.value;
  }
  void add(const std::string& name, const std::string& label) {
    const auto points = store_.series(task_, name);
    if (points.empty()) return;
    nlohmann::json group = {{"label", label}, {"mode", "lines"}};
    for (const SeriesPoint& point : points) {
      group["x"].push_back(times_.at(point.step));
      group["y"].push_back(point.value);
    }
    groups_.push_back(std::move(group));
  }
  bool empty() const { return groups_.empty(); }
  nlohmann::json drawing(const std::string& y_label, bool log_y) const {
    return {{"kind", "xy"}, {"x_label", "time"}, {"y_label", y_label}, {"log_y", log_y}, {"groups", groups_}};
  }

 private:
  const study::Store& store_;
  std::string task_;
  std::map<std::int64_t, double> times_;  // of each recorded step
  nlohmann::json groups_ = nlohmann::json::array();
};

void record_curves(const ParticleJudge& judge, const std::string& task, study::Store& store) {
  Curves distances(store, task), velocities(store, task), kernel(store, task);
  distances.add("energy_distance", "energy distance");
  distances.add("sliced_wasserstein", "sliced W2");
  nlohmann::json drawing = distances.drawing("distance to held-out data", true);
  drawing["reference_lines"] = {
      {{"y", judge.floors().at("energy_distance")}, {"label", "floor of the energy distance"}},
      {{"y", judge.floors().at("sliced_wasserstein")}, {"label", "floor of sliced W2"}}};
  store.record(study::Figure{"1-distances", "Distances to held-out data",
                             "The floor is what as many draws of the law itself reach.", drawing});
  velocities.add("centre_velocity", "C_N, mean |v|²");
  velocities.add("smoothed_fisher", "F_h");
  velocities.add("smoothed_kl", "KL of the smoothed laws");
  velocities.add("objective", "objective");
  velocities.add("self_term", "self term");
  store.record(study::Figure{"2-flow", "What the flow does",
                             "C_N and F_h are at rest together only when the kernel sees enough particles.",
                             velocities.drawing("", true)});
  kernel.add("seen_data", "share of the data in a particle's weights");
  kernel.add("mean_inverse_occupancy", "mean 1 / occupancy");
  kernel.add("mismatch_share", "scale-mismatch share of |V|");
  if (kernel.empty()) return;
  store.record(study::Figure{"3-kernel", "What the kernel sees",
                             "Occupancy near 1 means isolated particles: the self term then rules.",
                             kernel.drawing("share", false)});
}

nlohmann::json markers(const std::string& label, const Points<double>& cloud) {
  nlohmann::json out = {{"label", label}, {"mode", "markers"}};
  const bool line = cloud.cols() == 1;
  for (Index i = 0; i < std::min<Index>(cloud.rows(), 2000); ++i) {
    out["x"].push_back(cloud(i, 0));
    out["y"].push_back(line ? (static_cast<double>(i) + 0.5) / static_cast<double>(cloud.rows())
                            : cloud(i, 1));
  }
  return out;
}

// The particles over the data; on the line, where a scatter says nothing, both distribution functions.
void record_picture(const ParticleMethod& method, const Points<double>& last, study::Store& store) {
  Points<double> data = method.restore(method.held_out()), particles = method.restore(last);
  const bool line = data.cols() == 1;
  if (line) {
    std::sort(data.data(), data.data() + data.size());
    std::sort(particles.data(), particles.data() + particles.size());
  }
  store.record(
      study::Figure{"5-particles",
                    "Particles at the end over held-out data",
                    line ? "Their distribution functions." : "The first two coordinates.",
                    {{"kind", "xy"},
                     {"x_label", "x1"},
                     {"y_label", line ? "share below" : "x2"},
                     {"groups", {markers("held-out data", data), markers("particles", particles)}}}});
}

}  // namespace

void record_particle_report(const ParticlesSpec& spec, const ParticleMethod& method,
                            const ParticleJudge& judge, const Points<double>& last, const std::string& task,
                            study::Store& store) {
  for (const auto& [name, note] : notes()) {
    const auto points = store.series(task, name);
    if (points.empty()) continue;
    std::optional<double> floor;
    if (const auto found = judge.floors().find(name); found != judge.floors().end()) floor = found->second;
    store.record(study::Metric{task, name, "", points.back().value, {}, {}, floor, note});
  }
  record_curves(judge, task, store);
  record_picture(method, last, store);
  if (method.dimension() != 2) return;
  record_animation(
      store, "The cloud on its way", "Drag the slider.", method.restore(method.held_out()),
      [&](std::int64_t moves) { return fmt::format("t = {:.4g}", time_after(spec.motion, moves)); });
}

}  // namespace starling::drift
