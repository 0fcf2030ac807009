#include "starling/systems/all/all.h"

#include "starling/systems/depth/app.h"
#include "starling/systems/drift/app.h"
#include "starling/systems/muon/app.h"
#include "starling/systems/pinn/app.h"
#include "starling/systems/students/app.h"

namespace starling {

std::vector<const study::System*> all_systems() {
  return {&drift::system(), &students::system(), &muon::system(), &pinn::system(), &depth::system()};
}

}  // namespace starling
