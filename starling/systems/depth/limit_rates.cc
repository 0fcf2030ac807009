#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "starling/systems/depth/limit.h"
#include "starling/systems/depth/limit_claims.h"

namespace starling::depth {
namespace {

using study::Claim;
using study::Verdict;

constexpr const char* table_task = "errors";

std::string step_name(std::int64_t step) {
  return fmt::format("errors after {} steps", step);
}

study::Metric metric(const std::string& task, const std::string& name, const Estimate& estimate) {
  return {
      .task = task, .name = name, .value = estimate.value, .lower = estimate.lower, .upper = estimate.upper};
}

// Curves of the root of the mean squared error against depth, one for each number of heads.
study::Figure figure(const LimitStudySpec& spec, const JointStudy& study, std::size_t at, bool adjoint) {
  nlohmann::json groups = nlohmann::json::array();
  for (const std::int64_t heads : spec.heads) {
    nlohmann::json group = {{"label", fmt::format("{} heads", heads)}, {"mode", "lines+markers"}};
    for (const JointCell& cell : study.cells) {
      if (cell.heads != heads) continue;
      const Estimate& mean = (adjoint ? cell.adjoint : cell.hidden)[at].mean;
      const double root = std::sqrt(mean.value);
      group["x"].push_back(cell.layers);
      group["y"].push_back(root);
      group["lower"].push_back(std::sqrt(std::max(0.0, mean.lower)));
      group["upper"].push_back(std::sqrt(mean.upper));
    }
    groups.push_back(group);
  }
  const RateFit& fit = (adjoint ? study.adjoint : study.hidden)[at];
  const char* what = adjoint ? "backpropagated variables" : "hidden states";
  return {.id = fmt::format("{}-{}-{:05}", adjoint ? 2 : 1, adjoint ? "adjoint" : "hidden", spec.steps[at]),
          .title = fmt::format("Error of the {} after {} steps of AdamW", what, spec.steps[at]),
          .caption = fmt::format(
              "Root of the mean over tokens and networks of |x - X|^2, with its 95% interval. The square "
              "goes as L^{:.2f} H^{:.2f}, and as {:.3g}/L^2 + {:.3g}/(L H).",
              fit.layers.value, fit.heads.value, fit.a.value, fit.b.value),
          .drawing = {{"kind", "xy"},
                      {"x_label", "layers"},
                      {"y_label", "error"},
                      {"log_x", true},
                      {"log_y", true},
                      {"groups", groups}}};
}

// log10 of the error over layers and heads, measured and as the law has it, behind a slider.
study::Figure surface(const LimitStudySpec& spec, const JointStudy& study) {
  nlohmann::json frames = nlohmann::json::array();
  for (std::size_t s = 0; s < spec.steps.size(); ++s) {
    const RateFit& fit = study.hidden[s];
    nlohmann::json measured = nlohmann::json::array(), law = nlohmann::json::array();
    for (const std::int64_t heads : spec.heads) {
      nlohmann::json measured_row = nlohmann::json::array(), law_row = nlohmann::json::array();
      for (const JointCell& cell : study.cells) {
        if (cell.heads != heads) continue;
        const auto l = static_cast<double>(cell.layers), h = static_cast<double>(heads);
        measured_row.push_back(std::log10(cell.hidden[s].mean.value) / 2);
        law_row.push_back(std::log10(fit.a.value / (l * l) + fit.b.value / (l * h)) / 2);
      }
      measured.push_back(measured_row);
      law.push_back(law_row);
    }
    frames.push_back({{"label", fmt::format("measured after {} steps", spec.steps[s])}, {"z", measured}});
    frames.push_back({{"label", fmt::format("a/L^2 + b/(L H) after {} steps", spec.steps[s])}, {"z", law}});
  }
  const auto names = [](const std::vector<std::int64_t>& numbers) {
    std::vector<std::string> out;
    for (const std::int64_t number : numbers) out.push_back(fmt::format("{}", number));
    return out;
  };
  return {
      .id = "0-surface",
      .title = "Error over layers and heads",
      .caption = "log10 of the root mean square error of the hidden states: measured, and the fitted law.",
      .drawing = {{"kind", "heatmap"},
                  {"x", names(spec.layers)},
                  {"y", names(spec.heads)},
                  {"frames", frames},
                  {"x_label", "layers"},
                  {"y_label", "heads"}}};
}

// The least L H of the fitted law whose error is the target, and how many heads each depth then needs.
void record_need(const LimitStudySpec& spec, const RateFit& fit, const std::string& task,
                 study::Store& store) {
  const double square = spec.target * spec.target, a = std::max(0.0, fit.a.value);
  nlohmann::json x = nlohmann::json::array(), y = nlohmann::json::array();
  for (double layers = 2; layers <= 4096; layers *= 2) {
    const double left = square - a / (layers * layers);
    if (left <= 0) continue;
    x.push_back(layers);
    y.push_back(std::max(1.0, fit.b.value / (layers * left)));
  }
  store.record(study::Metric{.task = task,
                             .name = fmt::format("layers times heads for an error of {:g}", spec.target),
                             .value = fit.b.value / square,
                             .lower = fit.b.lower / square,
                             .upper = fit.b.upper / square,
                             .note = "of the fitted law, where layers alone are enough"});
  store.record(study::Figure{
      "3-need",
      fmt::format("Heads that an error of {:g} takes, by depth", spec.target),
      "Of the law fitted after the last step; nothing where the layers are too few for any number of heads.",
      {{"kind", "xy"},
       {"x_label", "layers"},
       {"y_label", "heads"},
       {"log_x", true},
       {"log_y", true},
       {"groups", {{{"label", "heads needed"}, {"x", x}, {"y", y}, {"mode", "lines+markers"}}}}}});
}

// The joint table, once; every claim of this file reads it from the store.
void ensure_table(const LimitStudySpec& spec, study::Store& store) {
  if (store.is_done(table_task)) return;
  const HeadLaw law = spec.law();
  const Index tokens = spec.problem.tokens;
  const std::vector<double> x = formula_tokens(tokens, spec.problem.width,
                                               static_cast<std::uint64_t>(spec.problem.token_seed)),
                            y = formula_targets(x, spec.problem.width);
  const JointStudy study = study_jointly(spec.joint(), law, tokens, x, y);
  for (std::size_t s = 0; s < spec.steps.size(); ++s) {
    const std::string task = step_name(spec.steps[s]);
    for (const std::int64_t heads : spec.heads) {
      std::vector<study::SeriesPoint> hidden, adjoint;
      for (const JointCell& cell : study.cells) {
        if (cell.heads != heads) continue;
        hidden.push_back({cell.layers, cell.hidden[s].mean.value});
        adjoint.push_back({cell.layers, cell.adjoint[s].mean.value});
      }
      store.record(task, fmt::format("squared error by layers, {} heads", heads), "", hidden);
      store.record(task, fmt::format("squared error of the adjoint by layers, {} heads", heads), "", adjoint);
    }
    for (const bool adjoint : {false, true}) {
      const RateFit& fit = (adjoint ? study.adjoint : study.hidden)[s];
      const std::string of = adjoint ? " of the adjoint" : "";
      store.record(metric(task, "exponent of L" + of, fit.layers));
      store.record(metric(task, "exponent of H" + of, fit.heads));
      store.record(metric(task, "a" + of, fit.a));
      store.record(metric(task, "b" + of, fit.b));
      store.record(figure(spec, study, s, adjoint));
    }
    store.record(study::Metric{.task = task, .name = "loss of the limit", .value = study.limit[s].loss});
  }
  store.record(surface(spec, study));
  record_need(spec, study.hidden.back(), step_name(spec.steps.back()), store);
  store.mark_done(table_task);
}

std::optional<study::Metric> find(const study::Store& store, const std::string& task,
                                  const std::string& name) {
  for (const study::Metric& m : store.metrics()) {
    if (m.task == task && m.name == name) return m;
  }
  return std::nullopt;
}

// "The squared error falls no slower than N^e", to within 0.1.
auto no_slower(const std::string& name, double exponent) {
  return [name, exponent](Claim claim, const LimitStudySpec& spec, study::Store& store) {
    ensure_table(spec, store);
    constexpr double margin = 0.1;
    double worst = -1e300;
    for (const std::int64_t step : spec.steps) {
      const auto found = find(store, step_name(step), name);
      if (!found || !found->lower || !found->upper) {
        claim.note = "no exponent was fitted";
        return claim;
      }
      if (found->value > worst) {
        worst = found->value;
        claim.value = found->value;
        claim.lower = found->lower;
        claim.upper = found->upper;
        claim.note = fmt::format("the slowest, after {} steps", step);
      }
    }
    claim.expected = fmt::format("at most {:.3g}", exponent + margin);
    claim.verdict = *claim.upper <= exponent + margin  ? Verdict::holds
                    : *claim.lower > exponent + margin ? Verdict::fails
                                                       : Verdict::inconclusive;
    return claim;
  };
}

// Against the stratified network of the same depth, L H err² is the constant that the delta method predicts.
Claim predicted_constant(Claim claim, const LimitStudySpec& spec, study::Store&) {
  const HeadLaw law = spec.law();
  const Index tokens = spec.problem.tokens, layers = std::ranges::max(spec.layers),
              heads = std::ranges::max(spec.heads);
  const std::vector<double> x = formula_tokens(tokens, spec.problem.width,
                                               static_cast<std::uint64_t>(spec.problem.token_seed)),
                            y = formula_targets(x, spec.problem.width);
  JointStudySpec joint = spec.joint();
  joint.watch = {0};
  joint.replicas = 16 * spec.replicas;
  const JointCell cell = measure_cell(joint, law, layers, heads, 0, tokens,
                                      stratified_network(joint, law, layers, tokens, x, y), x, y);
  const double predicted =
      fluctuation_constant(law, layers, tokens, x, spec.causal) / static_cast<double>(layers * heads);
  const Estimate& mean = cell.hidden[0].mean;
  claim.value = mean.value / predicted;
  claim.lower = mean.lower / predicted;
  claim.upper = mean.upper / predicted;
  claim.expected = "1, to within 0.1";
  claim.note = fmt::format("{} layers of {} heads, {} networks", layers, heads, joint.replicas);
  claim.verdict = *claim.lower > 1.1 || *claim.upper < 0.9   ? Verdict::fails
                  : *claim.lower > 0.9 && *claim.upper < 1.1 ? Verdict::holds
                                                             : Verdict::inconclusive;
  return claim;
}

// The joint table of errors, which several claims read.
std::vector<study::Task> shared_table(const LimitStudySpec& spec) {
  return {{table_task, [&spec](study::TaskContext& task) { ensure_table(spec, task.store); }}};
}

}  // namespace

std::vector<KnownClaim> rate_claims() {
  const auto exponent = [](const char* id, const char* what, const char* size, double bound,
                           const std::string& metric_name) {
    return KnownClaim{
        {.id = id,
         .statement = fmt::format("the squared error of the {} falls in the number of {} no slower than the "
                                  "theorem's bound, exponent {:.3g}",
                                  what, size, bound),
         .source = limit_paper,
         .measured_as =
             "exponent of a joint fit over depths and heads, bootstrap over networks, the slowest of "
             "all steps",
         .falsifier = "an interval above the bound by more than 0.1"},
        no_slower(metric_name, bound),
        shared_table};
  };
  return {exponent("depth-hidden", "hidden states", "layers", -2.0 / 3, "exponent of L"),
          exponent("heads-hidden", "hidden states", "heads", -1, "exponent of H"),
          exponent("depth-adjoint", "backpropagated variables", "layers", -2.0 / 3,
                   "exponent of L of the adjoint"),
          exponent("heads-adjoint", "backpropagated variables", "heads", -1, "exponent of H of the adjoint"),
          {{.id = "predicted-fluctuation",
            .statement = "before training, L H times the squared error is the constant that independent "
                         "fluctuations of the "
                         "heads predict",
            .source = "delta method on one network that has all heads in every layer (our derivation)",
            .measured_as = "measured over predicted, against the network of the same depth",
            .falsifier = "an interval that misses 1 by more than 0.1"},
           predicted_constant}};
}

}  // namespace starling::depth
