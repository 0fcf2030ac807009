#include "starling/systems/students/app.h"

#include "starling/systems/students/census_app.h"
#include "starling/systems/students/census_claims.h"
#include "starling/systems/students/train_app.h"

namespace starling::students {

const study::System& system() {
  static const study::System instance{
      .name = "students",
      .summary = "small networks that stand for a wide one, and the landscape in which they are found",
      .jobs = {"train", "census"},
      .make = [](const std::string& job) -> std::unique_ptr<study::Application> {
        if (job == "census") return make_census_application();
        return make_train_application();
      },
      .claims = census_claims,
      .export_run = export_networks};
  return instance;
}

}  // namespace starling::students
