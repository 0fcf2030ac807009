#include <fmt/format.h>

#include <Eigen/QR>
#include <algorithm>
#include <cmath>
#include <numeric>

#include "starling/base/parallel.h"
#include "starling/systems/pinn/bound_claims.h"
#include "starling/systems/pinn/bound_study.h"

namespace starling::pinn {
namespace {

using study::Claim;
using study::Verdict;

// A matrix whose last singular values are `small`, all others 1.
base::Points<double> nearly_of_rank(base::Index width, base::Index rank, double small) {
  Eigen::MatrixXd drawn(width, width);
  base::Stream stream(1, 0, "factor");
  for (double& entry : drawn.reshaped()) entry = stream.normal();
  const Eigen::MatrixXd q = Eigen::HouseholderQR<Eigen::MatrixXd>(drawn).householderQ();
  Eigen::VectorXd sigma = Eigen::VectorXd::Constant(width, small);
  sigma.head(rank).setOnes();
  return sigma.asDiagonal() * q;
}

// ln κ against ln 1/ε, where all but `rank` singular values are ε.
Claim factor(Claim claim, const BoundStudySpec& spec, study::Store& store) {
  const base::Index width = spec.drawn.width, rank = spec.rank;
  std::vector<double> x, y;
  for (int k = 1; k <= 6; ++k) {
    const double small = std::pow(10.0, -k);
    x.push_back(-std::log(small));
    y.push_back(layer_factor(nearly_of_rank(width, rank, small), 3).log_kappa);
    store.record(study::Metric{
        .task = claim.id,
        .name = fmt::format("log10 of the factor, {} of {} singular values 1e-{}", width - rank, width, k),
        .value = y.back() / std::log(10.0)});
  }
  const math::SlopeFit fit = math::fit_slope(x, y);
  const double expected = static_cast<double>(width - rank) / 2;
  claim.value = fit.slope / expected;
  claim.expected = "1, to within 1e-6";
  claim.note = layer_factor(nearly_of_rank(width, rank, 0), 3).note + ": infinite";
  claim.verdict = std::abs(*claim.value - 1) < 1e-6 ? Verdict::holds : Verdict::fails;
  return claim;
}

// Classes of orthogonal and of low-rank hidden weights of one Frobenius norm.
Claim complexity(Claim claim, const BoundStudySpec& spec, study::Store& store) {
  System system = parse_system("-u_xx = 0; domain x = -1..1");
  constexpr std::int64_t points = 128;
  std::vector<double> logs(static_cast<std::size_t>(spec.classes));
  base::parallel_tasks(spec.classes, [&](std::ptrdiff_t index) {
    const auto number = static_cast<std::uint64_t>(index);
    const auto of = [&](HiddenWeight hidden) {
      const ClassValues values =
          class_values(system, system.equations[0].residual, draw_class(spec, hidden, 1 + number));
      return rademacher(values, points, spec.replicates,
                        {static_cast<std::uint64_t>(spec.common.seed), 0, "rank", number})
          .mean;
    };
    logs[static_cast<std::size_t>(index)] =
        std::log(of(HiddenWeight::low_rank) / of(HiddenWeight::orthogonal));
  });
  const math::MeanInterval mean = math::mean_interval(logs);
  claim.value = std::exp(mean.mean);
  claim.lower = std::exp(mean.lower);
  claim.upper = std::exp(mean.upper);
  claim.expected = "above 1";
  claim.note =
      fmt::format("rank {} against {}, {} pairs of classes", spec.rank, spec.drawn.width, spec.classes);
  claim.verdict = mean.lower > 0 ? Verdict::holds : mean.upper < 0 ? Verdict::fails : Verdict::inconclusive;
  store.record(study::Metric{.task = claim.id,
                             .name = "complexity of low rank over that of full rank",
                             .value = *claim.value,
                             .lower = claim.lower,
                             .upper = claim.upper});
  return claim;
}

}  // namespace

std::vector<KnownClaim> rank_claims() {
  return {{{.id = "rank-factor",
            .statement = "a layer's factor grows by half a power of every singular value that vanishes",
            .source = bound_paper,
            .measured_as = "slope of ln kappa in ln 1/sigma over half the number of small singular values",
            .falsifier = "a share that is not 1"},
           factor},
          {{.id = "rank-complexity",
            .statement = "at one Frobenius norm residuals of full-rank layers have the smaller complexity",
            .source = bound_paper,
            .measured_as = "complexity of the class of low rank over that of full rank, geometric mean over "
                           "pairs of classes, Student interval",
            .falsifier = "an interval below 1"},
           complexity}};
}

}  // namespace starling::pinn
