#pragma once
#include <functional>
#include <string>
#include <utility>

#include "starling/study/engine.h"
#include "study/scratch.h"

namespace starling::study::testing {

/// Runs a job of `system` from a spec struct, into folders of this test.
class JobTest : public Scratch {
 protected:
  explicit JobTest(const System& system) : system_(system) {}

  template <class Spec>
  static std::string text_of(Spec spec) {
    Description description;
    describe(description, spec);
    return template_text(description);
  }
  template <class Spec>
  RunDirectory run(
      const Spec& spec, const std::string& name, bool resume = false,
      std::function<bool()> interrupted = [] { return false; }) const {
    RunOptions options;
    options.out = folder_ / name;
    options.resume = resume;
    options.interrupted = std::move(interrupted);
    return run_spec({&system_}, text_of(spec), "spec.toml", options);
  }
  /// What run() throws; see error_of of scratch.h.
  template <class Spec>
  std::string error_of_run(const Spec& spec, const std::string& name, bool resume = false) const {
    return error_of([&] { run(spec, name, resume); });
  }

 private:
  const System& system_;
};

}  // namespace starling::study::testing
