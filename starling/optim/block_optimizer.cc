#include "starling/optim/block_optimizer.h"

#include "starling/base/error.h"

namespace starling::optim {

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

const std::vector<std::pair<std::string, Rule>>& rules() {
  static const std::vector<std::pair<std::string, Rule>> known = {
      {"adamw", Rule::adamw},     {"muon", Rule::muon},   {"normuon", Rule::normuon},
      {"adamuon", Rule::adamuon}, {"scion", Rule::scion}, {"shampoo", Rule::shampoo},
      {"soap", Rule::soap},       {"lion", Rule::lion},   {"sgd", Rule::sgd}};
  return known;
}

Rule rule_named(std::string_view name) {
  std::vector<std::string> known;
  for (const auto& [text, rule] : rules()) {
    if (name == text) return rule;
    known.push_back(text);
  }
  throw base::Error(base::ErrorKind::usage,
                    "unknown optimizer '" + std::string(name) + "'" + base::suggestion(name, known));
}

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
  for (const TrainedBlock& block : blocks) add(block);
}

template <class T>
void BlockOptimizer<T>::add(const TrainedBlock& block) {
  if (!block.is_matrix) {
    rest_.push_back(
        {block.name, static_cast<std::size_t>(block.offset), block.size(), AdamWState<T>(block.size())});
    return;
  }
  const AdamWSpec& adam = spec_.adam;
  if (spec_.rule != Rule::shampoo && spec_.rule != Rule::soap) {
    matrices_.push_back({block, Muon<T>(muon_spec(spec_), block.rows, block.columns, block.batch)});
    return;
  }
  for (base::Index i = 0; i < block.batch; ++i) {
    TrainedBlock one = block;
    one.batch = 1;
    one.offset += i * block.rows * block.columns;
    if (block.batch > 1) one.name += "." + std::to_string(i);
    if (spec_.rule == Rule::shampoo) {
      const ShampooSpec shampoo{.momentum = adam.beta1, .second = adam.beta2, .decay = adam.decay};
      matrices_.push_back({one, Shampoo<T>(shampoo, block.rows, block.columns)});
    } else {
      const SoapSpec soap{.beta1 = adam.beta1, .beta2 = adam.beta2, .decay = adam.decay};
      matrices_.push_back({one, Soap<T>(soap, block.rows, block.columns)});
    }
  }
}

template <class T>
void BlockOptimizer<T>::step(double rate, std::span<T> parameters, std::span<const T> gradient) {
  for (Matrix& matrix : matrices_) {
    const auto offset = static_cast<std::size_t>(matrix.block.offset), size = matrix.block.size();
    std::visit(
        [&](auto& rule) {
          rule.step(rate, parameters.subspan(offset, size), gradient.subspan(offset, size));
        },
        matrix.rule);
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
    static constexpr const char* parts_of[][8] = {
        {"momentum", "second", "correction"},
        {"momentum", "left_root", "right_root", "left", "left_low", "right", "right_low"},
        {"first", "second", "left_basis", "right_basis", "left", "left_low", "right", "right_low"}};
    const auto parts = std::visit([](auto& rule) { return rule.state(); }, matrix.rule);
    for (std::size_t i = 0; i < parts.size(); ++i)
      add(matrix.block.name + "." + parts_of[matrix.rule.index()][i], parts[i]);
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
  for (Matrix& matrix : matrices_) {
    std::visit(
        [steps](auto& rule) {
          if constexpr (requires { rule.restore_steps(steps); }) rule.restore_steps(steps);
        },
        matrix.rule);
  }
}

template class BlockOptimizer<float>;
template class BlockOptimizer<double>;

}  // namespace starling::optim
