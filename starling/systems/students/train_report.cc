#include "starling/systems/students/train_report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "starling/data/png.h"
#include "starling/math/statistics.h"
#include "starling/report/sample_sheet.h"
#include "starling/systems/students/compression_starts.h"

namespace starling::students {
namespace {

using base::Index;
using base::Points;
using study::Metric;

std::vector<double> losses_of(const std::vector<Fit>& fits) {
  std::vector<double> out;
  for (const Fit& fit : fits) {
    if (std::isfinite(fit.loss)) out.push_back(fit.loss);
  }
  std::ranges::sort(out);
  return out;
}

void record_mean(study::Store& store, const std::string& task, const std::string& name,
                 const std::string& unit, const std::vector<double>& values, const std::string& note) {
  const math::MeanInterval mean = math::mean_interval(values);
  store.record(Metric{.task = task,
                      .name = name,
                      .unit = unit,
                      .value = mean.mean,
                      .lower = mean.lower,
                      .upper = mean.upper,
                      .note = note});
}

// |f - y|² of each held-out sample over the variance of y.
std::vector<double> relative_errors(const Points<double>& answers, const Points<double>& y) {
  const double variance = variance_of(y);
  std::vector<double> out;
  for (Index i = 0; i < y.rows(); ++i)
    out.push_back((answers.row(i) - y.row(i)).squaredNorm() / (variance > 0 ? variance : 1));
  return out;
}

// How a network does on what the data themselves say of the held-out points.
void record_skill(const TrainResult& result, const Network& network, const std::string& task,
                  study::Store& store) {
  const Samples& held = result.data.held_out;
  if (held.targets.rows() == 0 || held.targets.cols() != network.outputs()) return;
  const Points<double> answers = outputs(network, held.x);
  const std::string note = fmt::format("{} held-out points", held.x.rows());
  if (result.data.classes > 0) {
    const std::vector<std::int32_t> said = predicted_classes(answers);
    std::vector<double> right;
    for (std::size_t i = 0; i < said.size(); ++i) right.push_back(said[i] == held.labels[i] ? 1 : 0);
    record_mean(store, task, "held_out_accuracy", "", right, note);
    return;
  }
  std::vector<double> explained = relative_errors(answers, held.targets);
  for (double& value : explained) value = 1 - value;
  record_mean(store, task, "held_out_r2", "", explained, note);
}

void record_size(const TrainResult& result, const SizeResult& size, study::Store& store) {
  const std::string task = task_of(size.neurons);
  const auto number = [&](const std::string& name, const std::string& unit, double value,
                          const std::string& note = "") {
    store.record(Metric{.task = task, .name = name, .unit = unit, .value = value, .note = note});
  };
  const double variance = variance_of(result.y), best = size.optima.front().loss;
  number("loss", "", best, "mean squared error over the training part, no factor 1/2");
  number("relative_error", "of the variance", best / variance, "training part");
  record_mean(store, task, "held_out_error", "of the variance",
              relative_errors(outputs(size.student, result.data.held_out.x), result.held_out_y),
              fmt::format("{} held-out points", result.held_out_y.rows()));
  record_skill(result, size.student, task, store);
  number("optima", "", static_cast<double>(size.optima.size()), "different ends of the starts");
  const auto reached = static_cast<std::int64_t>(size.optima.front().fits.size());
  const auto starts = static_cast<std::int64_t>(size.starts.size());
  const math::MeanInterval share = math::binomial_interval(reached, starts);
  store.record(Metric{.task = task,
                      .name = "reached_best",
                      .unit = "of the starts",
                      .value = static_cast<double>(reached) / static_cast<double>(starts),
                      .lower = share.lower,
                      .upper = share.upper,
                      .note = fmt::format("{} of {} end in the best optimum", reached, starts)});
  if (size.optima.size() > 1) number("next_optimum", "times the best loss", size.optima[1].loss / best);
  double passes = 0;
  for (const Fit& fit : size.starts) passes += static_cast<double>(fit.passes);
  number("passes", "per start", passes / static_cast<double>(size.starts.size()),
         "over the samples: gradients, Hessian-vector products, and dense steps by their multiplications");
  if (size.rivals.empty()) return;
  const std::vector<double> rivals = losses_of(size.rivals);
  number("rival_passes", "per restart", static_cast<double>(size.rivals.front().passes), "AdamW");
  number("rivals_diverged", "", static_cast<double>(size.rivals.size() - rivals.size()));
  if (rivals.empty()) return;
  number("rival_best", "times the best loss", rivals.front() / best,
         fmt::format("best of {} AdamW restarts", size.rivals.size()));
  number("rival_median", "times the best loss", math::quantile(rivals, 0.5) / best);
}

nlohmann::json group(const std::string& label, const std::vector<double>& x, const std::vector<double>& y,
                     const char* mode) {
  return {{"label", label}, {"x", x}, {"y", y}, {"mode", mode}};
}

void record_curve(const TrainResult& result, study::Store& store) {
  const double variance = variance_of(result.y);
  std::vector<double> n, best, rival_n, rival, median;
  for (const SizeResult& size : result.sizes) {
    n.push_back(static_cast<double>(size.neurons));
    best.push_back(size.optima.front().loss / variance);
    const std::vector<double> losses = losses_of(size.rivals);
    if (losses.empty()) continue;
    rival_n.push_back(n.back());
    rival.push_back(losses.front() / variance);
    median.push_back(math::quantile(losses, 0.5) / variance);
  }
  nlohmann::json groups = nlohmann::json::array({group("best of the search", n, best, "lines+markers")});
  if (!rival.empty()) {
    groups.push_back(group("best AdamW restart", rival_n, rival, "markers"));
    groups.push_back(group("median AdamW restart", rival_n, median, "markers"));
  }
  store.record(study::Figure{"compression",
                             "Error against size",
                             "Loss on the training part over the variance of what is answered.",
                             {{"kind", "xy"},
                              {"x_label", "neurons"},
                              {"y_label", "relative error"},
                              {"log_y", true},
                              {"groups", groups}}});
}

void record_ends(const TrainResult& result, const SizeResult& size, study::Store& store) {
  const double variance = variance_of(result.y);
  nlohmann::json groups = nlohmann::json::array();
  const auto add = [&](const std::string& label, std::vector<double> losses) {
    std::vector<double> rank;
    for (double& loss : losses) {
      loss /= variance;
      rank.push_back((static_cast<double>(rank.size()) + 0.5) / static_cast<double>(losses.size()));
    }
    if (!losses.empty()) groups.push_back(group(label, rank, losses, "markers"));
  };
  add("starts of the search", losses_of(size.starts));
  add("AdamW restarts", losses_of(size.rivals));
  store.record(study::Figure{fmt::format("ends-{}", size.neurons),
                             fmt::format("Where the starts end, {} neurons", size.neurons),
                             "Sorted; a step of the staircase is one local optimum.",
                             {{"kind", "xy"},
                              {"x_label", "share of starts"},
                              {"y_label", "relative error"},
                              {"log_y", true},
                              {"groups", groups}}});
  nlohmann::json curves = nlohmann::json::array();
  for (std::size_t i = 0; i < size.starts.size(); ++i) {
    const std::string series = series_of(static_cast<std::int64_t>(i));
    curves.push_back({{"task", task_of(size.neurons)}, {"series", series}, {"label", series}});
  }
  store.record(study::Figure{
      fmt::format("descent-{}", size.neurons),
      fmt::format("The search, {} neurons", size.neurons),
      "Loss after each second-order step.",
      {{"kind", "curves"}, {"x_label", "step"}, {"y_label", "loss"}, {"log_y", true}, {"curves", curves}}});
}

// Teacher neurons by the student neuron that they belong to, so that the map shows blocks.
void record_map(const SizeResult& size, study::Store& store) {
  std::vector<Index> order;
  for (const Role& role : roles(size.overlap))
    order.insert(order.end(), role.teachers.begin(), role.teachers.end());
  const std::set<Index> placed(order.begin(), order.end());
  for (Index j = 0; j < size.overlap.cols(); ++j) {
    if (!placed.contains(j)) order.push_back(j);
  }
  Points<float> picture(1, size.overlap.size());
  for (Index i = 0; i < size.overlap.rows(); ++i) {
    for (Index j = 0; j < size.overlap.cols(); ++j)
      picture(0, i * size.overlap.cols() + j) =
          static_cast<float>(1 - size.overlap(i, order[static_cast<std::size_t>(j)]));
  }
  const std::string id = fmt::format("merges-{}", size.neurons);
  store.record_image(id, data::encode_png(report::sample_sheet(picture, static_cast<int>(size.overlap.rows()),
                                                               static_cast<int>(size.overlap.cols()), 1)));
  store.record(
      study::Figure{id,
                    fmt::format("What the {} neurons stand for", size.neurons),
                    "A row for each neuron of the student, a column for each of the teacher, ordered by "
                    "group; black: their activations are perfectly correlated. The table is roles.csv.",
                    {{"kind", "image"}, {"image", id}}});
}

void record_warnings(const TrainResult& result, const SizeResult& size, study::Store& store) {
  const std::string task = task_of(size.neurons);
  const auto warn = [&](const std::string& text) { store.record(study::Warning{task, 0, text}); };
  const Fit& best = size.starts[size.optima.front().best];
  const auto unfinished = std::ranges::count_if(size.starts, [](const Fit& fit) { return !fit.converged; });
  if (!best.converged) {
    warn(fmt::format(
        "{}: the best student has not converged: largest derivative {:.2g} after {} steps, {:.2g} "
        "wanted; raise search.steps or search.tolerance",
        task, best.gradient, best.steps, result.spec.search.polish.tolerance * variance_of(result.y)));
  }
  if (unfinished > 0)
    warn(fmt::format("{}: {} of {} starts have not converged: their ends are not yet local optima", task,
                     unfinished, size.starts.size()));
}

}  // namespace

std::string task_of(Index neurons) {
  return fmt::format("{} neuron{}", neurons, neurons == 1 ? "" : "s");
}

std::string series_of(std::int64_t start) {
  return fmt::format("start {} ({})", start, name_of(kind_of_start(start)));
}

void record_train_report(const TrainResult& result, study::Store& store) {
  store.record(
      Metric{.task = "teacher", .name = "neurons", .value = static_cast<double>(result.teacher.neurons())});
  record_skill(result, result.teacher, "teacher", store);
  for (const SizeResult& size : result.sizes) {
    record_size(result, size, store);
    record_warnings(result, size, store);
  }
  record_curve(result, store);
  for (const SizeResult& size : result.sizes) {
    record_ends(result, size, store);
    record_map(size, store);
  }
}

std::string optima_table(const TrainResult& result) {
  std::string out =
      "neurons,optimum,loss,relative_error,ratio_to_best,distance,reached,kinds,converged,gradient\r\n";
  const double variance = variance_of(result.y);
  for (const SizeResult& size : result.sizes) {
    for (std::size_t i = 0; i < size.optima.size(); ++i) {
      const LocalOptimum& optimum = size.optima[i];
      std::set<std::string> kinds;
      for (const std::size_t fit : optimum.fits)
        kinds.insert(name_of(kind_of_start(static_cast<std::int64_t>(fit))));
      const Fit& best = size.starts[optimum.best];
      out += fmt::format("{},{},{},{},{},{},{},{},{},{}\r\n", size.neurons, i + 1, optimum.loss,
                         optimum.loss / variance, optimum.loss / size.optima.front().loss, optimum.distance,
                         optimum.fits.size(), fmt::join(kinds, " "),
                         best.is_minimum  ? "yes"
                         : best.converged ? "to first order"
                                          : "no",
                         best.gradient);
    }
  }
  return out;
}

std::string roles_table(const TrainResult& result) {
  std::string out = "neurons,neuron,role,teachers,closest_correlation,outgoing_norm\r\n";
  for (const SizeResult& size : result.sizes) {
    const std::vector<Role> all = roles(size.overlap);
    for (std::size_t i = 0; i < all.size(); ++i) {
      const std::string text = all[i].text();
      out += fmt::format("{},{},{},{},{},{}\r\n", size.neurons, i, text.substr(0, text.find(' ')),
                         fmt::join(all[i].teachers, " "), all[i].closest,
                         size.student.a.row(static_cast<Index>(i)).norm());
    }
  }
  return out;
}

}  // namespace starling::students
