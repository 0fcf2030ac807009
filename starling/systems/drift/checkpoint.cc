#include "starling/systems/drift/checkpoint.h"

#include "starling/base/atomic_file.h"
#include "starling/data/safetensors.h"
#include "starling/study/model_file.h"

namespace starling::drift {
std::string encode_model(const nets::Mlp<float>& network, const std::vector<float>& parameters,
                         const std::string& config) {
  return data::encode_safetensors(study::model_file(network.blocks(), parameters, config));
}

void save_checkpoint(const std::filesystem::path& path, const nets::Mlp<float>& network,
                     GeneratorState& state, const std::string& config) {
  data::TensorFile file = study::model_file(network.blocks(), state.average, config);
  data::add_flat<float>(file, "state.parameters", state.parameters);
  data::add_flat<float>(file, "state.average", state.average);
  for (const auto& [name, values] : state.optimizer.state())
    data::add_flat<float>(file, "state." + name, values);
  const std::int64_t steps[] = {state.step, state.optimizer.steps()};
  data::add_flat<std::int64_t>(file, "state.steps", steps);
  data::add_flat<double>(file, "state.smoothed_loss", std::span<const double>(&state.smoothed_loss, 1));
  base::write_file_atomically(path, data::encode_safetensors(file));
}

GeneratorState load_checkpoint(const std::filesystem::path& path, const Generator& generator) {
  const data::TensorFile file = data::decode_safetensors(base::read_file(path), path.string());
  const std::string from = path.string();
  data::require_flat<float>(file, "state.parameters", generator.network().parameter_count(), from);
  GeneratorState state = generator.start();
  data::read_flat<float>(file, "state.parameters", state.parameters, from);
  data::read_flat<float>(file, "state.average", state.average, from);
  for (const auto& [name, values] : state.optimizer.state())
    data::read_flat<float>(file, "state." + name, values, from);
  std::int64_t steps[2] = {};
  data::read_flat<std::int64_t>(file, "state.steps", steps, from);
  data::read_flat<double>(file, "state.smoothed_loss", std::span<double>(&state.smoothed_loss, 1), from);
  state.step = steps[0];
  state.optimizer.restore_steps(steps[1]);
  return state;
}

}  // namespace starling::drift
