#include "starling/systems/depth/diagnose_app.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "starling/base/error.h"
#include "starling/study/task_grid.h"
#include "starling/systems/depth/diagnose_spec.h"
#include "starling/systems/depth/diagnostics.h"
#include "starling/systems/depth/token_pictures.h"

namespace starling::depth {
namespace {

using Numbers = std::vector<double>;

constexpr const char *layers_task = "layers", *heads_task = "heads", *seeds_task = "seeds",
                     *answer_task = "answer", *pictures_task = "pictures";
constexpr const char *euler_name = "squared error of finitely many layers",
                     *heads_name = "squared fluctuation of its heads, from halves",
                     *seeds_name = "squared fluctuation of its heads, from seeds";

study::Metric metric(const char* task, std::string name, const math::MeanInterval& value, std::string note) {
  study::Metric out{.task = task, .name = std::move(name), .value = value.mean, .note = std::move(note)};
  if (std::isfinite(value.lower)) out.lower = std::max(value.lower, 0.0);
  if (std::isfinite(value.upper)) out.upper = value.upper;
  return out;
}

std::optional<math::MeanInterval> find(const study::Store& store, const std::string& name) {
  for (const study::Metric& m : store.metrics()) {
    if (m.name == name)
      return math::MeanInterval{m.value, m.lower.value_or(m.value), m.upper.value_or(m.value)};
  }
  return std::nullopt;
}

// Merged pairs, fours, eights, ...: what they change, and whether it grows as the Euler scheme's error does.
void measure_layers(const DiagnoseInput& in, study::Store& store) {
  const char* over_sequences = "interval over the sequences, for this one network";
  Numbers factors, changes, lower, upper;
  for (Index factor = 2; in.network.shape.layers % factor == 0; factor *= 2) {
    const math::MeanInterval change =
        math::mean_interval(merging_change(in.network, in.weights[0], in.tokens, in.x, factor));
    if (factor == 2) store.record(metric(layers_task, euler_name, change, over_sequences));
    factors.push_back(static_cast<double>(factor - 1));
    changes.push_back(std::sqrt(change.mean));
    lower.push_back(std::isfinite(change.lower) ? changes.back() - std::sqrt(std::max(change.lower, 0.0))
                                                : 0);
    upper.push_back(std::isfinite(change.upper) ? std::sqrt(change.upper) - changes.back() : 0);
  }
  Numbers law;
  for (const double f : factors) law.push_back(changes[0] * f);
  store.record(study::Figure{
      "1-merging",
      "What merging m neighbouring layers changes",
      "Root mean square over tokens and sequences, 95% intervals. Along the line the error of finitely many "
      "layers is of first order: twice the layers halve it.",
      {{"kind", "xy"},
       {"groups",
        {{{"label", "measured"},
          {"x", factors},
          {"y", changes},
          {"error", upper},
          {"error_below", lower},
          {"mode", "markers"}},
         {{"label", "in proportion to m - 1"}, {"x", factors}, {"y", law}, {"mode", "lines"}}}},
       {"x_label", "m - 1"},
       {"y_label", "change"},
       {"log_x", true},
       {"log_y", true}}});
}

void measure_heads(const DiagnoseSpec& spec, const DiagnoseInput& in, study::Store& store) {
  Numbers mean(static_cast<std::size_t>(in.sequences), 0.0);
  for (std::int64_t deal = 0; deal < spec.deals; ++deal) {
    base::Stream stream(static_cast<std::uint64_t>(spec.common.seed), 0, "halves",
                        static_cast<std::uint64_t>(deal));
    const Numbers one = halves_fluctuation(in.network, in.weights[0], in.tokens, in.x, &stream);
    for (std::size_t s = 0; s < mean.size(); ++s) mean[s] += one[s] / static_cast<double>(spec.deals);
  }
  store.record(
      metric(heads_task, heads_name, math::mean_interval(mean),
             "interval over the sequences, for this one network; too large once heads were trained, as "
             "they adapt to each other"));
}

void measure_seeds(const DiagnoseInput& in, study::Store& store) {
  const SeedsFluctuation found = seeds_fluctuation(in.network, in.weights, in.tokens, in.x);
  store.record(metric(seeds_task, seeds_name, found.mean,
                      fmt::format("of {} networks; interval by the jackknife over them", in.weights.size())));
}

// E + F with the interval of both.
struct Parts {
  math::MeanInterval euler, fluctuation;
  const char* judged_by = seeds_task;

  explicit Parts(const study::Store& store) : euler(find(store, euler_name).value()) {
    if (const auto seeds = find(store, seeds_name)) {
      fluctuation = *seeds;
    } else {
      fluctuation = find(store, heads_name).value();
      judged_by = heads_task;
    }
  }
  double error() const { return std::sqrt(euler.mean + fluctuation.mean); }
};

study::Figure needs_figure(const DiagnoseSpec& spec, const HeadShape& shape, const Parts& parts) {
  nlohmann::json groups = nlohmann::json::array();
  for (const double more : {.5, 1., 2., 4.}) {
    Numbers layers, errors;
    for (double f = .25; f <= 64; f *= 2) {
      layers.push_back(f * static_cast<double>(shape.layers));
      errors.push_back(std::sqrt(parts.euler.mean / (f * f) + parts.fluctuation.mean / (f * more)));
    }
    groups.push_back({{"label", fmt::format("{:g} heads", more * static_cast<double>(shape.heads))},
                      {"x", layers},
                      {"y", errors},
                      {"mode", "lines"}});
  }
  groups.push_back(
      {{"label", "this network"}, {"x", {shape.layers}}, {"y", {parts.error()}}, {"mode", "markers"}});
  return {"2-need",
          "Error of such a network by its layers and heads",
          "The square root of E (L / L')² + F L H / (L' H').",
          {{"kind", "xy"},
           {"groups", groups},
           {"reference_lines", {{{"y", spec.target}, {"label", "target"}}}},
           {"x_label", "layers"},
           {"y_label", "root mean square error of a token"},
           {"log_x", true},
           {"log_y", true}}};
}

// Sizes are monotone in E and F: the ends of their intervals give those of the size.
void record_need(const std::string& what, double value, double lower, double upper, const DiagnoseSpec& spec,
                 study::Store& store) {
  if (!std::isfinite(value)) {
    store.record(study::Warning{
        answer_task, 0, fmt::format("no number of {} alone reaches an error of {:g}", what, spec.target)});
    return;
  }
  study::Metric out{.task = answer_task,
                    .name = fmt::format("{} for an error of {:g}", what, spec.target),
                    .value = std::ceil(value),
                    .lower = std::ceil(lower),
                    .note = "by the law, as long as the heads come from the same"};
  if (std::isfinite(upper)) out.upper = std::ceil(upper);
  store.record(out);
}

void answer(const DiagnoseSpec& spec, const DiagnoseInput& in, study::Store& store) {
  const Parts parts(store);
  const HeadShape& shape = in.network.shape;
  store.record(study::Metric{
      .task = answer_task,
      .name = "error",
      .value = parts.error(),
      .lower = std::sqrt(parts.euler.lower + parts.fluctuation.lower),
      .upper = std::sqrt(parts.euler.upper + parts.fluctuation.upper),
      .note = fmt::format("root mean square of a token's distance from its limit; fluctuation from {}",
                          parts.judged_by == seeds_task ? "seeds" : "halves")});
  const auto sizes = [&](double euler, double fluctuation) {
    return sizes_for_error(euler, fluctuation, shape.layers, shape.heads, spec.target);
  };
  const SizesForError need = sizes(parts.euler.mean, parts.fluctuation.mean),
                      low = sizes(parts.euler.lower, parts.fluctuation.lower),
                      high = sizes(parts.euler.upper, parts.fluctuation.upper);
  record_need(fmt::format("layers of {} heads", shape.heads), need.layers, low.layers, high.layers, spec,
              store);
  record_need(fmt::format("heads in {} layers", shape.layers), need.heads, low.heads, high.heads, spec,
              store);
  store.record(needs_figure(spec, shape, parts));
}

void record_pictures(const DiagnoseInput& in, study::Store& store) {
  const HeadShape& shape = in.network.shape;
  const Numbers x(in.x.begin(), in.x.begin() + in.tokens * shape.width);
  const std::vector<Numbers> path = tokens_over_depth(in.network, in.weights[0], in.tokens, x);
  Numbers layers, moved;
  for (std::size_t l = 0; l < path.size(); ++l) {
    double sum = 0;
    for (std::size_t e = 0; e < x.size(); ++e) sum += (path[l][e] - x[e]) * (path[l][e] - x[e]);
    layers.push_back(static_cast<double>(l));
    moved.push_back(std::sqrt(sum / static_cast<double>(in.tokens)));
  }
  store.record(study::Metric{.task = pictures_task,
                             .name = "movement of the first sequence",
                             .value = moved.back(),
                             .note = "root mean square of |x_L - x_0|, which an error is small against"});
  store.record(
      study::Figure{"3-movement",
                    "How far the tokens of the first sequence have moved",
                    "Root mean square of |x_l - x_0|.",
                    {{"kind", "xy"},
                     {"groups", {{{"label", "moved"}, {"x", layers}, {"y", moved}, {"mode", "lines"}}}},
                     {"x_label", "layer"},
                     {"y_label", "distance"}}});
  constexpr Index most_tokens = 64;  // of which a page of the report can show the attention
  if (in.tokens > most_tokens) return;
  record_tokens(store, "4-tokens", "Tokens of the first sequence over depth", path, shape.width, {});
  const Index middle = shape.layers / 2;
  record_attention(store, "5-attention", fmt::format("Attention in layer {}", middle), in.network,
                   in.weights[0], middle, path[static_cast<std::size_t>(middle)], in.tokens);
}

class DiagnoseApplication : public study::Application {
 public:
  void describe(study::Description& description) override { depth::describe(description, spec_); }

  std::string plan() override {
    const DiagnoseInput in = read_input(spec_);
    const HeadShape& s = in.network.shape;
    return fmt::format(
        "diagnose: {} {} of {} layers of {} heads, {} x {}; {} sequences of {} tokens; {:.3g} MB of weights",
        in.weights.size(), in.weights.size() == 1 ? "network" : "networks", s.layers, s.heads, s.head_width,
        s.width, in.sequences, in.tokens,
        static_cast<double>(in.weights.size() * in.weights[0].size() * sizeof(double)) / 1e6);
  }

  void run(study::RunContext& context) override {
    const DiagnoseInput in = read_input(spec_);
    std::vector<study::Task> tasks = {
        {layers_task, [&](study::TaskContext& task) { measure_layers(in, task.store); }},
        {heads_task, [&](study::TaskContext& task) { measure_heads(spec_, in, task.store); }}};
    std::vector<std::string> measured = {layers_task, heads_task};
    if (in.weights.size() > 1) {
      tasks.push_back({seeds_task, [&](study::TaskContext& task) { measure_seeds(in, task.store); }});
      measured.emplace_back(seeds_task);
    }
    tasks.push_back(
        {answer_task, [&](study::TaskContext& task) { answer(spec_, in, task.store); }, measured});
    tasks.push_back({pictures_task, [&](study::TaskContext& task) { record_pictures(in, task.store); }});
    study::run_tasks(context, "diagnostics", tasks);
  }

  study::OverRanks over_ranks() const override { return study::OverRanks::tasks; }

 private:
  DiagnoseSpec spec_;
};

}  // namespace

std::unique_ptr<study::Application> make_diagnose_application() {
  return std::make_unique<DiagnoseApplication>();
}

}  // namespace starling::depth
