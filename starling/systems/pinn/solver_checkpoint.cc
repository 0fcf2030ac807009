// What a training leaves on the disk, and goes on from.
#include <algorithm>

#include "starling/data/safetensors.h"
#include "starling/systems/pinn/solver.h"

namespace starling::pinn {

std::string Solver::checkpoint() const {
  data::TensorFile file;
  file.metadata = {{"format", "starling"}, {"checksum", ""}};
  data::add_flat<double>(file, "parameters", solution());
  data::add_flat<double>(file, "points", loss_.term(0).points);
  data::add_flat<double>(file, "point_weights", loss_.term(0).point_weights);
  data::add_flat<double>(file, "term_weights", term_weights());
  if (first_) {
    for (const auto& [name, numbers] : first_->state())
      data::add_flat<double>(file, "first." + name, numbers);
  }
  const std::int64_t counts[] = {state_.step,
                                 state_.stage,
                                 state_.window,
                                 state_.part_start,
                                 state_.phase,
                                 state_.phase_start,
                                 first_ ? first_->steps() : 0,
                                 state_.failures,
                                 state_.at_rest,
                                 state_.best_step};
  data::add_flat<std::int64_t>(file, "counts", counts);
  const double values[] = {state_.loss, state_.gradient_norm, state_.best};
  data::add_flat<double>(file, "values", values);
  if (state_.best_step >= 0) data::add_flat<double>(file, "best", state_.best_parameters);
  if (quasi_newton_) data::add_flat<double>(file, "method", quasi_newton_->snapshot());
  if (damped_) data::add_flat<double>(file, "method", damped_->snapshot());
  return data::encode_safetensors(file);
}

void Solver::restore(std::string_view bytes, const std::string& name) {
  const data::TensorFile file = data::decode_safetensors(bytes, name);
  std::int64_t counts[10] = {};
  data::read_flat<std::int64_t>(file, "counts", counts, name);
  state_.stage = std::clamp<std::int64_t>(counts[1], 0, problem_.stages() - 1);
  restore_parameters(file, counts[2], name);
  if (state_.window > 0 || state_.stage > 0) make_part();
  state_.step = counts[0];
  state_.part_start = counts[3];
  state_.phase = std::clamp<std::int64_t>(counts[4], 0, static_cast<std::int64_t>(phases_.size()) - 1);
  state_.phase_start = counts[5];
  prepare_phase();
  restore_loss(file, name);
  state_.failures = counts[7];
  state_.at_rest = counts[8];
  state_.best_step = counts[9];
  double values[3] = {};
  data::read_flat<double>(file, "values", values, name);
  state_.loss = values[0];
  state_.gradient_norm = values[1];
  state_.best = values[2];
  state_.best_parameters.resize(state_.best_step >= 0 ? state_.parameters.size() : 0);
  if (state_.best_step >= 0) data::read_flat<double>(file, "best", state_.best_parameters, name);
  if (first_) {
    for (const auto& [part, numbers] : first_->state())
      data::read_flat<double>(file, "first." + part, numbers, name);
    first_->restore_steps(counts[6]);
  } else if (state_.step > state_.phase_start) {
    restore_method(file, name);
  }
}

// Windows before, then the present one's.
void Solver::restore_parameters(const data::TensorFile& file, std::int64_t window, const std::string& name) {
  const std::size_t size = state_.parameters.size();
  std::vector<double> all(size * static_cast<std::size_t>(spec_.solver.windows));
  data::read_flat<double>(file, "parameters", all, name);
  state_.window = std::clamp<std::int64_t>(window, 0, spec_.solver.windows - 1);
  const auto begin = all.begin() + static_cast<std::ptrdiff_t>(size) * state_.window;
  state_.former.assign(all.begin(), begin);
  state_.parameters.assign(begin, begin + static_cast<std::ptrdiff_t>(size));
}

void Solver::restore_loss(const data::TensorFile& file, const std::string& name) {
  std::vector<double> points(loss_.term(0).points.size());
  data::read_flat<double>(file, "points", points, name);
  const std::size_t count = points.size() / system_.axes.size();
  std::vector<double> point_weights(spec_.points.causal > 0 ? count : 0), weights(loss_.term_count());
  data::read_flat<double>(file, "point_weights", point_weights, name);
  loss_.set_points(0, std::move(points), std::move(point_weights));
  data::read_flat<double>(file, "term_weights", weights, name);
  for (std::size_t k = 0; k < weights.size(); ++k) loss_.set_weight(k, weights[k]);
}

void Solver::restore_method(const data::TensorFile& file, const std::string& name) {
  if (quasi_newton_) {
    std::vector<double> numbers = quasi_newton_->snapshot();
    data::read_flat<double>(file, "method", numbers, name);
    quasi_newton_->restore(numbers);
  }
  if (damped_) {
    std::vector<double> numbers = damped_->snapshot();
    data::read_flat<double>(file, "method", numbers, name);
    start_method();
    damped_->restore(numbers);
  }
}

}  // namespace starling::pinn
