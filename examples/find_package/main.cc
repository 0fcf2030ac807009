// How far apart are two clouds? Prints the energy distance of standard normals to themselves and to shifted
// ones.
#include <starling/base/matrix.h>
#include <starling/base/random.h>
#include <starling/metrics/distances.h>

#include <cstdint>
#include <cstdio>
#include <span>

using starling::base::Points;
using starling::base::Stream;

namespace {

Points<double> normal_cloud(std::uint64_t seed, double shift) {
  Points<double> cloud(1000, 2);
  Stream stream(seed, 0, "cloud");
  stream.fill_normal(std::span<double>(cloud.data(), static_cast<std::size_t>(cloud.size())));
  cloud.col(0).array() += shift;
  return cloud;
}

}  // namespace

int main() {
  const Points<double> data = normal_cloud(1, 0);
  const double same = starling::metrics::energy_distance(data, normal_cloud(2, 0), true);
  const double shifted = starling::metrics::energy_distance(data, normal_cloud(3, 1), true);
  std::printf("energy distance to the same law %.4f, to a shifted one %.4f\n", same, shifted);
  return shifted > 10 * same ? 0 : 1;
}
