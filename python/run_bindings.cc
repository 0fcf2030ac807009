#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <atomic>
#include <string>
#include <vector>

#include "arrays.h"
#include "starling/report/report.h"
#include "starling/study/engine.h"
#include "starling/systems/all/all.h"
#include "starling/systems/drift/trained_run.h"

namespace starling::python {
namespace {

using namespace nb::literals;

void run_spec(const std::string& text, const std::string& file_name,
              const std::vector<std::string>& overrides, const std::string& out) {
  std::atomic<bool> asked_to_stop = false;
  study::RunOptions options;
  options.overrides = overrides;
  options.out = out;
  options.report = [](const study::RunDirectory& directory) { report::write_report(directory); };
  // Ctrl-C sets a flag in the interpreter; the run sees it here, saves a checkpoint and ends with
  // Error{interrupted}.
  options.interrupted = [&asked_to_stop] {
    if (!asked_to_stop) {
      const nb::gil_scoped_acquire lock;
      if (PyErr_CheckSignals() != 0) {
        PyErr_Clear();
        asked_to_stop = true;
      }
    }
    return asked_to_stop.load();
  };
  unlocked([&] { study::run_spec(all_systems(), text, file_name, options); });
}

Array sample(const std::string& run, const Table& noise, const std::vector<std::int32_t>& labels,
             std::int64_t count, std::int64_t seed, double guidance) {
  return numpy(unlocked([&]() -> base::Points<double> {
    const drift::Draw draw{.noise = points(noise).cast<float>(),
                           .labels = labels,
                           .count = count,
                           .seed = seed,
                           .guidance = guidance};
    return drift::draw(study::RunDirectory::existing(run), draw).cast<double>();
  }));
}

}  // namespace

void bind_run(nb::module_& module) {
  module.def("run_spec", run_spec, "text"_a, "file_name"_a, "overrides"_a, "out"_a);
  module.def("sample", sample, "run"_a, "noise"_a, "labels"_a, "count"_a, "seed"_a, "guidance"_a);
}

}  // namespace starling::python
