#include "starling/optim/block_optimizer.h"

namespace starling::optim {
namespace {

MuonSpec muon_spec(const TrainerSpec& spec) {
  MuonSpec muon = spec.rule == Rule::normuon   ? normuon()
                  : spec.rule == Rule::adamuon ? adamuon()
                  : spec.rule == Rule::scion   ? scion()
                                               : MuonSpec{};
  muon.momentum = spec.momentum;
  if (spec.rule != Rule::scion) muon.nesterov = spec.nesterov;
  muon.map.epsilon = spec.epsilon;
  muon.decay = spec.adam.decay;
  return muon;
}

}  // namespace

bool takes_matrices(Rule rule) {
  return rule != Rule::adamw && rule != Rule::lion && rule != Rule::sgd;
}

template <class T>
BlockOptimizer<T>::BlockOptimizer(const TrainerSpec& spec, const std::vector<TrainedBlock>& blocks,
                                  base::Index count)
    : spec_(spec) {
  const auto size = static_cast<std::size_t>(count);
  if (spec.rule == Rule::lion) lion_ = LionState<T>(size);
  if (spec.rule == Rule::sgd) sgd_ = SgdState<T>(size);
  if (spec.rule == Rule::adamw) rest_.push_back({"adam", 0, size, AdamWState<T>(size)});
  if (!takes_matrices(spec.rule)) return;
  for (const TrainedBlock& block : blocks) {
    if (block.is_matrix) {
      matrices_.push_back({block, Muon<T>(muon_spec(spec), block.rows, block.columns)});
    } else {
      const auto numbers = static_cast<std::size_t>(block.rows * block.columns);
      rest_.push_back({block.name, static_cast<std::size_t>(block.offset), numbers, AdamWState<T>(numbers)});
    }
  }
}

template <class T>
void BlockOptimizer<T>::step(double rate, std::span<T> parameters, std::span<const T> gradient) {
  for (Matrix& matrix : matrices_) {
    const auto offset = static_cast<std::size_t>(matrix.block.offset),
               size = static_cast<std::size_t>(matrix.block.rows * matrix.block.columns);
    matrix.muon.step(rate, parameters.subspan(offset, size), gradient.subspan(offset, size));
  }
  const double rest_rate = takes_matrices(spec_.rule) ? rate * spec_.others : rate;
  for (Rest& rest : rest_)
    adamw_step<T>(spec_.adam, rest_rate, parameters.subspan(rest.offset, rest.size),
                  gradient.subspan(rest.offset, rest.size), rest.adam);
  if (spec_.rule == Rule::lion) {
    const LionSpec lion{.beta1 = spec_.adam.beta1, .beta2 = spec_.adam.beta2, .decay = spec_.adam.decay};
    lion_step<T>(lion, rate, parameters, gradient, lion_);
  }
  if (spec_.rule == Rule::sgd)
    sgd_step<T>({.momentum = spec_.momentum, .decay = spec_.adam.decay}, rate, parameters, gradient, sgd_);
  ++steps_;
}

template <class T>
std::vector<std::pair<std::string, std::span<T>>> BlockOptimizer<T>::state() {
  std::vector<std::pair<std::string, std::span<T>>> out;
  const auto add = [&out](const std::string& name, std::span<T> values) {
    if (!values.empty()) out.emplace_back(name, values);
  };
  for (Matrix& matrix : matrices_) {
    const auto parts = matrix.muon.state();
    add(matrix.block.name + ".momentum", parts[0]);
    add(matrix.block.name + ".second", parts[1]);
    add(matrix.block.name + ".correction", parts[2]);
  }
  for (Rest& rest : rest_) {
    add(rest.name + ".first", rest.adam.first);
    add(rest.name + ".second", rest.adam.second);
  }
  add("lion.momentum", lion_.momentum);
  add("sgd.velocity", sgd_.velocity);
  return out;
}

template <class T>
void BlockOptimizer<T>::restore_steps(std::int64_t steps) {
  steps_ = steps;
  for (Rest& rest : rest_) rest.adam.step = steps;
}

template class BlockOptimizer<float>;
template class BlockOptimizer<double>;

}  // namespace starling::optim
