#pragma once
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "starling/base/atomic_file.h"
#include "starling/base/error.h"
#include "starling/study/system.h"

namespace starling::study::testing {

enum class Kernel { laplace, gaussian };

/// What the fake system does when it runs.
enum class Ending { done, failed_claim, diverged, bad_input, interrupted, surprise };

struct Spec {
  Common common{.system = "toy", .job = "train", .seed = 1};
  double temperature = 0.05;
  std::int64_t steps = 3;
  bool exact = false;
  std::string path = "a \"quoted\"\tname\\";
  std::vector<double> scales = {0.02, 1.0, 1e-300};
  std::vector<std::int64_t> sizes = {16, 32};
  Kernel kernel = Kernel::laplace;
  Ending ending = Ending::done;
};

inline void describe(Description& d, Spec& spec) {
  describe_common(d, spec.common);
  d.section("field", "The field.");
  d.real("temperature", spec.temperature, {.minimum = 0, .open_minimum = true}, "a length");
  d.choice("kernel", spec.kernel, {{"laplace", Kernel::laplace}, {"gaussian", Kernel::gaussian}},
           "which kernel");
  d.reals("scales", spec.scales, {.minimum = 0, .open_minimum = true}, "lengths in [0, 1)");
  d.section("train", "The steps.");
  d.integer("steps", spec.steps, {.minimum = 1, .maximum = 1000}, "how many");
  d.boolean("exact", spec.exact, "whether");
  d.text("path", spec.path, "a file");
  d.integers("sizes", spec.sizes, {.minimum = 1}, "how large");
  d.choice("ending", spec.ending,
           {{"done", Ending::done},
            {"failed_claim", Ending::failed_claim},
            {"diverged", Ending::diverged},
            {"bad_input", Ending::bad_input},
            {"interrupted", Ending::interrupted},
            {"surprise", Ending::surprise}},
           "how it ends");
}

/// An application whose ending the spec chooses; the metric `runs` counts how often it ran in one directory.
class ToyApplication final : public Application {
 public:
  explicit ToyApplication(std::string job) : made_for_(std::move(job)) { spec.common.job = made_for_; }
  void describe(Description& description) override { testing::describe(description, spec); }
  std::string plan() override {
    if (spec.ending == Ending::bad_input)
      throw base::Error(base::ErrorKind::input, "toy.csv:2:3: not a number");
    return "job " + made_for_ + ", " + std::to_string(spec.steps) + " steps";
  }
  void run(RunContext& context) override {
    double runs = 1;
    for (const Metric& metric : context.store.metrics()) runs += metric.name == "runs" ? metric.value : 0;
    context.store.record(Metric{.task = "train",
                                .name = "runs",
                                .unit = "",
                                .value = runs,
                                .lower = 0.5,
                                .upper = 9.5,
                                .floor = 0.25,
                                .note = ""});
    if (context.interrupted() || spec.ending == Ending::interrupted) {
      throw base::Error(base::ErrorKind::interrupted, "stopped at step 1; continue with --resume");
    }
    if (spec.ending == Ending::diverged) throw base::Error(base::ErrorKind::numerical, "step 7: loss is nan");
    if (spec.ending == Ending::surprise) throw std::runtime_error("out of luck");
    Claim claim{.id = "toy.claim",
                .statement = "Two is two.",
                .source = "arithmetic",
                .measured_as = "counting",
                .falsifier = "one",
                .value = 2.0,
                .lower = {},
                .upper = {},
                .expected = "2",
                .verdict = Verdict::holds,
                .note = ""};
    if (spec.ending == Ending::failed_claim) claim.verdict = Verdict::fails;
    context.store.record(claim);
    context.store.record(Warning{"train", 2, "the bandwidth is small"});
  }

  Spec spec;

 private:
  std::string made_for_;
};

inline const System& toy_system() {
  static const System system{
      .name = "toy",
      .summary = "a system for the tests",
      .jobs = {"train", "study"},
      .make = [](const std::string& job) { return std::make_unique<ToyApplication>(job); },
      .claims =
          [] {
            return std::vector<Claim>{{.id = "toy.claim",
                                       .statement = "Two is two.",
                                       .source = "arithmetic",
                                       .measured_as = "counting",
                                       .falsifier = "one",
                                       .value = {},
                                       .lower = {},
                                       .upper = {},
                                       .expected = "2",
                                       .verdict = Verdict::inconclusive,
                                       .note = ""}};
          },
      .export_run =
          [](const RunDirectory&, const std::filesystem::path& out) {
            base::write_file_atomically(out / "model.safetensors", "x");
            return std::vector<std::filesystem::path>{out / "model.safetensors"};
          },
      .sample =
          [](const RunDirectory&, const SampleRequest& request) {
            base::write_file_atomically(request.out,
                                        std::to_string(request.count) + " " + std::to_string(request.label));
          }};
  return system;
}

}  // namespace starling::study::testing
