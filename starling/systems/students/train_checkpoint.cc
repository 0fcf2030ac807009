#include "starling/systems/students/train_checkpoint.h"

#include <fmt/format.h>

#include "starling/base/atomic_file.h"
#include "starling/base/error.h"
#include "starling/data/safetensors.h"

namespace starling::students {
namespace {

// A fit as one tensor: loss, gradient, 1 when converged and 2 when to a minimum, steps, passes, how many
// losses, the losses, the parameters.
constexpr std::size_t numbers_before = 6;

std::vector<double> packed(const Fit& fit) {
  std::vector<double> out = {fit.loss,
                             fit.gradient,
                             (fit.converged ? 1.0 : 0.0) + (fit.is_minimum ? 1.0 : 0.0),
                             static_cast<double>(fit.steps),
                             static_cast<double>(fit.passes),
                             static_cast<double>(fit.losses.size())};
  out.insert(out.end(), fit.losses.begin(), fit.losses.end());
  out.insert(out.end(), fit.parameters.begin(), fit.parameters.end());
  return out;
}

Fit unpacked(const std::vector<double>& numbers, const std::string& where) {
  const std::size_t size = numbers.size();
  const bool whole =
      size >= numbers_before && numbers[5] >= 0 && numbers[5] <= static_cast<double>(size - numbers_before);
  if (!whole) throw base::Error(base::ErrorKind::input, fmt::format("{}: damaged", where));
  const auto losses = static_cast<std::ptrdiff_t>(numbers[5]);
  const auto begin = numbers.begin() + static_cast<std::ptrdiff_t>(numbers_before);
  Fit fit;
  fit.loss = numbers[0];
  fit.gradient = numbers[1];
  fit.converged = numbers[2] >= 1;
  fit.is_minimum = numbers[2] >= 2;
  fit.steps = static_cast<std::int64_t>(numbers[3]);
  fit.passes = static_cast<std::int64_t>(numbers[4]);
  fit.losses.assign(begin, begin + losses);
  fit.parameters = Eigen::Map<const base::Vector<double>>(
      numbers.data() + numbers_before + losses, static_cast<base::Index>(numbers.end() - begin) - losses);
  return fit;
}

}  // namespace

void TrainCheckpoint::load() {
  if (!std::filesystem::exists(path_)) return;
  const data::TensorFile file = data::decode_safetensors(base::read_file(path_), path_.string());
  for (const data::Tensor& tensor : file.tensors)
    fits_[tensor.name] =
        unpacked(data::values<double>(tensor), fmt::format("{}: '{}'", path_.string(), tensor.name));
}

void TrainCheckpoint::save() const {
  data::TensorFile file;
  for (const auto& [key, fit] : fits_) {
    const std::vector<double> numbers = packed(fit);
    file.tensors.push_back(
        data::make_tensor<double>(key, {static_cast<std::int64_t>(numbers.size())}, numbers));
  }
  base::write_file_atomically(path_, data::encode_safetensors(file));
}

const Fit& TrainCheckpoint::get(const std::string& key, base::Index count) const {
  const auto found = fits_.find(key);
  if (found != fits_.end() && found->second.parameters.size() == count) return found->second;
  throw base::Error(base::ErrorKind::input,
                    fmt::format("{}: '{}' is damaged: it has not the {} parameters of this run",
                                path_.string(), key, count));
}

}  // namespace starling::students
