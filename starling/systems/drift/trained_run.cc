#include "starling/systems/drift/trained_run.h"

#include <fmt/format.h>

#include <cmath>

#include "starling/base/atomic_file.h"
#include "starling/base/error.h"
#include "starling/data/npy.h"
#include "starling/data/png.h"
#include "starling/data/table_file.h"
#include "starling/nets/onnx.h"
#include "starling/report/sample_sheet.h"
#include "starling/study/model_file.h"
#include "starling/study/run_config.h"
#include "starling/systems/drift/checkpoint.h"
#include "starling/systems/drift/generator.h"
#include "starling/systems/drift/problem.h"

namespace starling::drift {
namespace {

using base::Error;
using base::ErrorKind;
using base::Index;
using base::Points;

bool holds_no_model(const std::string& job) {
  return job == "study" || job == "particles";
}

Spec spec_of(const study::RunDirectory& directory) {
  if (const std::string job = study::job_of(directory); holds_no_model(job)) {
    throw Error(ErrorKind::usage,
                job == "study" ? fmt::format("{}: is a study and holds no model", directory.path().string())
                               : fmt::format("{0}: moved particles and holds no model; they are in "
                                             "{0}/particles.npy",
                                             directory.path().string()));
  }
  return study::read_spec<Spec>(directory);
}

// A finished or interrupted run, ready to sample from.
struct Trained {
  explicit Trained(const study::RunDirectory& directory)
      : spec(spec_of(directory)),
        problem(spec),
        generator(spec, problem),
        state(load_checkpoint(directory.checkpoint(), generator)) {}

  Spec spec;
  Problem problem;
  Generator generator;
  GeneratorState state;
};

// One class a row; none for a generator without classes.
std::vector<std::int32_t> labels_of(const Trained& run, const std::vector<std::int32_t>& wanted, Index n) {
  const std::int32_t classes = run.problem.classes();
  if (!run.spec.generator.conditional) {
    if (wanted.empty()) return {};
    throw Error(ErrorKind::usage, "label: the run's generator has no classes");
  }
  if (wanted.size() > 1 && static_cast<Index>(wanted.size()) != n) {
    throw Error(ErrorKind::usage, fmt::format("label: {} labels for {} samples", wanted.size(), n));
  }
  for (const std::int32_t label : wanted) {
    if (label >= 0 && label < classes) continue;
    throw Error(ErrorKind::usage, fmt::format("label {}: the run has classes 0 to {}", label, classes - 1));
  }
  if (wanted.size() == 1) return std::vector<std::int32_t>(static_cast<std::size_t>(n), wanted.front());
  std::vector<std::int32_t> labels = wanted;
  for (Index i = static_cast<Index>(labels.size()); i < n; ++i)
    labels.push_back(static_cast<std::int32_t>(i * classes / n));
  return labels;
}

void check_guidance(const Spec& spec, double strength) {
  if (strength == 1) return;
  if (!spec.guidance.active())
    throw Error(ErrorKind::usage, "guidance: the run's generator learned none (guidance.largest = 1)");
  if (strength >= 1 && strength <= spec.guidance.largest) return;
  throw Error(ErrorKind::usage, fmt::format("guidance: {}; the run learned strengths from 1 to {}", strength,
                                            spec.guidance.largest));
}

// In the network's units.
Points<float> draw_raw(Trained& run, const Draw& draw) {
  const Points<float>& noise = draw.noise;
  const Index width = run.spec.generator.noise;
  check_guidance(run.spec, draw.guidance);
  if (noise.cols() == 0) {
    base::Stream stream(static_cast<std::uint64_t>(draw.seed), 0, "sample");
    return run.generator.sample(run.state.average, stream, labels_of(run, draw.labels, draw.count),
                                draw.count, draw.guidance);
  }
  if (noise.cols() != width) {
    throw Error(ErrorKind::usage, fmt::format("noise: {} columns, expected {} (generator.noise of the run)",
                                              noise.cols(), width));
  }
  for (Index i = 0; i < noise.size(); ++i) {
    if (std::isfinite(noise.data()[i])) continue;
    throw Error(ErrorKind::input, fmt::format("noise: row {}, column {} holds {}; expected finite numbers",
                                              i / width + 1, i % width + 1, noise.data()[i]));
  }
  return run.generator.sample(run.state.average, noise, labels_of(run, draw.labels, noise.rows()),
                              draw.guidance);
}

Points<float> read_noise(const std::filesystem::path& path) {
  const data::Array array = data::parse_npy(base::read_file(path), path.string());
  if (array.shape.size() != 2 || array.shape[0] < 1 || array.shape[1] < 1) {
    throw Error(ErrorKind::input,
                fmt::format("{}: {} subscripts and {} numbers; expected a matrix (samples, noise)",
                            path.string(), array.shape.size(), array.values.size()));
  }
  return Eigen::Map<const Points<double>>(array.values.data(), array.shape[0], array.shape[1]).cast<float>();
}

}  // namespace

Points<float> draw(const study::RunDirectory& directory, const Draw& draw) {
  Trained run(directory);
  return run.problem.restore(draw_raw(run, draw));
}

void sample(const study::RunDirectory& directory, const study::SampleRequest& request) {
  Trained run(directory);
  const std::string extension = request.out.extension().string();
  const bool picture = extension == ".png" && !run.problem.image().empty();
  if (!data::holds_table(request.out) && !picture) {
    throw Error(ErrorKind::usage, fmt::format("--out {}: expected .npy or .csv, or .png when the data are "
                                              "images",
                                              request.out.string()));
  }
  Draw draw{.count = request.count, .seed = request.seed, .guidance = request.guidance};
  if (!request.noise.empty()) draw.noise = read_noise(request.noise);
  if (request.label >= 0) draw.labels = {static_cast<std::int32_t>(request.label)};
  const Points<float> raw = draw_raw(run, draw);
  if (picture) {
    const Points<float>& data = run.problem.held_out();
    const data::Image sheet = report::sample_sheet(raw, static_cast<int>(run.problem.image()[0]),
                                                   static_cast<int>(run.problem.image()[1]), 16,
                                                   {data.minCoeff(), data.maxCoeff()});
    return base::write_file_atomically(request.out, data::encode_png(sheet));
  }
  data::write_table(request.out, run.problem.restore(raw));
}

std::vector<std::filesystem::path> export_run(const study::RunDirectory& directory,
                                              const std::filesystem::path& out) {
  if (holds_no_model(study::job_of(directory))) return {};
  Trained run(directory);
  const Problem& problem = run.problem;
  nlohmann::json config = nlohmann::json::parse(study::config_of(run.spec));
  config["output"] = {{"dimension", problem.dimension()},
                      {"offset", problem.offset()},
                      {"factor", problem.factor()},
                      {"classes", problem.classes()}};
  const nets::Mlp<float>& network = run.generator.network();
  std::vector<std::filesystem::path> written =
      study::export_model(out, encode_model(network, run.state.average, config.dump()), config.dump());
  written.push_back(out / "model.onnx");
  base::write_file_atomically(
      written.back(),
      nets::encode_onnx(network, run.state.average,
                        {.offset = problem.offset(), .factor = problem.factor(), .config = config.dump()}));
  return written;
}

}  // namespace starling::drift
