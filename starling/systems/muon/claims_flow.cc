#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "starling/study/verdicts.h"
#include "starling/systems/muon/claims.h"

namespace starling::muon {
namespace {

using base::Index;
using study::Claim;

constexpr const char* flow_task = "flow";
constexpr std::int64_t instants = 200;

// Times that the steps of Muon meet too, about `instants` of them.
std::vector<double> times_of(const FlowSpec& spec) {
  const double stride =
      std::max(1.0, std::round(spec.horizon / static_cast<double>(instants) / spec.dt)) * spec.dt;
  std::vector<double> out;
  for (std::int64_t i = 0; static_cast<double>(i) * stride <= spec.horizon * (1 + 1e-12); ++i)
    out.push_back(static_cast<double>(i) * stride);
  return out;
}

// A flow of the spec's constants on an objective, which must outlive it.
Flow flow_on(const Objective& objective, const FlowSpec& spec) {
  return {objective, Kinetic(objective.blocks(), {spec.epsilon}), spec.gamma};
}

// What the flow claims read of the reference, and that of Muon itself.
struct Measured {
  std::vector<double> times;
  History reference, muon;
  double furthest = 0;  // largest |W(t) - W(0)|_2 / t
};

Measured measure_flow(const FlowSpec& spec) {
  const auto objective = objective_of(spec);
  const Flow flow = flow_on(*objective, spec);
  const State start = start_of(spec, *objective, spec.particles, "start", 0);
  Measured out{times_of(spec), {}, {}, 0};
  out.reference = follow(flow, start, out.times, {.rtol = 1e-12, .atol = 1e-14});
  out.muon = follow(flow, start, out.times, {.integrator = Integrator::muon, .dt = spec.dt});
  for (std::size_t t = 1; t < out.times.size(); ++t) {
    const Cloud moved = out.reference.states[t].w - start.w;
    Index at = 0;
    for (const Block& block : objective->blocks()) {
      for (Index i = 0; i < moved.rows(); ++i) {
        const Eigen::Map<const Cloud> matrix(moved.row(i).data() + at, block.rows, block.columns);
        out.furthest = std::max(out.furthest, math::singular_values(matrix)[0] / out.times[t]);
      }
      at += block.size();
    }
  }
  return out;
}

// Shared by the claims below: whichever comes first measures and records.
void ensure_flow(const FlowSpec& spec, study::Store& store) {
  if (store.is_done(flow_task)) return;
  const Measured m = measure_flow(spec);
  const auto record = [&](const std::string& name, const std::vector<double>& values) {
    std::vector<study::SeriesPoint> points;
    for (std::size_t i = 0; i < values.size(); ++i)
      points.push_back({static_cast<std::int64_t>(i), values[i]});
    store.record(flow_task, name, "", points);
  };
  record("time", m.times);
  record("objective", m.reference.objective);
  record("hamiltonian", m.reference.hamiltonian);
  record("dissipation", m.reference.dissipation);
  record("objective of muon", m.muon.objective);
  record("hamiltonian of muon", m.muon.hamiltonian);
  const double h0 = m.reference.hamiltonian.front();
  double residual = 0, rise = 0, climb = 0, low = m.reference.objective.front(), below = 0;
  for (std::size_t i = 0; i < m.times.size(); ++i) {
    const double h = m.reference.hamiltonian[i], j = m.reference.objective[i];
    residual = std::max(residual, std::abs(h0 - h - m.reference.dissipation[i]) / h0);
    if (i > 0) rise = std::max(rise, (h - m.reference.hamiltonian[i - 1]) / h0);
    climb = std::max(climb, j - low);
    low = std::min(low, j);
    below = std::max(below, 1 - h / (h0 * std::exp(-2 * spec.gamma * m.times[i])));
  }
  const auto number = [&](const char* name, double value, const char* note) {
    store.record(study::Metric{.task = flow_task, .name = name, .value = value, .note = note});
  };
  number("balance residual", residual, "largest |H(0) - H(t) - dissipation| / H(0)");
  number("largest rise of H", rise, "between neighbouring times, of H(0)");
  number("largest climb of J", climb / m.reference.objective.front(), "above its least so far, of J(0)");
  number("below the bound", below, "largest 1 - H(t) / (H(0) exp(-2 gamma t))");
  number("speed", m.furthest, "largest |W(t) - W(0)|_2 / t");
  const auto curve = [&](const char* label, const std::vector<double>& y) {
    return nlohmann::json{{"label", label}, {"x", m.times}, {"y", y}, {"mode", "lines"}};
  };
  store.record(study::Figure{
      flow_task,
      "Energies along the flow",
      fmt::format(
          "The Hamiltonian H = J + K falls, J need not. Beside them Muon as it is, with steps of {:g}.",
          spec.dt),
      {{"kind", "xy"},
       {"x_label", "time"},
       {"y_label", "energy"},
       {"groups",
        {curve("H", m.reference.hamiltonian), curve("J", m.reference.objective),
         curve("H of Muon", m.muon.hamiltonian), curve("J of Muon", m.muon.objective)}}}});
  store.mark_done(flow_task);
}

// A claim that holds one of the flow's numbers against a limit.
auto of_flow(const char* name, double most) {
  return [name, most](Claim claim, const FlowSpec& spec, study::Store& store) {
    ensure_flow(spec, store);
    for (const study::Metric& metric : store.metrics()) {
      if (metric.task == flow_task && metric.name == name)
        return study::judge_limit(std::move(claim), metric.value, most);
    }
    return claim;
  };
}

Claim objective_rises(Claim claim, const FlowSpec& spec, study::Store& store) {
  ensure_flow(spec, store);
  for (const study::Metric& metric : store.metrics()) {
    if (metric.task != flow_task || metric.name != "largest climb of J") continue;
    claim.value = metric.value;
    claim.expected = "> 0";
    claim.verdict = metric.value > 1e-6 ? study::Verdict::holds : study::Verdict::inconclusive;
    if (claim.verdict == study::Verdict::inconclusive)
      claim.note = "J never rose here, which the theory allows; a smaller gamma or epsilon lets it swing";
  }
  return claim;
}

Claim experts(Claim claim, const FlowSpec& spec, study::Store& store) {
  FlowSpec block = spec;
  block.problem = Problem::experts;
  block.samples = 4;
  block.columns = 3;
  block.rows = 4;
  const auto objective = objective_of(block);
  const State start = start_of(block, *objective, 3, "experts", 0);
  const std::vector<double> times = {0, 1, 2, 4};
  const History h = follow(flow_on(*objective, block), start, times, {.rtol = 1e-12, .atol = 1e-14});
  double residual = 0;
  for (std::size_t i = 0; i < times.size(); ++i)
    residual = std::max(residual,
                        std::abs(h.hamiltonian[0] - h.hamiltonian[i] - h.dissipation[i]) / h.hamiltonian[0]);
  return judge_error(std::move(claim), store, "balance residual", residual, 1e-9);
}

Claim collapse(Claim claim, const FlowSpec& spec, study::Store& store) {
  FlowSpec linear = spec;
  linear.problem = Problem::least_squares;
  const auto objective = objective_of(linear);
  const Flow flow = flow_on(*objective, linear);
  const State start = start_of(linear, *objective, 8, "linear", 0);
  State many = start, one{start.w.colwise().mean(), start.p.colwise().mean()};
  double off = 0;
  for (int i = 0; i < 100; ++i) {
    step(flow, Integrator::muon, spec.dt, equal_weights(8), many);
    step(flow, Integrator::muon, spec.dt, equal_weights(1), one);
    const Cloud moved = many.w - start.w;
    off = std::max(off, (moved.rowwise() - moved.row(0)).cwiseAbs().maxCoeff());
    off = std::max(off, (many.w.colwise().mean() - one.w).cwiseAbs().maxCoeff());
  }
  return judge_error(std::move(claim), store, "largest difference", off, 1e-12);
}

// Errors of a method at time 1 against the reference, over steps; the exponent is -p, with a tenth to spare.
auto order(Integrator integrator, const char* name, double p) {
  return [integrator, name, p](Claim claim, const FlowSpec& spec, study::Store& store) {
    const auto objective = objective_of(spec);
    const Flow flow = flow_on(*objective, spec);
    const State start = start_of(spec, *objective, std::min<Index>(spec.particles, 4), "orders", 0);
    const std::vector<double> end = {1};
    const History exact = follow(flow, start, end, {});
    // Steps small against the flow's fastest swing: e and the damping set it.
    const double fastest = std::max({1.0, spec.gamma, 1 / std::sqrt(spec.epsilon)});
    std::vector<study::SeriesPoint> points;
    nlohmann::json x = nlohmann::json::array(), y = nlohmann::json::array();
    for (int doublings = 0; doublings < 5; ++doublings) {
      const auto steps = static_cast<std::int64_t>(std::ceil(20 * fastest)) << doublings;
      const History h =
          follow(flow, start, end, {.integrator = integrator, .dt = 1 / static_cast<double>(steps)});
      const double error =
          (h.states[0].w - exact.states[0].w).norm() / std::sqrt(static_cast<double>(start.w.rows()));
      points.push_back({steps, error});
      x.push_back(steps);
      y.push_back(error);
    }
    store.record(claim.id, "error", "", points);
    store.record(
        study::Figure{claim.id,
                      fmt::format("Error of {} over its steps", name),
                      "Root mean square over particles of |W - W_exact|_F at time 1.",
                      {{"kind", "xy"},
                       {"x_label", "steps"},
                       {"y_label", "error"},
                       {"log_x", true},
                       {"log_y", true},
                       {"groups", {{{"label", name}, {"x", x}, {"y", y}, {"mode", "lines+markers"}}}}}});
    const std::string task = claim.id;
    return study::judge_decay(std::move(claim), store,
                              {.task = task, .series = "error", .exponent = 0.1 - p});
  };
}

KnownClaim order_claim(Integrator integrator, const char* id, const char* name, int p) {
  return {
      {.id = fmt::format("order-{}", id),
       .statement = fmt::format("{} converges with order {}", name, p),
       .source = "backward error analysis; E. Hairer, C. Lubich, G. Wanner, \"Geometric Numerical "
                 "Integration\", 2006",
       .measured_as = "slope of the log of the error in the log of the steps, five doublings, less a tenth",
       .falsifier = "an interval above the exponent, beyond the sizes measured too"},
      order(integrator, name, p)};
}

// The flow that several claims read.
std::vector<study::Task> shared_flow(const FlowSpec& spec) {
  return {{flow_task, [&spec](study::TaskContext& task) { ensure_flow(spec, task.store); }}};
}

}  // namespace

std::vector<KnownClaim> flow_claims() {
  std::vector<KnownClaim> out = {
      {{.id = "dissipation-identity",
        .statement = "H(t) = H(0) - gamma int mean <P, grad Psi(P)> dt along the flow",
        .source = paper,
        .measured_as =
            "largest residual of H(0), by an adaptive method of order 8 with the integral as an unknown",
        .falsifier = "a residual above the solver's tolerance"},
       of_flow("balance residual", 1e-9),
       shared_flow},
      {{.id = "hamiltonian-falls",
        .statement = "the Hamiltonian never rises",
        .source = paper,
        .measured_as = "largest rise between neighbouring times",
        .falsifier = "a rise above rounding"},
       of_flow("largest rise of H", 1e-11),
       shared_flow},
      {{.id = "objective-may-rise",
        .statement = "the objective itself need not fall: momentum carries it up",
        .source = paper,
        .measured_as = "largest climb of J above its least so far, of J(0)",
        .falsifier = "none on one problem: a flow that never rises is inconclusive"},
       objective_rises,
       shared_flow},
      {{.id = "energy-floor",
        .statement = "H(t) >= H(0) exp(-2 gamma t) where inf J = 0: no parameters beat the rate 2 gamma",
        .source = paper,
        .measured_as = "largest 1 - H(t) / (H(0) exp(-2 gamma t))",
        .falsifier = "H below the bound"},
       of_flow("below the bound", 1e-9),
       shared_flow},
      {{.id = "speed-limit",
        .statement = "|W(t) - W(0)|_2 <= t",
        .source = paper,
        .measured_as = "largest ratio over blocks, particles and times",
        .falsifier = "a ratio above 1"},
       of_flow("speed", 1),
       shared_flow},
      {{.id = "experts-dissipation",
        .statement =
            "the identity holds for a gated mixture of transformer blocks, Psi summed over seven blocks",
        .source = paper,
        .measured_as = "largest residual over four times",
        .falsifier = "a residual above the solver's tolerance"},
       experts},
      {{.id = "linear-collapse",
        .statement = "linear features move all particles alike, as one matrix",
        .source = paper,
        .measured_as = "largest difference over 100 steps of Muon",
        .falsifier = "a difference above rounding"},
       collapse},
      order_claim(Integrator::muon, "muon", "Muon", 1),
      order_claim(Integrator::nesterov, "nesterov", "Nesterov's form", 1),
      order_claim(Integrator::strang, "strang", "the Strang splitting", 2),
      order_claim(Integrator::drift_kick_drift, "drift-kick-drift", "drift, kick, drift", 2),
      order_claim(Integrator::discrete_gradient, "discrete-gradient", "the discrete gradient", 2)};
  return out;
}

}  // namespace starling::muon
