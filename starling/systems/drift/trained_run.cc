#include "starling/systems/drift/trained_run.h"

#include <fmt/format.h>

#include "starling/base/atomic_file.h"
#include "starling/base/error.h"
#include "starling/data/npy.h"
#include "starling/data/png.h"
#include "starling/report/sample_sheet.h"
#include "starling/systems/drift/checkpoint.h"
#include "starling/systems/drift/generator.h"
#include "starling/systems/drift/problem.h"

namespace starling::drift {
namespace {

using base::Error;
using base::ErrorKind;
using base::Index;
using base::Points;

// A finished or interrupted run, ready to sample from.
struct Trained {
  Spec spec;
  std::unique_ptr<Problem> problem;
  std::unique_ptr<Generator> generator;
  GeneratorState state;
};

Trained load_trained(const study::RunDirectory& directory, Trained trained) {
  study::Description description;
  describe(description, trained.spec);
  const nlohmann::json config = directory.read_manifest().at("config");
  for (const study::Entry& entry : description.entries()) {
    const nlohmann::json& value =
        entry.section.empty() ? config.at(entry.name) : config.at(entry.section).at(entry.name);
    study::apply_override(description, fmt::format("{}={}", entry.path(), value.dump()));
  }
  return trained;
}

void open_trained(const study::RunDirectory& directory, Trained& trained) {
  trained = load_trained(directory, std::move(trained));
  trained.problem = std::make_unique<Problem>(trained.spec);
  trained.generator = std::make_unique<Generator>(trained.spec, *trained.problem);
  trained.state = load_checkpoint(directory.checkpoint(), trained.generator->network());
}

void require_trained(const study::RunDirectory& directory) {
  const std::string job = directory.read_manifest().at("config").at("job");
  if (job == "train") return;
  throw Error(ErrorKind::usage,
              job == "particles"
                  ? fmt::format("{0}: moved particles and holds no model; they are in {0}/particles.npy",
                                directory.path().string())
                  : fmt::format("{}: is a {} and holds no model", directory.path().string(), job));
}

}  // namespace

void sample(const study::RunDirectory& directory, const study::SampleRequest& request) {
  require_trained(directory);
  Trained run{{}, nullptr, nullptr, {{}, {}, optim::AdamWState<float>(0), 0, 0}};
  open_trained(directory, run);
  const std::int32_t classes = run.problem->classes();
  std::vector<std::int32_t> labels;
  if (run.spec.generator.conditional) {
    if (request.label >= classes) {
      throw Error(ErrorKind::usage,
                  fmt::format("--label {}: the run has classes 0 to {}", request.label, classes - 1));
    }
    for (std::int64_t i = 0; i < request.count; ++i) {
      labels.push_back(
          static_cast<std::int32_t>(request.label >= 0 ? request.label : i * classes / request.count));
    }
  }
  base::Stream stream(static_cast<std::uint64_t>(request.seed), 0, "sample");
  const Points<float> raw = run.generator->sample(run.state.average, stream, labels, request.count);
  const Points<float> samples = run.problem->restore(raw);
  const std::string extension = request.out.extension().string();
  if (extension == ".npy") return base::write_file_atomically(request.out, data::encode_npy(samples));
  if (extension == ".csv") {
    std::string text;
    for (Index i = 0; i < samples.rows(); ++i) {
      for (Index k = 0; k < samples.cols(); ++k)
        text += fmt::format("{}{}", k == 0 ? "" : ",", samples(i, k));
      text += '\n';
    }
    return base::write_file_atomically(request.out, text);
  }
  if (extension == ".png" && !run.problem->image().empty()) {
    const Points<float>& data = run.problem->held_out();
    const data::Image sheet = report::sample_sheet(raw, static_cast<int>(run.problem->image()[0]),
                                                   static_cast<int>(run.problem->image()[1]), 16,
                                                   {data.minCoeff(), data.maxCoeff()});
    return base::write_file_atomically(request.out, data::encode_png(sheet));
  }
  throw Error(
      ErrorKind::usage,
      fmt::format("--out {}: expected .npy or .csv, or .png when the data are images", request.out.string()));
}

std::vector<std::filesystem::path> export_run(const study::RunDirectory& directory,
                                              const std::filesystem::path& out) {
  require_trained(directory);
  Trained run{{}, nullptr, nullptr, {{}, {}, optim::AdamWState<float>(0), 0, 0}};
  open_trained(directory, run);
  std::filesystem::create_directories(out);
  nlohmann::json config = nlohmann::json::parse(config_of(run.spec));
  config["output"] = {{"dimension", run.problem->dimension()},
                      {"offset", run.problem->offset()},
                      {"factor", run.problem->factor()},
                      {"classes", run.problem->classes()}};
  const auto model = out / "model.safetensors", json = out / "config.json";
  base::write_file_atomically(model,
                              encode_model(run.generator->network(), run.state.average, config.dump()));
  base::write_file_atomically(json, config.dump(2) + "\n");
  return {model, json};
}

}  // namespace starling::drift
