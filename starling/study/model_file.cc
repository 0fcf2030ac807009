#include "starling/study/model_file.h"

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

}  // namespace starling::study
