#include "starling/systems/students/app.h"

#include "starling/base/error.h"
#include "starling/systems/students/census_app.h"
#include "starling/systems/students/census_claims.h"
#include "starling/systems/students/train_app.h"

namespace starling::students {

const study::System& system() {
  static const study::System instance{
      "students",
      "small networks that stand for a wide one, and the landscape in which they are found",
      {"train", "census"},
      [](const std::string& job) -> std::unique_ptr<study::Application> {
        if (job == "census") return make_census_application();
        return make_train_application();
      },
      census_claims,
      [](const study::RunDirectory& directory, const study::SampleRequest&) {
        throw base::Error(
            base::ErrorKind::usage,
            directory.path().string() +
                ": a run of students has no samples; its networks are in student_*, or use export");
      },
      export_networks};
  return instance;
}

}  // namespace starling::students
