#include <algorithm>
#include <cmath>

#include "starling/base/random.h"
#include "starling/optim/orthogonalize.h"
#include "starling/systems/muon/claims.h"

namespace starling::muon {
namespace {

using base::Index;
using Eigen::MatrixXd;
using study::Claim;

// Random matrices of random shapes and sizes, about e: from far below it to far above.
struct Draw {
  MatrixXd m, direction;
};
Draw draw(const FlowSpec& spec, std::int64_t index) {
  base::Stream stream(static_cast<std::uint64_t>(spec.common.seed), 0, "matrices",
                      static_cast<std::uint64_t>(index));
  const auto extent = [&stream] { return static_cast<Index>(1 + std::floor(8 * stream.uniform())); };
  const Index rows = extent(), columns = extent();
  const double size = spec.epsilon * std::pow(10, 4 * stream.uniform() - 2);
  Draw out{MatrixXd(rows, columns), MatrixXd(rows, columns)};
  for (double& value : out.m.reshaped()) value = size * stream.normal();
  for (double& value : out.direction.reshaped()) value = stream.normal();
  return out;
}

double inner(const MatrixXd& x, const MatrixXd& y) {
  return x.cwiseProduct(y).sum();
}

template <class Error>
double largest(const FlowSpec& spec, Error error) {
  double most = 0;
  for (std::int64_t i = 0; i < spec.replicates; ++i) most = std::max(most, error(draw(spec, i)));
  return most;
}

Claim fenchel(Claim claim, const FlowSpec& spec, study::Store& store) {
  const math::SpectralMap map(spec.epsilon);
  const double error = largest(spec, [&](const Draw& draw) {
    const MatrixXd v = map(draw.m);
    const double pairing = inner(draw.m, v);
    return std::abs(map.potential(draw.m) + map.dual_potential(v) - pairing) / pairing;
  });
  return judge_error(std::move(claim), store, "largest error", error, 1e-11);
}

Claim bounds(Claim claim, const FlowSpec& spec, study::Store& store) {
  const math::SpectralMap map(spec.epsilon);
  double least = 2, most = 1;
  for (std::int64_t i = 0; i < spec.replicates; ++i) {
    const MatrixXd m = draw(spec, i).m;
    const double ratio = inner(m, map(m)) / map.potential(m);
    least = std::min(least, ratio);
    most = std::max(most, ratio);
  }
  store.record(study::Metric{.task = claim.id, .name = "smallest ratio", .value = least});
  store.record(study::Metric{.task = claim.id, .name = "largest ratio", .value = most});
  return judge_error(std::move(claim), store, "beyond the bounds", std::max(1 - least, most - 2), 1e-12);
}

Claim lipschitz(Claim claim, const FlowSpec& spec, study::Store& store) {
  const math::SpectralMap map(spec.epsilon);
  const double share = largest(spec, [&](const Draw& draw) {
    return spec.epsilon * map.derivative(draw.m, draw.direction).norm() / draw.direction.norm();
  });
  return judge_error(std::move(claim), store, "largest share of 1/e", share, 1 + 1e-12);
}

Claim vanishing_epsilon(Claim claim, const FlowSpec& spec, study::Store& store) {
  // Per direction the error is 1 - s/√(s² + e²), so that of the whole is its value at the smallest s.
  const double error = largest(spec, [&](const Draw& draw) {
    const double s = math::singular_values(draw.m).tail(1)[0];
    double off = 0;
    for (const double share : {1.0, .1, .01, .001}) {
      const double e = share * s, expected = 1 - s / std::hypot(s, e);
      const double found =
          math::singular_values(math::SpectralMap(e)(draw.m) - math::polar_factor(draw.m))[0];
      off = std::max(off, std::abs(found - expected));
    }
    return off;
  });
  return judge_error(std::move(claim), store, "largest error", error, 1e-10);
}

Claim certified(Claim claim, const FlowSpec& spec, study::Store& store) {
  double beyond = 0, bound = 0;
  for (std::int64_t i = 0; i < spec.replicates; ++i) {
    const base::Points<double> m = draw(spec, i).m;
    const double rms = m.norm() / std::sqrt(static_cast<double>(std::min(m.rows(), m.cols())));
    base::Points<double> out(m.rows(), m.cols());
    const optim::OrthogonalizeSpec map{.epsilon = .3 * rms, .tolerance = 1e-3};
    const double promised = optim::Orthogonalizer<double>(map, m.rows(), m.cols())(m.data(), out.data());
    const double found = math::singular_values(out - base::Points<double>(math::SpectralMap(.3 * rms)(m)))[0];
    beyond = std::max(beyond, found - promised);
    bound = std::max(bound, promised);
  }
  store.record(study::Metric{.task = claim.id, .name = "largest bound", .value = bound});
  return judge_error(std::move(claim), store, "beyond the bound", beyond, 1e-12);
}

}  // namespace

std::vector<KnownClaim> map_claims() {
  const std::string over = "largest over random matrices of sizes far below and above e";
  return {
      {{.id = "fenchel-identity",
        .statement = "Psi(P) + Psi*(grad Psi(P)) = <P, grad Psi(P)>",
        .source = paper,
        .measured_as = over + ", relative",
        .falsifier = "an error above rounding"},
       fenchel},
      {{.id = "pairing-bounds",
        .statement = "Psi(P) <= <P, grad Psi(P)> <= 2 Psi(P)",
        .source = paper,
        .measured_as = "smallest and largest ratio over random matrices",
        .falsifier = "a ratio outside [1, 2]"},
       bounds},
      {{.id = "lipschitz-map",
        .statement = "the regularised map is 1/e-Lipschitz in the Frobenius norm",
        .source = paper,
        .measured_as = "largest e |D map(M) H| / |H| over random M and H",
        .falsifier = "a share above 1"},
       lipschitz},
      {{.id = "vanishing-epsilon",
        .statement = "the map tends to the polar factor with spectral error 1 - s/sqrt(s^2 + e^2), s the "
                     "smallest singular value",
        .source = paper,
        .measured_as = over + ", at four e each",
        .falsifier = "another error"},
       vanishing_epsilon},
      {{.id = "certified-quintics",
        .statement = "minimax quintics for the lower bound e/c keep to their certified spectral error",
        .source = "N. Amsel et al., \"The Polar Express\", arXiv:2505.16932, for a lower bound that is known",
        .measured_as = "error against the singular value decomposition, less the bound",
        .falsifier = "an error beyond the bound"},
       certified}};
}

}  // namespace starling::muon
