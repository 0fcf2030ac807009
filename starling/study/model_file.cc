#include "starling/study/model_file.h"

#include <nlohmann/json.hpp>

#include "starling/base/atomic_file.h"

namespace starling::study {

data::TensorFile model_file(const std::vector<nets::Block>& blocks, std::span<const float> parameters,
                            const std::string& config) {
  data::TensorFile file;
  file.metadata = {{"format", "starling"}, {"config", config}, {"checksum", ""}};
  for (const nets::Block& block : blocks) {
    std::size_t size = 1;
    for (const auto extent : block.shape) size *= static_cast<std::size_t>(extent);
    file.tensors.push_back(data::make_tensor<float>(
        block.name, block.shape, parameters.subspan(static_cast<std::size_t>(block.offset), size)));
  }
  return file;
}

std::vector<std::filesystem::path> export_model(const std::filesystem::path& out, const std::string& model,
                                                const std::string& config) {
  const auto weights = out / "model.safetensors", json = out / "config.json";
  base::write_file_atomically(weights, model);
  base::write_file_atomically(json, nlohmann::json::parse(config).dump(2) + "\n");
  return {weights, json};
}

}  // namespace starling::study
