#include <cstdint>
#include <string_view>

#include "starling/base/error.h"
#include "starling/systems/pinn/equation.h"
#include "starling/systems/pinn/equation_checks.h"
#include "starling/systems/pinn/tape.h"

// Any bytes end in a system whose residuals can be evaluated or in one base::Error.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace starling;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const pinn::System system = pinn::parse_system(text, {.parameters = {{"nu", 0.1}}});
    (void)system.degree();
    (void)system.order();
    const pinn::Tape<double> tape(system.graph, pinn::equation_roots(system));
    (void)tape.room();
    (void)pinn::remarks_on(system, false);
  } catch (const base::Error&) {
  }
  return 0;
}
