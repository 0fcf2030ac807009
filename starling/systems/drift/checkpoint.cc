#include "starling/systems/drift/checkpoint.h"

#include <fmt/format.h>

#include <algorithm>

#include "starling/base/atomic_file.h"
#include "starling/base/error.h"
#include "starling/data/safetensors.h"

namespace starling::drift {
namespace {

using data::TensorFile;

TensorFile model_file(const nets::Mlp<float>& network, const std::vector<float>& parameters,
                      const std::string& config) {
  TensorFile file;
  file.metadata = {{"format", "starling"}, {"config", config}, {"checksum", ""}};
  for (const nets::Block& block : network.blocks()) {
    std::size_t size = 1;
    for (const auto extent : block.shape) size *= static_cast<std::size_t>(extent);
    file.tensors.push_back(data::make_tensor<float>(
        block.name, block.shape,
        std::span<const float>(parameters).subspan(static_cast<std::size_t>(block.offset), size)));
  }
  return file;
}

template <class T>
void read(const TensorFile& file, const std::string& name, std::span<T> out,
          const std::filesystem::path& path) {
  for (const data::Tensor& tensor : file.tensors) {
    if (tensor.name != name) continue;
    const std::vector<T> values = data::values<T>(tensor);
    if (values.size() != out.size()) break;
    std::copy(values.begin(), values.end(), out.begin());
    return;
  }
  throw base::Error(
      base::ErrorKind::input,
      fmt::format("{}: tensor '{}' is missing or does not fit this network", path.string(), name));
}

}  // namespace

std::string encode_model(const nets::Mlp<float>& network, const std::vector<float>& parameters,
                         const std::string& config) {
  return data::encode_safetensors(model_file(network, parameters, config));
}

void save_checkpoint(const std::filesystem::path& path, const nets::Mlp<float>& network,
                     GeneratorState& state, const std::string& config) {
  TensorFile file = model_file(network, state.average, config);
  const auto flat = [&](const std::string& name, std::span<const float> values) {
    file.tensors.push_back(
        data::make_tensor<float>(name, {static_cast<std::int64_t>(values.size())}, values));
  };
  flat("state.parameters", state.parameters);
  flat("state.average", state.average);
  for (const auto& [name, values] : state.optimizer.state()) flat("state." + name, values);
  const std::int64_t steps[] = {state.step, state.optimizer.steps()};
  file.tensors.push_back(data::make_tensor<std::int64_t>("state.steps", {2}, steps));
  file.tensors.push_back(data::make_tensor<double>("state.smoothed_loss", {1},
                                                   std::span<const double>(&state.smoothed_loss, 1)));
  base::write_file_atomically(path, data::encode_safetensors(file));
}

GeneratorState load_checkpoint(const std::filesystem::path& path, GeneratorState state) {
  const TensorFile file = data::decode_safetensors(base::read_file(path), path.string());
  read<float>(file, "state.parameters", std::span<float>(state.parameters), path);
  read<float>(file, "state.average", std::span<float>(state.average), path);
  for (const auto& [name, values] : state.optimizer.state()) read<float>(file, "state." + name, values, path);
  std::int64_t steps[2] = {};
  read<std::int64_t>(file, "state.steps", steps, path);
  read<double>(file, "state.smoothed_loss", std::span<double>(&state.smoothed_loss, 1), path);
  state.step = steps[0];
  state.optimizer.restore_steps(steps[1]);
  return state;
}

}  // namespace starling::drift
