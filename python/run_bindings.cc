#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <atomic>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "arrays.h"
#include "starling/base/error.h"
#include "starling/report/report.h"
#include "starling/study/sweep.h"
#include "starling/systems/all/all.h"
#include "starling/systems/drift/trained_run.h"

namespace starling::python {
namespace {

using namespace nb::literals;

// Ctrl-C sets a flag in the interpreter; a run sees it here, saves a checkpoint and ends with
// Error{interrupted}. Runs of a sweep ask from several threads.
class Interrupt {
 public:
  bool operator()() {
    if (!asked_) {
      const nb::gil_scoped_acquire lock;
      if (PyErr_CheckSignals() != 0) {
        PyErr_Clear();
        asked_ = true;
      }
    }
    return asked_;
  }

 private:
  std::atomic<bool> asked_ = false;
};

study::RunOptions options_of(const std::vector<std::string>& overrides, const std::string& out,
                             Interrupt& interrupt) {
  study::RunOptions options;
  options.overrides = overrides;
  options.out = out;
  options.report = [](const study::RunDirectory& directory) { report::write_report(directory); };
  options.interrupted = std::ref(interrupt);
  return options;
}

void run_spec(const std::string& text, const std::string& file_name,
              const std::vector<std::string>& overrides, const std::string& out) {
  Interrupt interrupt;
  const study::RunOptions options = options_of(overrides, out, interrupt);
  unlocked([&] { study::run_spec(all_systems(), text, file_name, options); });
}

void run_sweep(const std::string& text, const std::string& file_name,
               const std::vector<std::pair<std::string, std::vector<std::string>>>& over,
               const std::string& measure, bool maximize, const std::vector<std::string>& overrides,
               const std::string& out) {
  Interrupt interrupt;
  const study::RunOptions options = options_of(overrides, out, interrupt);
  study::SweepRequest request{.keys = {}, .measure = measure, .maximize = maximize};
  for (const auto& [key, values] : over) request.keys.push_back({key, values});
  unlocked([&] { study::run_sweep(all_systems(), text, file_name, request, options); });
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

// Text of a language model into the file `out`.
void sample_text(const std::string& run, const std::string& prompt, std::int64_t count, std::int64_t seed,
                 double temperature, std::int64_t top_k, const std::string& out) {
  unlocked([&] {
    study::sample_run(all_systems(), study::RunDirectory::existing(run),
                      {.count = count,
                       .seed = seed,
                       .out = out,
                       .temperature = temperature,
                       .top_k = top_k,
                       .prompt = prompt});
  });
}

// The system of a run, by its manifest.
std::string system_name(const std::string& run) {
  return study::system_of(all_systems(), study::RunDirectory::existing(run)).name;
}

void predict(const std::string& run, const std::string& input, const std::string& out) {
  unlocked([&] {
    study::predict_run(all_systems(), study::RunDirectory::existing(run), {.input = input, .out = out});
  });
}

// The paths that were written.
std::vector<std::string> export_run(const std::string& run, const std::string& out) {
  std::vector<std::string> paths;
  unlocked([&] {
    study::export_run(all_systems(), study::RunDirectory::existing(run), out,
                      [&](const std::filesystem::path& path) { paths.push_back(path.string()); });
  });
  return paths;
}

void rebuild_report(const std::string& run) {
  unlocked([&] { report::write_report(study::RunDirectory::existing(run)); });
}

}  // namespace

void bind_run(nb::module_& module) {
  module.def("run_spec", run_spec, "text"_a, "file_name"_a, "overrides"_a, "out"_a);
  module.def("run_sweep", run_sweep, "text"_a, "file_name"_a, "over"_a, "measure"_a, "maximize"_a,
             "overrides"_a, "out"_a);
  module.def("export_run", export_run, "run"_a, "out"_a);
  module.def("rebuild_report", rebuild_report, "run"_a);
  module.def("predict", predict, "run"_a, "input"_a, "out"_a);
  module.def("sample_text", sample_text, "run"_a, "prompt"_a, "count"_a, "seed"_a, "temperature"_a, "top_k"_a,
             "out"_a);
  module.def("system_name", system_name, "run"_a);
  module.def("sample", sample, "run"_a, "noise"_a, "labels"_a, "count"_a, "seed"_a, "guidance"_a);
}

}  // namespace starling::python
