#include "starling/systems/students/starts.h"

#include <cmath>
#include <span>

#include "starling/base/random.h"

namespace starling::students {

Neurons start(const Landscape& landscape, base::Index n, Outgoing outgoing, std::uint64_t seed,
              std::uint64_t index) {
  base::Stream stream(seed, 0, "student start", index);
  Neurons out{base::Points<double>(n, landscape.dimension()), base::Vector<double>::Ones(n)};
  stream.fill_normal(std::span(out.w.data(), static_cast<std::size_t>(out.w.size())));
  if (outgoing == Outgoing::fixed) {
    out.w /= std::sqrt(static_cast<double>(landscape.teacher().a.size()));
    return out;
  }
  out.w *= std::sqrt(2.0 / static_cast<double>(landscape.dimension() + n));
  for (base::Index i = 0; i < n; ++i)
    out.a[i] = std::sqrt(2.0 / static_cast<double>(n + 1)) * stream.normal();
  return out;
}

}  // namespace starling::students
