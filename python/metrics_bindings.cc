#include "arrays.h"
#include "starling/metrics/distances.h"

namespace starling::python {

using namespace nb::literals;

void bind_metrics(nb::module_& module) {
  module.def(
      "mmd2",
      [](const Table& x, const Table& y, double bandwidth, bool unbiased) {
        return unlocked([&] { return metrics::mmd2(points(x), points(y), bandwidth, unbiased); });
      },
      "x"_a, "y"_a, "bandwidth"_a, "unbiased"_a);
  module.def(
      "energy_distance",
      [](const Table& x, const Table& y, bool unbiased) {
        return unlocked([&] { return metrics::energy_distance(points(x), points(y), unbiased); });
      },
      "x"_a, "y"_a, "unbiased"_a);
  module.def(
      "sliced_wasserstein",
      [](const Table& x, const Table& y, const Table& directions, int p) {
        return unlocked(
            [&] { return metrics::sliced_wasserstein(points(x), points(y), points(directions), p); });
      },
      "x"_a, "y"_a, "directions"_a, "p"_a);
}

}  // namespace starling::python
