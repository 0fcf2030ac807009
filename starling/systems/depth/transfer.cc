#include "starling/systems/depth/transfer.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "starling/base/error.h"
#include "starling/math/statistics.h"

namespace starling::depth {

std::vector<TransferCurve> rate_transfer(const TransferSpec& spec, const HeadLaw& law, Index tokens,
                                         std::span<const double> x, std::span<const double> y) {
  if (spec.layers.empty() || spec.rates.empty() || spec.replicas < 1) {
    throw base::Error(base::ErrorKind::usage,
                      "rate transfer: expected at least one depth, one rate and one replica");
  }
  std::vector<TransferCurve> out;
  for (std::size_t i = 0; i < spec.layers.size(); ++i) {
    TransferCurve curve{spec.layers[i], {}, 0};
    const auto start = [&](Index replica) {
      base::Stream stream(spec.seed, static_cast<std::uint32_t>(i), "heads",
                          static_cast<std::uint64_t>(replica));
      return drawn_heads(law, curve.layers, spec.heads, stream);
    };
    TrainingSpec training{.network = {.shape = law.shape(curve.layers, spec.heads),
                                      .causal = spec.causal,
                                      .residual_exponent = spec.residual_exponent},
                          .optimiser = spec.optimiser,
                          .tokens = tokens,
                          .steps = spec.steps,
                          .keep_going = true};
    for (const double rate : spec.rates) {
      training.optimiser.rate = rate;
      std::vector<double> losses;
      for (const Trained& run : train_replicas(training, spec.replicas, start, x, y)) {
        const double loss = run.losses.back();
        losses.push_back(std::isfinite(loss) ? loss : std::numeric_limits<double>::max());
      }
      const double median = math::quantile(losses, .5);
      curve.losses.push_back(median < 1e300 ? median : std::numeric_limits<double>::infinity());
    }
    const auto best = std::min_element(curve.losses.begin(), curve.losses.end()) - curve.losses.begin();
    curve.best_rate = spec.rates[static_cast<std::size_t>(best)];
    out.push_back(std::move(curve));
  }
  return out;
}

}  // namespace starling::depth
