#include "starling/systems/students/census_claims.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <utility>

#include "starling/study/verdicts.h"
#include "starling/systems/students/census_figures.h"
#include "starling/systems/students/one_neuron.h"
#include "starling/systems/students/starts.h"
#include "starling/systems/students/trajectory.h"

namespace starling::students {
namespace {

using base::Index;
using study::Claim;
using study::judge_limit;
using study::judge_share;
using study::Verdict;

constexpr const char* paper = "arXiv:2311.01644 (reconstruction: the theorem's text is not known to us)";
constexpr double loss_tolerance = 1e-9, rest = 1e-13;
constexpr double all_flows = 0.99;
constexpr Index most_enumerated = 10;  // teachers whose partitions are all looked at

Claim claim_of(const std::string& id) {
  for (Claim claim : census_claims()) {
    if (claim.id == id) return claim;
  }
  return {};
}

Claim claim_of(const std::string& id, Index students) {
  Claim claim = claim_of(id);
  claim.id += fmt::format(".n{}", students);
  return claim;
}

bool is_erf(const CensusSpec& spec) {
  return spec.activation == Activation::erf && spec.outgoing == Outgoing::free;
}

void record_rest(const CensusResult& result, study::Store& store) {
  std::int64_t astray = 0;
  for (const CensusClass& one : result.census.classes) {
    const bool named =
        at_rest(one.point) || one.point.label == Label::dead || one.point.label == Label::runaway;
    if (!named || (at_rest(one.point) && one.point.gradient_max > rest)) astray += one.count;
  }
  Claim claim = claim_of("census.rest", result.students);
  claim.value = result.census.worst_gradient;
  claim.verdict = astray == 0 ? Verdict::holds : Verdict::fails;
  if (astray > 0) claim.note = fmt::format("{} runs neither came to rest nor ran away", astray);
  store.record(claim);
}

// Every partition of up to most_enumerated teachers: the largest gradient at a copy average, and by how much
// the best partition falls short of (1, ..., 1, k - n + 1).
void record_partitions(const CensusSpec& spec, study::Store& store) {
  const Index k = std::min<Index>(spec.teachers, most_enumerated);
  const Landscape landscape(Activation::erf, orthonormal_teacher(k, k));
  double gradient = 0, lead = -std::numeric_limits<double>::infinity();
  for (Index n = 1; n <= k; ++n) {
    const double best = one_neuron(k - n + 1, Activation::erf).loss;
    for (const std::vector<Index>& sizes : group_sizes(k, n)) {
      const CopyAverage average = copy_average(sizes, k, Activation::erf);
      const Neurons slope = landscape.gradient(average.student);
      gradient = std::max({gradient, slope.w.cwiseAbs().maxCoeff(), slope.a.cwiseAbs().maxCoeff()});
      lead = std::max(lead, best - average.loss);
    }
  }
  store.record(judge_limit(claim_of("copy-average.critical"), gradient, rest));
  store.record(judge_limit(claim_of("copy-average.best"), lead, loss_tolerance));
}

void record_closed_form(study::Store& store) {
  double most = 0;
  for (int m = 1; m <= 50; ++m) {
    const double formula =
        2 / std::numbers::pi * (m * std::numbers::pi / 6 - m * m * std::asin(1 / (2.0 * m)));
    most = std::max(most, std::abs(one_neuron(m, Activation::erf).loss - formula));
  }
  store.record(judge_limit(claim_of("copy-average.loss"), most, 1e-12));
}

void record_thresholds(const CensusSpec& spec, study::Store& store) {
  const Thresholds found = thresholds(spec.teachers);
  const auto number = [&](const char* name, const std::optional<Index>& n, const char* note) {
    if (!n) return;
    store.record(study::Metric{.task = "thresholds",
                               .name = name,
                               .unit = "students",
                               .value = static_cast<double>(*n),
                               .note = note});
  };
  number("perturbed_copy_minimum_from", found.pc_minimum_from,
         "the perturbed copy is a minimum from here on");
  number("perturbed_copy_best_from", found.pc_below_ca_from,
         "its loss is below the copy average's from here on");
  number("copy_average_saddle_from", found.ca_saddle_from, "the first copy average that is a saddle");
  Claim claim = claim_of("perturbed-copy.threshold");
  if (found.pc_minimum_from) {
    const double share = static_cast<double>(*found.pc_minimum_from) / static_cast<double>(spec.teachers);
    claim.value = share;
    const double grain = 1 / static_cast<double>(spec.teachers);  // n is whole
    claim.verdict = std::abs(share - 0.44) <= std::max(0.005, grain) ? Verdict::holds : Verdict::fails;
    if (grain > 0.1) {
      claim.verdict = Verdict::inconclusive;
      claim.note = "too few teachers: n/k comes in steps of more than 0.1";
    }
  } else {
    claim.note = "the perturbed copy is never a minimum";
  }
  store.record(claim);
}

// The largest change of |w|² - p a² along a flow, relative to its size, while all neurons live.
void record_conservation(const CensusSpec& spec, study::Store& store) {
  const Landscape landscape = landscape_of(spec);
  Neurons begin =
      start(landscape, spec.students.front(), spec.outgoing, static_cast<std::uint64_t>(spec.common.seed), 0);
  begin.a = begin.a.cwiseAbs();
  const Trajectory flow =
      follow(landscape, begin, std::vector<double>{0, 1, 10, 100}, Outgoing::free, 1e-12, 1e-14);
  const double drift = (flow.conserved.rowwise() - flow.conserved.row(0)).cwiseAbs().maxCoeff();
  store.record(judge_limit(claim_of("conservation"), drift, 1e-9));
}

}  // namespace

bool at_rest(const CriticalPoint& point) {
  return point.label == Label::minimum || point.label == Label::saddle || point.label == Label::redundant;
}

double lowest_loss(const Census& census) {
  double lowest = std::numeric_limits<double>::infinity();
  for (const CensusClass& one : census.classes) {
    if (at_rest(one.point)) lowest = std::min(lowest, one.point.loss);
  }
  return lowest;
}

std::vector<Claim> census_claims() {
  return {{.id = "census.rest",
           .statement = "Every run comes to rest at a critical point, or dies or runs away and says so.",
           .source = "Newton's method after the flow, as arXiv:2301.10638 proposes",
           .measured_as = "largest derivative of the loss over all runs at rest, after Newton's method",
           .falsifier = "a run without a label, or a derivative above 1e-13",
           .expected = "at most 1e-13"},
          {.id = "census.best",
           .statement =
               "No critical point of n erf students lies below the best copy average (1, ..., 1, k - n + 1).",
           .source = paper,
           .measured_as = "loss of the best copy average less the lowest loss of the census",
           .falsifier = "a lower critical point; the perturbed copy is one where n is close to k"},
          {.id = "census.copy-average-is-minimum",
           .statement = "The best copy average of n erf students is a minimum.",
           .source = paper,
           .measured_as = "negative eigenvalues of its Hessian, by symmetry",
           .falsifier = "a negative eigenvalue; k - n of one is enough from k = 7 on"},
          {.id = "census.all-reach-copy-average",
           .statement = "Gradient flows from random starts all end in a copy average.",
           .source = "arXiv:2311.01644, abstract, for n well below k",
           .measured_as = "share of the runs with its exact 95% interval",
           .falsifier = "an interval below 0.99"},
          {.id = "copy-average.critical",
           .statement = "Copy averages of erf students are critical points.",
           .source = paper,
           .measured_as =
               "largest derivative over all partitions of at most ten teachers into any number of groups",
           .falsifier = "a derivative above rounding"},
          {.id = "copy-average.best",
           .statement = "Among copy averages (1, ..., 1, k - n + 1) has the lowest loss.",
           .source = paper,
           .measured_as = "its lead over the best of all partitions of at most ten teachers",
           .falsifier = "a partition with a lower loss"},
          {.id = "copy-average.loss",
           .statement = "One erf student of m teachers has the loss (2/π)(mπ/6 - m² asin(1/2m)).",
           .source = "arXiv:2311.01644; its repository, helper.py",
           .measured_as = "largest difference between the formula and a minimisation, m = 1 to 50",
           .falsifier = "a difference above 1e-12"},
          {.id = "perturbed-copy.threshold",
           .statement = "The perturbed copy becomes a minimum at n/k = 0.44.",
           .source = "arXiv:2311.01644, a constant of its plots for k = 50",
           .measured_as = "the first n whose perturbed copy has no negative eigenvalue, over k",
           .falsifier = "a share that differs by more than 0.005 and one neuron; it falls as k grows",
           .expected = "0.44"},
          {.id = "conservation",
           .statement = "The flow of an activation of degree p keeps |w|² - p a² of every neuron.",
           .source = "Du, Hu and Lee, arXiv:1806.00900, for p = 1",
           .measured_as = "largest change up to time 100 at a tolerance of 1e-12",
           .falsifier = "a change above 1e-9"}};
}

void record_census_claims(const CensusSpec& spec, const CensusResult& result, study::Store& store) {
  record_rest(result, store);
  if (!is_erf(spec)) return;
  const double average = *copy_average_loss(spec, result.students);
  Claim best = judge_limit(claim_of("census.best", result.students), average - lowest_loss(result.census),
                           loss_tolerance);
  if (best.verdict == Verdict::fails)
    best.note = "it is the best among copy averages, not of all critical points";
  store.record(best);
  const Index negative = best_copy_average_index(result.students, spec.teachers, dimension_of(spec));
  store.record(judge_limit(claim_of("census.copy-average-is-minimum", result.students),
                           static_cast<double>(negative), 0));
  std::int64_t count = 0;
  for (const CensusClass& one : result.census.classes)
    count += one.point.kind == Kind::copy_average && at_rest(one.point) ? one.count : 0;
  const math::MeanInterval share = math::binomial_interval(count, std::ssize(result.census.class_of));
  store.record(judge_share(claim_of("census.all-reach-copy-average", result.students), share, all_flows,
                           "raise runs.seeds"));
}

void record_theory_claims(const CensusSpec& spec, study::Store& store) {
  if (is_erf(spec)) {
    record_partitions(spec, store);
    record_closed_form(store);
    record_thresholds(spec, store);
  }
  if (degree(spec.activation) > 0 && spec.outgoing == Outgoing::free) record_conservation(spec, store);
}

}  // namespace starling::students
