#include "starling/systems/pinn/solved_run.h"

#include <fmt/format.h>

#include "starling/base/atomic_file.h"
#include "starling/base/error.h"
#include "starling/data/safetensors.h"
#include "starling/data/table_file.h"
#include "starling/study/model_file.h"
#include "starling/study/run_config.h"
#include "starling/systems/pinn/loss.h"
#include "starling/systems/pinn/residual.h"
#include "starling/systems/pinn/solution.h"

namespace starling::pinn {
namespace {

using base::Error;
using base::ErrorKind;

// A run that has a checkpoint, finished or not.
struct Solved {
  SolveSpec spec;
  Problem problem;
  std::vector<double> parameters;

  explicit Solved(const study::RunDirectory& directory)
      : spec(study::read_spec<SolveSpec>(directory, "solve", "solution")), problem(spec) {
    const std::string from = directory.checkpoint().string();
    const data::TensorFile file = data::decode_safetensors(base::read_file(from), from);
    const std::size_t count = problem.parameter_count() * static_cast<std::size_t>(problem.windows());
    data::require_flat<double>(file, "parameters", static_cast<std::ptrdiff_t>(count), from);
    parameters.resize(count);
    data::read_flat<double>(file, "parameters", parameters, from);
  }
};

void add_network(data::TensorFile& file, const std::string& prefix, const nets::JetNetwork& network,
                 std::span<const double> parameters) {
  for (std::ptrdiff_t l = 0; l < network.layers(); ++l) {
    const auto inputs = network.widths[static_cast<std::size_t>(l)],
               outputs = network.widths[static_cast<std::size_t>(l + 1)];
    const auto part = [&](std::ptrdiff_t begin, std::ptrdiff_t size) {
      return parameters.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(size));
    };
    file.tensors.push_back(data::make_tensor<double>(fmt::format("{}layers.{}.weight", prefix, l),
                                                     {outputs, inputs},
                                                     part(network.weight(l), inputs * outputs)));
    file.tensors.push_back(data::make_tensor<double>(fmt::format("{}layers.{}.bias", prefix, l), {outputs},
                                                     part(network.bias(l), outputs)));
  }
}

}  // namespace

std::string encode_model(SolveSpec& spec, const Problem& problem, std::span<const double> parameters) {
  data::TensorFile file;
  file.metadata = {{"format", "starling"}, {"config", study::config_of(spec)}, {"checksum", ""}};
  for (std::int64_t w = 0; w < problem.windows(); ++w) {
    const std::size_t size = problem.parameter_count();
    add_network(file, problem.windows() > 1 ? fmt::format("windows.{}.", w) : "", problem.network(),
                parameters.subspan(static_cast<std::size_t>(w) * size, size));
  }
  const std::vector<double> learned = learned_values(problem.system(), parameters);
  for (std::size_t c = 0; c < learned.size(); ++c)
    data::add_flat<double>(file, "learned." + problem.system().learned[c].name, std::span(&learned[c], 1));
  return data::encode_safetensors(file);
}

std::vector<std::filesystem::path> export_run(const study::RunDirectory& directory,
                                              const std::filesystem::path& out) {
  if (study::job_of(directory) != "solve") return {};
  Solved run(directory);
  return study::export_model(out, encode_model(run.spec, run.problem, run.parameters),
                             study::config_of(run.spec));
}

void predict(const study::RunDirectory& directory, const study::PredictRequest& request) {
  const Solved run(directory);
  const base::Points<double> points = data::read_table(request.input);
  const std::vector<std::string>& axes = run.problem.system().axes;
  if (points.cols() != static_cast<base::Index>(axes.size()))
    throw Error(ErrorKind::usage, fmt::format("{}: {} columns; expected {}", request.input, points.cols(),
                                              fmt::join(axes, ", ")));
  std::vector<int> nodes;
  for (const Definition& quantity : run.problem.quantities()) nodes.push_back(quantity.node);
  const std::vector<double> values =
      values_of(run.problem, nodes, run.parameters,
                std::span<const double>(points.data(), static_cast<std::size_t>(points.size())));
  using ByQuantity = Eigen::Map<const base::Points<double>>;
  const base::Points<double> table =
      ByQuantity(values.data(), static_cast<base::Index>(nodes.size()), points.rows()).transpose();
  data::write_table(request.out, table);
}

}  // namespace starling::pinn
