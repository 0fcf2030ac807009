#include "oscillators.h"

#include <cmath>
#include <complex>
#include <numbers>
#include <string>

#include "starling/base/error.h"
#include "starling/base/parallel.h"
#include "starling/base/random.h"
#include "starling/math/statistics.h"
#include "starling/study/claim_catalogue.h"

namespace oscillators {
namespace {

using namespace starling;

// --- spec: a struct with defaults, described once
// ------------------------------------------------------------------------

struct Spec {
  study::Common common{.system = "oscillators", .job = "study", .seed = 1};
  std::int64_t count = 2000, replicates = 8;
  double coupling = 2, width = 0.5, horizon = 60, step = 0.05;
};

void describe(study::Description& d, Spec& spec) {
  study::describe_common(d, spec.common);
  d.section("study", "The oscillators and how long they are watched.");
  d.integer("count", spec.count, {.minimum = 2, .maximum = 1e6}, "how many oscillators");
  d.real("coupling", spec.coupling, {.minimum = 0}, "K");
  d.real("width", spec.width, {.minimum = 0, .open_minimum = true}, "half-width of the law of frequencies");
  d.real("horizon", spec.horizon, {.minimum = 1, .maximum = 1e4}, "time; its second half is measured");
  d.real("step", spec.step, {.minimum = 1e-4, .maximum = 1}, "of the integrator");
  d.integer("replicates", spec.replicates, {.minimum = 2, .maximum = 1000},
            "independent draws of everything");
}

// --- flow: a state and a pure step on it; numerics only
// ------------------------------------------------------------------

struct State {
  std::vector<double> phase, frequency;
};

State start(const Spec& spec, std::uint64_t replicate) {
  base::Stream stream(static_cast<std::uint64_t>(spec.common.seed), 0, "oscillators", replicate);
  State state;
  for (std::int64_t i = 0; i < spec.count; ++i) {
    state.phase.push_back(2 * std::numbers::pi * stream.uniform());
    state.frequency.push_back(spec.width * std::tan(std::numbers::pi * (stream.uniform() - 0.5)));
  }
  return state;
}

/// r e^{iψ}, the mean of e^{iθ}: the sum over pairs is K r sin(ψ - θ_i), so a step costs O(N).
std::complex<double> order(const std::vector<double>& phase) {
  std::complex<double> sum = 0;
  for (const double angle : phase) sum += std::polar(1.0, angle);
  return sum / static_cast<double>(phase.size());
}

/// One step of Heun's method in the frame of each oscillator's own frequency.
void step(const Spec& spec, State& state) {
  const std::complex<double> mean = order(state.phase);
  std::vector<double> pull(state.phase.size()), guess(state.phase.size());
  for (std::size_t i = 0; i < pull.size(); ++i) {
    pull[i] = spec.coupling * std::imag(mean * std::polar(1.0, -state.phase[i]));
    guess[i] = state.phase[i] + spec.step * (state.frequency[i] + pull[i]);
  }
  const std::complex<double> next = order(guess);
  for (std::size_t i = 0; i < pull.size(); ++i) {
    const double later = spec.coupling * std::imag(next * std::polar(1.0, -guess[i]));
    state.phase[i] += spec.step * (state.frequency[i] + 0.5 * (pull[i] + later));
  }
}

// --- claims: what theory says, and how it is judged
// ----------------------------------------------------------------------

double limit(const Spec& spec) {
  const double threshold = 2 * spec.width;
  return spec.coupling > threshold ? std::sqrt(1 - threshold / spec.coupling) : 0;
}

study::Claim measure(study::Claim claim, const Spec& spec, study::Store& store) {
  const auto steps = static_cast<std::int64_t>(spec.horizon / spec.step);
  std::vector<std::vector<double>> paths(static_cast<std::size_t>(spec.replicates));
  base::parallel_tasks(spec.replicates, [&](std::ptrdiff_t replicate) {
    State state = start(spec, static_cast<std::uint64_t>(replicate));
    for (std::int64_t s = 0; s < steps; ++s) {
      step(spec, state);
      paths[static_cast<std::size_t>(replicate)].push_back(std::abs(order(state.phase)));
    }
  });
  std::vector<double> late;
  for (const auto& path : paths) {
    double sum = 0;
    for (std::size_t s = path.size() / 2; s < path.size(); ++s) sum += path[s];
    late.push_back(sum / static_cast<double>(path.size() - path.size() / 2));
  }
  if (!std::isfinite(late.front()))
    throw base::Error(base::ErrorKind::numerical, "the phases are lost: lower study.step");

  std::vector<study::SeriesPoint> series;
  for (std::int64_t s = 0; s < steps; s += 10)
    series.push_back({s, paths.front()[static_cast<std::size_t>(s)]});
  store.record(claim.id, "order", "", series);
  store.record(study::Figure{"order",
                             "Order parameter of the first replicate",
                             "The dashed line is the limit of many oscillators.",
                             {{"kind", "curves"},
                              {"x_label", "step"},
                              {"y_label", "r"},
                              {"curves", {{{"task", claim.id}, {"series", "order"}, {"label", "r"}}}},
                              {"reference_lines", {{{"y", limit(spec)}, {"label", "theory"}}}}}});

  const math::MeanInterval mean = math::mean_interval(late);
  const double room = 3 / std::sqrt(static_cast<double>(spec.count));
  claim.value = mean.mean, claim.lower = mean.lower, claim.upper = mean.upper;
  claim.expected = std::to_string(limit(spec)) + " within " + std::to_string(room);
  const bool below = mean.upper<limit(spec) - room, above = mean.lower> limit(spec) + room;
  const bool inside = mean.lower >= limit(spec) - room && mean.upper <= limit(spec) + room;
  claim.verdict = below || above ? study::Verdict::fails
                  : inside       ? study::Verdict::holds
                                 : study::Verdict::inconclusive;
  return claim;
}

const study::ClaimCatalogue<Spec>& catalogue() {
  static const study::ClaimCatalogue<Spec> claims{std::vector<study::KnownClaim<Spec>>{
      {{.id = "order-above-threshold",
        .statement = "above K = 2γ the order parameter tends to sqrt(1 - 2γ/K), below it to 0, as N grows",
        .source = "Kuramoto 1984, for a Cauchy law of frequencies",
        .measured_as =
            "mean of r over the second half of the time, Student interval over replicates, against the limit",
        .falsifier = "an interval that lies beyond 3/sqrt(N) from the limit"},
       measure}}};
  return claims;
}

// --- app: the job
// --------------------------------------------------------------------------------------------------------

class StudyApplication final : public study::Application {
 public:
  void describe(study::Description& description) override { oscillators::describe(description, spec_); }
  std::string plan() override {
    return std::to_string(spec_.count) + " oscillators to time " + std::to_string(spec_.horizon);
  }
  void run(study::RunContext& context) override { catalogue().run(context, spec_); }

 private:
  Spec spec_;
};

}  // namespace

const study::System& system() {
  static const study::System instance{
      .name = "oscillators",
      .summary = "Kuramoto's coupled oscillators",
      .jobs = {"study"},
      .make = [](const std::string&) { return std::make_unique<StudyApplication>(); },
      .claims = [] { return catalogue().claims(); },
      .export_run = [](const study::RunDirectory&,
                       const std::filesystem::path&) { return std::vector<std::filesystem::path>{}; }};
  return instance;
}

}  // namespace oscillators
