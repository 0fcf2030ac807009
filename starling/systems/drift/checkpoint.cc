#include "starling/systems/drift/checkpoint.h"

#include <fmt/format.h>

#include <algorithm>

#include "starling/base/atomic_file.h"
#include "starling/base/error.h"
#include "starling/data/safetensors.h"

namespace starling::drift {
namespace {

using data::TensorFile;

TensorFile model_file(const nets::Mlp<float>& network, const std::vector<float>& parameters, const std::string& config) {
  TensorFile file;
  file.metadata = {{"format", "starling"}, {"config", config}, {"checksum", ""}};
  for (const nets::Block& block : network.blocks()) {
    std::size_t size = 1;
    for (const auto extent : block.shape) size *= static_cast<std::size_t>(extent);
    file.tensors.push_back(data::make_tensor<float>(
        block.name, block.shape, std::span<const float>(parameters).subspan(static_cast<std::size_t>(block.offset), size)));
  }
  return file;
}

template <class T>
void read(const TensorFile& file, const char* name, std::span<T> out, const std::filesystem::path& path) {
  for (const data::Tensor& tensor : file.tensors) {
    if (tensor.name != name) continue;
    const std::vector<T> values = data::values<T>(tensor);
    if (values.size() != out.size()) break;
    std::copy(values.begin(), values.end(), out.begin());
    return;
  }
  throw base::Error(base::ErrorKind::input,
                    fmt::format("{}: tensor '{}' is missing or does not fit this network", path.string(), name));
}

}  // namespace

std::string encode_model(const nets::Mlp<float>& network, const std::vector<float>& parameters, const std::string& config) {
  return data::encode_safetensors(model_file(network, parameters, config));
}

void save_checkpoint(const std::filesystem::path& path, const nets::Mlp<float>& network, const GeneratorState& state,
                     const std::string& config) {
  TensorFile file = model_file(network, state.average, config);
  const auto flat = [&](const char* name, const std::vector<float>& values) {
    file.tensors.push_back(data::make_tensor<float>(name, {static_cast<std::int64_t>(values.size())}, values));
  };
  flat("state.parameters", state.parameters);
  flat("state.average", state.average);
  flat("state.adam.first", state.adam.first);
  flat("state.adam.second", state.adam.second);
  const std::int64_t steps[] = {state.step, state.adam.step};
  file.tensors.push_back(data::make_tensor<std::int64_t>("state.steps", {2}, steps));
  file.tensors.push_back(data::make_tensor<double>("state.smoothed_loss", {1}, std::span<const double>(&state.smoothed_loss, 1)));
  base::write_file_atomically(path, data::encode_safetensors(file));
}

GeneratorState load_checkpoint(const std::filesystem::path& path, const nets::Mlp<float>& network) {
  const TensorFile file = data::decode_safetensors(base::read_file(path), path.string());
  const auto count = static_cast<std::size_t>(network.parameter_count());
  GeneratorState state{std::vector<float>(count), std::vector<float>(count), optim::AdamWState<float>(count), 0, 0};
  read<float>(file, "state.parameters", state.parameters, path);
  read<float>(file, "state.average", state.average, path);
  read<float>(file, "state.adam.first", state.adam.first, path);
  read<float>(file, "state.adam.second", state.adam.second, path);
  std::int64_t steps[2] = {};
  read<std::int64_t>(file, "state.steps", steps, path);
  read<double>(file, "state.smoothed_loss", std::span<double>(&state.smoothed_loss, 1), path);
  state.step = steps[0];
  state.adam.step = steps[1];
  return state;
}

}  // namespace starling::drift
