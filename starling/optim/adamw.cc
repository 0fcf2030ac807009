// Instantiated here once, so that every user runs the same vectorised code.
#include "starling/optim/adamw.h"

namespace starling::optim {

template void adamw_step(const AdamWSpec&, double, std::span<float>, std::span<const float>,
                         AdamWState<float>&);
template void adamw_step(const AdamWSpec&, double, std::span<double>, std::span<const double>,
                         AdamWState<double>&);

}  // namespace starling::optim
